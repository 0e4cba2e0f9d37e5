#!/usr/bin/env python3
"""Clips between two workers over tcp loopback against the least that libzmq needs for it. See scripts/compare.

`sluice bench link` sends clips as an augment worker sends them to a batch worker: a message each with header and checksum, verified
when it comes and kept until its batch of 16 is whole, two batches under way. The peer, scripts/c/link_peer.c, pushes the same
number of messages of the same size, as many under way, and looks at nothing. Exits with 1 below LEAST of its rate.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Below this share of the C program's rate the comparison fails.
LEAST = 0.8


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=10000)
    parser.add_argument("--side", type=int, default=112)
    return parser.parse_args()


def main():
    options = parse()
    source = Path(__file__).parents[1] / "c/link_peer.c"
    speeds = {"sluice": [], "C": []}
    with tempfile.TemporaryDirectory() as folder:
        peer = f"{folder}/link_peer"
        subprocess.run(["cc", "-O2", str(source), "-o", peer, "-lzmq", "-lpthread"], check=True)
        bytes_ = 8 * options.side * options.side * 3
        for _ in range(options.rounds):
            bench = subprocess.run(
                [options.sluice, "bench", "link", "--clips", str(options.clips), "--side", str(options.side), "--json"],
                check=True, capture_output=True, text=True)
            speeds["sluice"].append(json.loads(bench.stdout.splitlines()[-1])["clips_per_second"])
            least = subprocess.run([peer, str(options.clips), str(bytes_)], check=True, capture_output=True, text=True)
            speeds["C"].append(float(least.stdout))
    sluice, least = (statistics.median(values) for values in speeds.values())
    print(
        f"clips of {bytes_} bytes over tcp loopback, {platform.machine()} with {os.cpu_count()} cores, "
        f"{time.strftime('%Y-%m-%d')}; medians of {options.rounds} alternating rounds")
    print(f"sluice {sluice:.0f} clips/s, C with libzmq {least:.0f}: {sluice / least:.2f}")
    return 0 if sluice >= LEAST * least else 1


if __name__ == "__main__":
    sys.exit(main())
