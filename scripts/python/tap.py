#!/usr/bin/env python3
"""Watches a stage of a live run: tap.py ENDPOINT [TOPIC [FRAME.ppm | KEY SECRET_FILE]]. Endpoints and keys are in `sluice status
--json` (workers[].tap); where links are encrypted, SECRET_FILE is a tap's key_secret of `sluice keys make`."""
import json, sys
import zmq, zmq.auth


def first_frame(header, tensor):
    """Width, height and RGB bytes of the first frame; planes by the formula in docs/wire-format.md."""
    if header["layout"] == "thwc":
        _, height, width, _ = header["shape"]
        return width, height, tensor[:height * width * 3]
    _, rows, width = header["shape"]
    height = rows * 2 // 3
    pixels = bytearray()
    for place in range(height * width):
        chroma = height * width + place // width // 2 * (width // 2) + place % width // 2
        y, u, v = 19077 * (tensor[place] - 16) + 8192, tensor[chroma] - 128, tensor[chroma + height * width // 4] - 128
        pixels += bytes(min(max(y + c >> 14, 0), 255) for c in (26149 * v, -6419 * u - 13320 * v, 33050 * u))
    return width, height, pixels


socket = zmq.Context().socket(zmq.SUB)
if len(sys.argv) > 4:
    socket.curve_serverkey = sys.argv[3].encode()
    socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(sys.argv[4])
socket.connect(sys.argv[1])
socket.subscribe(sys.argv[2] if len(sys.argv) > 2 else "augment/1")
topic, header, *tensor = socket.recv_multipart()
header = json.loads(header)
print(topic.decode(), header, [len(part) for part in tensor])
if len(sys.argv) == 4:
    width, height, pixels = first_frame(header, tensor[0])
    with open(sys.argv[3], "wb") as file:
        file.write(b"P6 %d %d 255\n" % (width, height) + pixels)
