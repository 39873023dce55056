"""A client of acton for Python 3.8 or later. It needs the standard library only, and `msgpack` if MessagePack is to be spoken.

    python3 examples/clients/python_client.py [SOCKET [json | msgpack]]

runs the demonstration at the end of this file against the demo services (`npm start`).

One client makes one call at a time; open a second one for something that goes on beside it, or take `python_async_client.py`.
Left out: connecting anew when the connection is lost, and keep-alive frames (the server closes what is idle for 30 s).
"""

import itertools
import json
import socket
import struct
import sys

try:
    import msgpack
except ImportError:
    msgpack = None


class ActonError(Exception):
    """What the server answered instead of a reply. `code` is one of the codes in docs/protocol.md."""

    def __init__(self, response):
        super().__init__(response["error"])
        self.code = response["error_code"]
        self.retry_after_ms = response.get("retry_after_ms")


class ActonClient:
    def __init__(self, path="/tmp/acton.sock", use_msgpack=False):
        if use_msgpack and msgpack is None:
            raise ImportError("MessagePack needs the package msgpack")
        self._use_msgpack = use_msgpack
        self._ids = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def ask(self, agent, message_type, payload, timeout_ms=30_000):
        """The agent's reply."""
        response = self._call(target=agent, message_type=message_type, payload=payload, expects_reply=True, timeout_ms=timeout_ms)
        return response["payload"]

    def send(self, agent, message_type, payload):
        """Returns once the message is in the agent's mailbox. Nobody waits for what the agent makes of it."""
        self._call(target=agent, message_type=message_type, payload=payload)

    def stream(self, agent, message_type, payload):
        """The items of a stream. Leaving the loop early tells the agent to stop."""
        request_id = self._send(target=agent, message_type=message_type, payload=payload, expects_stream=True)
        try:
            while True:
                frame = self._answer_to(request_id)
                if "error_code" in frame:
                    raise ActonError(frame)
                if not frame["is_final"] or frame["payload"] is not None:
                    yield frame["payload"]
                if frame["is_final"]:
                    return
        except GeneratorExit:
            self._write({"cancel": request_id})
            raise

    def subscribe(self, *message_types):
        """Every message of these types that is broadcast from now on: `{"message_type": …, "payload": …, "seq": …}`."""
        answer = self._call(message_types=list(message_types))
        if answer["rejected_types"]:
            raise LookupError(f"the server does not know {', '.join(answer['rejected_types'])}")
        try:
            while True:
                push = self._receive()
                if push.get("notification_type") == "subscription" and push["message_type"] in message_types:
                    yield push
        except GeneratorExit:
            self._write({"unsubscribe": list(message_types)})
            raise

    def _call(self, **body):
        response = self._answer_to(self._send(**body))
        if not response["success"]:
            raise ActonError(response)
        return response

    def _send(self, **body):
        request_id = str(next(self._ids))
        self._write({"request_id": request_id, **body})
        return request_id

    def _write(self, body):
        data = msgpack.packb(body) if self._use_msgpack else json.dumps(body).encode()
        self._socket.sendall(struct.pack(">I", len(data)) + data)

    def _answer_to(self, request_id):
        """The next frame for this request; what still comes for one that was left is skipped."""
        while True:
            frame = self._receive()
            if frame.get("request_id") == request_id:
                return frame

    def _receive(self):
        (length,) = struct.unpack(">I", self._read(4))
        data = self._read(length)
        frame = json.loads(data) if data[:1] == b"{" else msgpack.unpackb(data)
        # An error that names no request is about the connection itself.
        if frame.get("success") is False and frame["request_id"] is None:
            raise ActonError(frame)
        return frame

    def _read(self, count):
        """Exactly `count` bytes: the kernel hands them over in pieces of any size."""
        data = bytearray()
        while len(data) < count:
            chunk = self._socket.recv(count - len(data))
            if not chunk:
                raise ConnectionError("the server closed the connection")
            data += chunk
        return bytes(data)


def main(path="/tmp/acton.sock", body_format="json"):
    with ActonClient(path, use_msgpack=body_format == "msgpack") as client:
        print("5 + 3 =", client.ask("calculator", "AddRequest", {"a": 5, "b": 3})["sum"])

        for item in client.stream("list_service", "ListRequest", {"page_size": 1_000_000}):
            print(item["id"], item["name"])
            if item["id"] == 2:
                break

        try:
            client.ask("nobody", "AddRequest", {"a": 5, "b": 3})
        except ActonError as error:
            print(error.code)

        for push in itertools.islice(client.subscribe("PriceUpdate"), 2):
            print(push["message_type"], push["payload"]["symbol"])


if __name__ == "__main__":
    main(*sys.argv[1:])
