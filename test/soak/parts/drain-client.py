"""A client under which a server is restarted: for each line that comes it connects, keeps so many requests in flight beside a
stream and the pushes, stops asking when it is told that the server shuts down, reads to the end, and says what it has seen."""

import json
import select
import socket
import struct
import sys
import time

path, in_flight = sys.argv[1], int(sys.argv[2])


def connect():
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            client.close()
            time.sleep(0.005)


def frame(body):
    data = json.dumps(body).encode()
    return struct.pack(">I", len(data)) + data


def ask(number):
    return frame({"request_id": f"r{number}", "target": "work", "message_type": "Pause", "payload": {"ms": 5}, "expects_reply": True})


def stream(number):
    payload = {"count": 10, "pauseMs": 2}
    return frame({"request_id": f"s{number}", "target": "streams", "message_type": "Items", "payload": payload, "expects_stream": True})


def one_life():
    said = {"answered": 0, "refused": 0, "failed": 0, "unanswered": 0, "cut": 0, "misordered": 0, "pushes": 0, "reset": 0}
    client = connect()
    asked = 0
    streams = 1
    expected = {"s0": 0}
    next_push = 0
    asking = True
    outgoing = bytearray(frame({"message_types": ["News"]}) + stream(0))
    incoming = bytearray()
    waiting = set()

    def more():
        nonlocal asked
        while asking and len(waiting) < in_flight:
            waiting.add(f"r{asked}")
            outgoing.extend(ask(asked))
            asked += 1

    def heard(answer):
        nonlocal asking, streams, next_push
        if "message_type" in answer and "request_id" not in answer:
            said["pushes"] += 1
            gap = answer.get("dropped", 0)
            if answer["seq"] != next_push + gap and answer["seq"] != next_push:
                said["misordered"] += 1
            next_push = answer["seq"] + 1
            return
        name = answer["request_id"]
        if answer.get("error_code") == "SHUTTING_DOWN":
            asking = False
            said["refused"] += 1
        if name in expected:
            if answer["is_final"]:
                # Its last frame has the number after the last item's.
                said["failed"] += 1 if answer.get("error_code") not in (None, "SHUTTING_DOWN") else 0
                del expected[name]
                if asking:
                    expected[f"s{streams}"] = 0
                    outgoing.extend(stream(streams))
                    streams += 1
            else:
                said["misordered"] += 1 if answer["sequence"] != expected[name] else 0
                expected[name] += 1
            return
        waiting.discard(name)
        if answer["success"]:
            said["answered"] += 1
        elif answer.get("error_code") != "SHUTTING_DOWN":
            said["failed"] += 1

    try:
        while True:
            more()
            readable, writable, _ = select.select([client], [client] if outgoing else [], [])
            if writable:
                sent = client.send(outgoing[:65536])
                del outgoing[:sent]
            if readable:
                chunk = client.recv(65536)
                if not chunk:
                    break
                incoming += chunk
                while len(incoming) >= 4:
                    end = 4 + struct.unpack(">I", incoming[:4])[0]
                    if len(incoming) < end:
                        break
                    body = bytes(incoming[4:end])
                    del incoming[:end]
                    heard(json.loads(body))
    except OSError as error:
        said["reset"] += 1
        said["why"] = str(error)
    said["unanswered"] = len(waiting)
    said["cut"] = len(expected)
    client.close()
    return said


for _ in sys.stdin:
    print(json.dumps(one_life()), flush=True)
