"""A service manager's end of $NOTIFY_SOCKET: prints each datagram as a line of JSON, until its input ends."""
import json
import os
import socket
import sys
import threading

name = sys.argv[1]
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.bind("\0" + name[1:] if name[0] == "@" else name)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(json.dumps({"ready": name}), flush=True)
while True:
    text = end.recv(4096).decode()
    print(json.dumps(dict(line.split("=", 1) for line in text.split("\n"))), flush=True)
