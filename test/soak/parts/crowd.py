"""A crowd of plain clients: connects so many times, asks once on each, and says how many were served, how many were refused
in words, and how many neither. Goes when a line comes: `served` lets only those go who were served."""

import json
import socket
import struct
import sys

path, count = sys.argv[1], int(sys.argv[2])
body = json.dumps({"target": "plain", "message_type": "Echo", "payload": 1, "expects_reply": True}).encode()

crowd = []
for _ in range(count):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(path)
    crowd.append(client)
    try:
        client.sendall(struct.pack(">I", len(body)) + body)
    except OSError:
        pass  # Refused already: the words are there to be read.
print("connected", flush=True)
sys.stdin.readline()

said = {"served": 0, "refused": 0, "neither": 0}
served = []
for client in crowd:
    text = b""
    try:
        while b'"success"' not in text:
            chunk = client.recv(65536)
            if not chunk:
                break
            text += chunk
    except OSError:
        pass
    if b'"success":true' in text:
        said["served"] += 1
        served.append(client)
        continue
    in_words = text[4:5] == b"{" and b"ConnectionLimitReached" in text
    said["refused" if in_words else "neither"] += 1
    client.close()
print(json.dumps(said), flush=True)
sys.stdin.readline()
