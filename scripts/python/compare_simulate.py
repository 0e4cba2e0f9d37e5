#!/usr/bin/env python3
"""What `sluice simulate` predicts against what runs do, on this machine's cores. See scripts/compare.

A synthesized collection, clips and network of topology/quickstart.yaml. Each round measures the costs (`sluice bench stages`),
then runs every topology for real and compares its clips a second, between two steps of the run, with the prediction. Exits
with 1 when a median is off by more than MOST.
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

# Workers of one host; a decode worker that is short of work, a train worker that is, and both cores.
HOSTS = {
    "one of each": {},
    "2 decode": {"decode": 2},
    "2 train": {"train": 2},
    "2 decode, 2 train": {"decode": 2, "train": 2},
}
# The second is limited by decoding: long strides over more frames, hardly anything to train.
NETWORKS = {
    "quickstart": [],
    "quickstart, width 0.05": ["train.width=0.05"],
}
WARM_UP = 5
MOST = 0.2


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40, help="measured steps of each run, of 32 clips")
    return parser.parse_args()


def sluice(options, *arguments):
    done = subprocess.run([options.sluice, *arguments, "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def settings(corpus, values, counts, steps):
    hosts = {f"hosts.here.{stage}": count for stage, count in counts.items()}
    fixed = {"corpus": corpus, "train.steps": steps, "evaluate.every": 100000, "checkpoint.every": 100000, **hosts}
    return [word for value in [*values, *(f"{k}={v}" for k, v in fixed.items())] for word in ("--set", value)]


def measure(options, topology, arguments, folder):
    """Clips a second between two steps of a run."""
    run = folder / f"run-{time.monotonic_ns()}"
    subprocess.run(
        [options.sluice, "run", topology, *arguments, "--output", str(run)], check=True, capture_output=True)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    seconds = {line["step"]: line["seconds"] for line in lines if "learning_rate" in line}
    first, last = WARM_UP, WARM_UP + options.steps
    return (last - first) * 32 / (seconds[last] - seconds[first])


def main():
    options = parse()
    topology = str(Path(__file__).parents[2] / "topology/quickstart.yaml")
    ratios = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = str(folder / "corpus")
        sluice(options, "synthesize", corpus, "--videos", "100", "--labels", "5", "--seconds", "2")
        sluice(options, "corpus", "build", corpus)
        for _ in range(options.rounds):
            for network, values in NETWORKS.items():
                costs = str(folder / "costs.json")
                sluice(
                    options, "bench", "stages", topology, "--steps", str(options.steps), "--costs", costs,
                    *settings(corpus, values, {}, 1))
                for hosts, counts in HOSTS.items():
                    arguments = settings(corpus, values, counts, WARM_UP + options.steps + 2)
                    predicted = sluice(options, "simulate", topology, "--costs", costs, *arguments)
                    rate = measure(options, topology, arguments, folder)
                    ratios.setdefault((network, hosts), []).append(
                        (predicted["clips_per_second"], rate, predicted["bottleneck"]))
                    print(f"{network}, {hosts}: {predicted['clips_per_second']:.1f} predicted, {rate:.1f}", flush=True)
    print(
        f"{platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; medians of {options.rounds} rounds")
    missed = False
    for (network, hosts), rows in ratios.items():
        predicted, rate = (statistics.median(row[index] for row in rows) for index in (0, 1))
        ratio = statistics.median(row[0] / row[1] for row in rows)
        missed |= not 1 - MOST <= ratio <= 1 + MOST
        print(
            f"{network:24} {hosts:20} predicted {predicted:7.1f} clips/s, measured {rate:7.1f}, ratio {ratio:.2f} "
            f"({min(r[0] / r[1] for r in rows):.2f} to {max(r[0] / r[1] for r in rows):.2f}); limited by {rows[-1][2]}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
