"""A client of acton for Python 3.8 or later. It needs the standard library only.

    python3 examples/clients/python_client.py [SOCKET]

runs the demonstration at the end of this file against the demo services (`npm start`).
One client makes one call at a time; open a second one for something that goes on beside it.
"""

import itertools
import json
import socket
import struct
import sys


class ActonError(Exception):
    """What the server answered instead of a reply. `code` is one of the codes in docs/protocol.md."""

    def __init__(self, response):
        super().__init__(response["error"])
        self.code = response["error_code"]
        self.retry_after_ms = response.get("retry_after_ms")


class ActonClient:
    def __init__(self, path="/tmp/acton.sock"):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._ids = itertools.count(1)

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
        frame = {"is_final": False}
        try:
            while not frame["is_final"]:
                frame = self._answer_to(request_id)
                if "error_code" in frame:
                    raise ActonError(frame)
                if frame["payload"] is not None or not frame["is_final"]:
                    yield frame["payload"]
        finally:
            if not frame["is_final"]:
                self._write({"cancel": request_id})

    def subscribe(self, *message_types):
        """Every message of these types that is broadcast from now on, as pairs of type and payload."""
        answer = self._call(message_types=list(message_types))
        if answer["rejected_types"]:
            raise LookupError(f"the server does not know {', '.join(answer['rejected_types'])}")
        while True:
            push = self._receive()
            if push.get("notification_type") == "subscription":
                yield push["message_type"], push["payload"]

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
        data = json.dumps(body).encode()
        self._socket.sendall(struct.pack(">I", len(data)) + data)

    def _answer_to(self, request_id):
        while True:
            frame = self._receive()
            if frame.get("request_id") == request_id:
                return frame
            # An error that names no request is about the connection itself.
            if frame.get("request_id") is None and frame.get("success") is False:
                raise ActonError(frame)

    def _receive(self):
        (length,) = struct.unpack(">I", self._read(4))
        return json.loads(self._read(length)) if length else {}

    def _read(self, count):
        """Exactly `count` bytes: the kernel hands them over in pieces of any size."""
        data = bytearray()
        while len(data) < count:
            chunk = self._socket.recv(count - len(data))
            if not chunk:
                raise ConnectionError("the server closed the connection")
            data += chunk
        return bytes(data)


def main(path="/tmp/acton.sock"):
    with ActonClient(path) as client:
        print("5 + 3 =", client.ask("calculator", "AddRequest", {"a": 5, "b": 3})["sum"])

        for item in client.stream("list_service", "ListRequest", {"page_size": 1_000_000}):
            print(item["id"], item["name"])
            if item["id"] == 2:
                break

        try:
            client.ask("nobody", "AddRequest", {"a": 5, "b": 3})
        except ActonError as error:
            print(error.code)

        for message_type, payload in itertools.islice(client.subscribe("PriceUpdate"), 2):
            print(message_type, payload["symbol"])


if __name__ == "__main__":
    main(*sys.argv[1:])
