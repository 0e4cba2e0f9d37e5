#!/usr/bin/env python3
"""Serves a directory over HTTP with range requests, and with the faults that a path begins with; prints its port.

    scripts/python/serve_videos.py DIRECTORY

/ok/NAME            the file
/404/NAME, /503/NAME, …   always that status
/flaky/NAME         503 for the first two requests of a name
/reset/NAME         the first answer breaks off in the middle
/broken/NAME        every answer breaks off before its first byte
/stall/NAME         the answer stops in the middle and stays open
/trickle/NAME       an eighth of a second for each byte
/gone/NAME          the first answer breaks off in the middle, all others before their first byte
/hang/NAME          no answer
/unsized/NAME       neither ranges nor a size
While DIRECTORY/stalled exists, no request is answered; while DIRECTORY/NAME.503 exists, NAME has that status. Ends when its standard input does.
"""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

seen = {}
lock = threading.Lock()
over = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        _, fault, name = self.path.split("/", 2)
        with lock:
            seen[self.path] = seen.get(self.path, 0) + 1
            count = seen[self.path]
        while (Path(sys.argv[1]) / "stalled").exists():
            time.sleep(0.05)
        if fault == "hang":
            return over.wait()
        if fault.isdigit():
            return self.fail(int(fault))
        if (Path(sys.argv[1]) / f"{name}.503").exists():
            return self.fail(503)
        if fault == "flaky" and count <= 2:
            return self.fail(503)
        try:
            data = (Path(sys.argv[1]) / name).read_bytes()
        except OSError as error:
            print(f"{self.path}: {error}", file=sys.stderr)
            return self.fail(404)
        first, last = 0, len(data) - 1
        wanted = self.headers.get("Range")
        if wanted and fault != "unsized":
            first, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(first), min(int(end) if end else last, last)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        else:
            self.send_response(200)
        if fault == "unsized":
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        body = data[first : last + 1]
        breaks = fault in ("stall", "broken", "gone") or (fault == "reset" and count == 1)
        if fault == "broken" or (fault == "gone" and count > 1):
            body = b""
        try:
            for place in range(len(body) if fault == "trickle" else 0):
                self.wfile.write(body[place : place + 1])
                self.wfile.flush()
                time.sleep(1 / 8)
            self.wfile.write(body[: len(body) // 2] if breaks else body)
            self.wfile.flush()
            if fault == "stall":
                over.wait()
        except OSError:
            pass
        if breaks:
            self.close_connection = True

    def fail(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
    sys.exit("usage: serve_videos.py DIRECTORY")
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
over.set()
os._exit(0)
