"""A client of acton for asyncio and Python 3.8 or later. It needs the standard library only, and `msgpack` if MessagePack is to be spoken.

    python3 examples/clients/python_async_client.py [SOCKET [json | msgpack]]

runs the demonstration at the end of this file against the demo services (`npm start`).

Left out: connecting anew when the connection is lost, and keep-alive frames (the server closes what is idle for 30 s).
"""

import asyncio
import itertools
import json
import struct
import sys

try:
    import msgpack
except ImportError:
    msgpack = None

ITEMS_AHEAD = 64  # Items of a stream that may wait here for their reader; then the agent waits.
PUSHES_MAX = 256  # Pushes that may wait here for their reader; then the newest are lost.
FRAME_BYTES_MAX = 2**24


class ActonError(Exception):
    """What the server answered instead of a reply. `code` is one of the codes in docs/protocol.md."""

    def __init__(self, response):
        super().__init__(response["error"])
        self.code = response["error_code"]
        self.retry_after_ms = response.get("retry_after_ms")


class ActonClient:
    """One connection. Any number of calls may be open at once: each has its own request id.

    async with ActonClient("/tmp/acton.sock") as client: …
    """

    def __init__(self, path="/tmp/acton.sock", use_msgpack=False):
        if use_msgpack and msgpack is None:
            raise ImportError("MessagePack needs the package msgpack")
        self._path = path
        self._use_msgpack = use_msgpack
        self._ids = itertools.count(1)
        self._calls = {}  # By request id: the queue that takes the frames of a call.
        self._subscribers = {}  # By queue: the message types that it wants.
        self._failure = None

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_unix_connection(self._path)
        self._reading = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_):
        self._reading.cancel()
        self._writer.close()

    async def ask(self, agent, message_type, payload, timeout_ms=30_000):
        """The agent's reply. Cancelling the task cancels the request."""
        response = await self._call(target=agent, message_type=message_type, payload=payload, expects_reply=True, timeout_ms=timeout_ms)
        return response["payload"]

    async def send(self, agent, message_type, payload):
        """Returns once the message is in the agent's mailbox. Nobody waits for what the agent makes of it."""
        await self._call(target=agent, message_type=message_type, payload=payload)

    async def stream(self, agent, message_type, payload):
        """The items of a stream. Closing the generator (`aclosing`, or the end of its loop's task) tells the agent to stop."""
        request_id, frames = self._open(
            target=agent, message_type=message_type, payload=payload, expects_stream=True, stream_window=ITEMS_AHEAD
        )
        read = 0
        try:
            while True:
                frame = await self._next(frames)
                if "error_code" in frame:
                    raise ActonError(frame)
                if not frame["is_final"] or frame["payload"] is not None:
                    yield frame["payload"]
                if frame["is_final"]:
                    return
                read += 1
                if read % (ITEMS_AHEAD // 2) == 0:
                    await self._write({"credit": ITEMS_AHEAD // 2, "stream_id": request_id})
        finally:
            self._leave(request_id)

    async def subscribe(self, *message_types):
        """Every message of these types that is broadcast from now on: `{"message_type": …, "payload": …, "seq": …}`."""
        pushes = asyncio.Queue(PUSHES_MAX)
        self._subscribers[pushes] = message_types
        try:
            answer = await self._call(message_types=list(message_types))
            if answer["rejected_types"]:
                raise LookupError(f"the server does not know {', '.join(answer['rejected_types'])}")
            while True:
                yield await self._next(pushes)
        finally:
            del self._subscribers[pushes]
            unwanted = set(message_types).difference(*self._subscribers.values())
            if unwanted:  # An empty list would leave everything.
                self._put({"unsubscribe": list(unwanted)})

    async def _call(self, **body):
        request_id, frames = self._open(**body)
        try:
            await self._drain()
            response = await self._next(frames)
        finally:
            self._leave(request_id)
        if not response["success"]:
            raise ActonError(response)
        return response

    def _open(self, **body):
        if self._failure is not None:
            raise self._failure
        request_id = str(next(self._ids))
        self._put({"request_id": request_id, **body})
        frames = self._calls[request_id] = asyncio.Queue()
        return request_id, frames

    def _leave(self, request_id):
        """Cancels the call, unless its last frame has come."""
        if self._calls.pop(request_id, None) is not None:
            self._put({"cancel": request_id})

    async def _next(self, frames):
        if self._failure is None or not frames.empty():
            frame = await frames.get()
            if frame is not None:
                return frame
        raise self._failure

    async def _write(self, body):
        self._put(body)
        await self._drain()

    def _put(self, body):
        if self._failure is None:
            data = msgpack.packb(body) if self._use_msgpack else json.dumps(body).encode()
            self._writer.write(struct.pack(">I", len(data)) + data)

    async def _drain(self):
        """Waits while more is on its way to the server than it reads."""
        try:
            await self._writer.drain()
        except ConnectionError:
            pass  # The reading side meets it too, and knows whether the server gave a reason.

    async def _read(self):
        try:
            while True:
                # `readexactly` waits until all of it is there, in however many pieces it comes.
                (length,) = struct.unpack(">I", await self._reader.readexactly(4))
                if length > FRAME_BYTES_MAX:
                    raise ConnectionError(f"the server sent a frame of {length} bytes")
                self._receive(await self._reader.readexactly(length))
        except asyncio.IncompleteReadError:
            self._end(ConnectionError("the server closed the connection"))
        except asyncio.CancelledError:
            self._end(ConnectionError("the client was closed"))
        except Exception as error:
            self._end(error)

    def _receive(self, data):
        frame = json.loads(data) if data[:1] == b"{" else msgpack.unpackb(data)
        request_id = frame.get("request_id")
        if frame.get("notification_type") == "subscription":
            for pushes, message_types in self._subscribers.items():
                if frame["message_type"] in message_types and not pushes.full():
                    pushes.put_nowait(frame)
        elif request_id in self._calls:
            self._calls[request_id].put_nowait(frame)
            if frame.get("is_final", True):  # Only the frames of a stream have it.
                del self._calls[request_id]
        elif request_id is None and frame.get("success") is False:
            raise ActonError(frame)  # An error that names no request is about the connection itself.

    def _end(self, error):
        """Every open call ends with the connection."""
        self._failure = error
        self._writer.close()
        for frames in self._calls.values():
            frames.put_nowait(None)
        self._calls.clear()
        for pushes in self._subscribers:
            if not pushes.full():  # Who has pushes left to read looks at the failure next.
                pushes.put_nowait(None)


async def main(path="/tmp/acton.sock", body_format="json"):
    async with ActonClient(path, use_msgpack=body_format == "msgpack") as client:
        replies = await asyncio.gather(*(client.ask("calculator", "AddRequest", {"a": 5, "b": b}) for b in (1, 2, 3)))
        print("5 + 1, 2, 3 =", ", ".join(str(reply["sum"]) for reply in replies))

        items = client.stream("list_service", "ListRequest", {"page_size": 1_000_000})
        async for item in items:
            print(item["id"], item["name"])
            if item["id"] == 2:
                break
        await items.aclose()

        try:
            await client.ask("nobody", "AddRequest", {"a": 5, "b": 3})
        except ActonError as error:
            print(error.code)

        left = 2
        prices = client.subscribe("PriceUpdate")
        async for push in prices:
            print(push["message_type"], push["payload"]["symbol"])
            left -= 1
            if left == 0:
                break
        await prices.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
