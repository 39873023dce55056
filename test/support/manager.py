"""Plays systemd for one service: makes its socket, starts it with descriptor 3, hears what it tells.

manager.py SOCKET MODE COMMAND…   Takes lines on standard input: `start`, `term`, `listen-fds N`. Says lines of JSON.
"""

import json
import os
import signal
import socket
import sys
import threading

path, mode, *command = sys.argv[1:]
fds = "1"


def say(**fields):
    print(json.dumps(fields), flush=True)


listening = socket.socket(socket.AF_UNIX)
if mode == "stream":  # Connected, and not listening.
    listening = socket.socketpair()[0]
elif mode == "abstract":
    listening.bind("\0" + path)
    listening.listen(10)
else:
    os.umask(0)
    listening.bind(path)
    os.chmod(path, int(mode, 8))
    listening.listen(10)
notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notices.bind(path + ".notify")


def hear():
    while True:
        say(told=notices.recv(4096).decode())


def start():
    child = os.fork()
    if child == 0:
        os.dup2(listening.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS=fds, LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=path + ".notify", WATCHDOG_USEC="40000")
        os.execvp(command[0], command)
    return child


def wait(child):
    status = os.waitpid(child, 0)[1]
    say(exit=os.waitstatus_to_exitcode(status), there=os.path.exists(path), files=sorted(os.listdir(os.path.dirname(path))))


threading.Thread(target=hear, daemon=True).start()
child = 0
for line in sys.stdin:
    word, *rest = line.split()
    if word == "listen-fds":
        fds = rest[0]
    elif word == "start":
        child = start()
        threading.Thread(target=wait, args=(child,), daemon=True).start()
    elif word == "term":
        os.kill(child, signal.SIGTERM)
try:
    os.kill(child, signal.SIGKILL)
except OSError:
    pass
