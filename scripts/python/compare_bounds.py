#!/usr/bin/env python3
"""What `sluice bench` measures by itself against its bound: `plan` (items a second, memory of its own) and `overlap` (what
averaging adds to a train step). Exits with 1 when the median misses it. See scripts/compare."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

LEAST_ITEMS = 100_000
MOST_OWN_BYTES = 64 << 20
MOST_ADDED = 0.05


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["plan", "overlap"])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--videos", type=int, default=1_000_000, help="of plan's index")
    return parser.parse_args()


def bench(options, *arguments):
    done = subprocess.run([options.sluice, "bench", *arguments, "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def plan(options):
    """128 replicas, 64 decode workers that only answer; the last round is of an index a tenth as large."""
    sizes = [options.videos] * options.rounds + [max(1500, options.videos // 10)]
    rows = [bench(options, "plan", "--steps", "60", "--videos", str(size)) for size in sizes]
    rates = [row["items_per_second"] for row in rows[:-1]]
    own = [row["own_rss_bytes"] for row in rows]
    each = ", ".join(f"{rate:.0f}" for rate in rates)
    print(f"plan: {statistics.median(rates):.0f} items/s ({each}), bound {LEAST_ITEMS}")
    for size, row in zip(sizes, rows, strict=True):
        mebibytes, seconds = row["own_rss_bytes"] / 2**20, row["seconds_to_open"]
        print(f"{size} videos: {mebibytes:.0f} MiB without pages of the index, {seconds:.2f} s to open")
    return statistics.median(rates) >= LEAST_ITEMS and max(own) <= MOST_OWN_BYTES


def overlap(options):
    """R(2+1)D-18, 16 clips of 8 frames, one train worker of two threads, a shard in a process of its own."""
    rows = [bench(options, "average", "--train", "--workers", "1", "--rounds", "4") for _ in range(options.rounds)]
    added = [row["seconds_per_step"] / row["seconds_per_step_alone"] - 1 for row in rows]
    each = ", ".join(f"{100 * share:.1f}" for share in added)
    print(f"averaging adds {100 * statistics.median(added):.1f} % ({each}), bound {100 * MOST_ADDED:.0f} %")
    return statistics.median(added) <= MOST_ADDED


def main():
    options = parse()
    print(f"{platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; {options.rounds} rounds")
    return 0 if {"plan": plan, "overlap": overlap}[options.what](options) else 1


if __name__ == "__main__":
    sys.exit(main())
