"""Passes frames between two network interfaces, each after so many milliseconds: relay.py ONE OTHER MILLISECONDS."""

import collections
import os
import select
import socket
import sys
import time

EVERY_PROTOCOL = 3
OUTGOING = 4


def opened(name):
    interface = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    interface.bind((name, EVERY_PROTOCOL))
    interface.setblocking(False)
    return interface


# Whoever started it waits for the end of all that its script left open.
os.closerange(3, os.sysconf("SC_OPEN_MAX"))
ends = [opened(name) for name in sys.argv[1:3]]
delay = float(sys.argv[3]) / 1000
waiting = collections.deque()
while True:
    left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    for end in select.select(ends, [], [], left)[0]:
        frame, address = end.recvfrom(65536)
        if address[2] != OUTGOING:
            waiting.append((time.monotonic() + delay, ends[1 - ends.index(end)], frame))
    while waiting and waiting[0][0] <= time.monotonic():
        _, end, frame = waiting.popleft()
        try:
            end.send(frame)
        except OSError:
            pass  # A link that is down, or a full queue: a network loses frames.
