#!/usr/bin/env python3
"""Watches a stage of a live run: tap.py ENDPOINT [TOPIC]. Endpoints are in `sluice status --json` (workers[].tap)."""
import json, sys
import zmq

socket = zmq.Context().socket(zmq.SUB)
socket.connect(sys.argv[1])
socket.subscribe(sys.argv[2] if len(sys.argv) > 2 else "augment/1")
topic, header, *tensor = socket.recv_multipart()
print(topic.decode(), json.loads(header), [len(part) for part in tensor])
