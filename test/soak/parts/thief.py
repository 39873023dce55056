"""Listens at PATH as user 65534, says `ready`, and then how many bytes the first client has sent when it has gone."""

import os
import socket
import sys

path = sys.argv[1]
listening = socket.socket(socket.AF_UNIX)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os.umask(0)
listening.bind(path)
listening.listen(10)
print("ready", flush=True)
client, _ = listening.accept()
stolen = 0
while chunk := client.recv(65536):
    stolen += len(chunk)
print(stolen, flush=True)
