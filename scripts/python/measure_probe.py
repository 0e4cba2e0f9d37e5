#!/usr/bin/env python3
"""Measures `sluice corpus probe` on many rows: a hundred segments of each of many names, which are links to a few videos.

    sluice synthesize coll --videos 2000 --labels 20 --seconds 2 --seed 5
    scripts/python/measure_probe.py coll --rows 1000000 [--sluice .build/release/sluice]

Prints the time of the command and the most memory of its own (RssAnon, looked at every 20 ms).
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

SEGMENTS = 100


def write_rows(place, videos, labels, rows):
    os.mkdir(f"{place}/many")
    for name in range(rows // SEGMENTS):
        os.symlink(videos[name % len(videos)], f"{place}/many/{name:07}.mp4")
    with open(f"{place}/rows.jsonl", "w") as out:
        for row in range(rows):
            # A file's rows have many labels, so that they lie far apart in the index.
            label = labels[row * 2654435761 % 4294967291 % len(labels)]
            segment = row % SEGMENTS
            out.write(json.dumps({"file": f"many/{row // SEGMENTS:07}.mp4", "hashtags": [label.replace(" ", "")],
                                  "start": segment * 0.01, "end": 1 + segment * 0.01}) + "\n")


def anonymous(process):
    try:
        with open(f"/proc/{process.pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("RssAnon")), 0)
    except OSError:
        return 0


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("collection")
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--sluice", default=".build/release/sluice")
options = parser.parse_args()
collection = os.path.abspath(options.collection)
videos = sorted(f"{collection}/videos/{name}" for name in os.listdir(f"{collection}/videos"))
with open(f"{collection}/labels.txt") as file:
    labels = [line.strip() for line in file if line.strip()]
with tempfile.TemporaryDirectory() as place:
    write_rows(place, videos, labels, options.rows)
    subprocess.run([options.sluice, "corpus", "match", f"{place}/rows.jsonl", "--labels", f"{collection}/labels.txt",
                    "--index", place], check=True, stderr=subprocess.DEVNULL)
    start, most = time.monotonic(), 0
    probe = subprocess.Popen([options.sluice, "corpus", "probe", place, "--output", f"{place}/opened"],
                             stderr=subprocess.DEVNULL)
    while probe.poll() is None:
        most = max(most, anonymous(probe))
        time.sleep(0.02)
    print(f"{options.rows} rows of {options.rows // SEGMENTS} files: {time.monotonic() - start:.1f} s, at most {most >> 10} MiB")
    raise SystemExit(probe.returncode)
