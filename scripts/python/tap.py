#!/usr/bin/env python3
"""Watches a stage of a live run: tap.py ENDPOINT [TOPIC [KEY SECRET_FILE]]. Endpoints and keys are in `sluice status
--json` (workers[].tap); where links are encrypted, SECRET_FILE is a tap's key_secret of `sluice keys make`."""
import json, sys
import zmq, zmq.auth

socket = zmq.Context().socket(zmq.SUB)
if len(sys.argv) > 4:
    socket.curve_serverkey = sys.argv[3].encode()
    socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(sys.argv[4])
socket.connect(sys.argv[1])
socket.subscribe(sys.argv[2] if len(sys.argv) > 2 else "augment/1")
topic, header, *tensor = socket.recv_multipart()
print(topic.decode(), json.loads(header), [len(part) for part in tensor])
