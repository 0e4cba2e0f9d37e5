#!/usr/bin/env python3
"""What CURVE costs: the pipeline over tcp with `security: none` and with `curve`, alternating. See scripts/compare.

Two hosts on two loopback addresses; decoding and augmenting on one, the rest on the other, so that every window, clip and
block crosses an encrypted link. `links` sends grey windows without decoding or training: nothing but the links is left.
`pipeline` decodes; `training` decodes and trains a small network. Clips of 8 frames, 171x128, cropped to 112x112.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare_pipeline import committed, processor_seconds

WORKLOADS = {"links": ("train=nothing,decode=mock:0", 60), "pipeline": ("train=nothing", 60), "training": ("", 12)}
BATCH = 16
REPLICAS = 2


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice-faulty")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=WORKLOADS, nargs="+", default=list(WORKLOADS))
    return parser.parse_args()


def topology(folder, security, steps, port):
    path = folder / f"{security}.yaml"
    path.write_text(f"""
name: {security}
seed: 1
corpus: {folder}/corpus
hosts:
  a: {{address: 127.0.0.1, port: {port}, coordinator: true, batch: 1, train: 1, average: 1}}
  b: {{address: 127.0.0.2, decode: 1, augment: 1}}
clip: {{frames: 8, stride: 2, slack: 0, resize: [128, 171], crop: 112}}
train: {{network: r2plus1d-10, width: 0.125, replicas: {REPLICAS}, batch: {BATCH}, steps: {steps}, learning_rate: 0.01}}
links: {{compression: none, security: {security}, keys: {folder}/keys}}
checkpoint: {{every: {steps}}}
""")
    return path


def measure(sluice, folder, security, faults, steps):
    """Clips a second and CPU milliseconds a clip, in the middle of a run; and the parameters' hash."""
    run = folder / f"run-{security}-{time.monotonic_ns()}"
    path = topology(folder, security, steps, 20_000 + time.monotonic_ns() % 9_000)
    environment = {**os.environ, **({"SLUICE_FAULTS": faults} if faults else {})}
    process = subprocess.Popen(
        [sluice, "run", str(path), "--output", str(run), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment)
    first = last = None
    while process.poll() is None:
        time.sleep(0.02)
        version = committed(run)
        if first is None and version >= 3:
            first = (version, time.monotonic(), processor_seconds(process.pid))
        elif first is not None and last is None and version >= steps - 2:
            last = (version, time.monotonic(), processor_seconds(process.pid))
    if process.returncode != 0 or last is None:
        sys.exit(f"the run failed or was too short: {process.stderr.read().strip()}")
    clips = (last[0] - first[0]) * BATCH * REPLICAS
    spent = sum(seconds - first[2].get(stage, 0) for stage, seconds in last[2].items())
    report = json.loads(process.stdout.read().splitlines()[-1])
    return clips / (last[1] - first[1]), 1000 * spent / clips, report["parameters_sha256"]


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="sluice-security-") as name:
        folder = Path(name)
        corpus = str(folder / "corpus")
        for command in (["synthesize", corpus, "--videos", "40", "--labels", "4", "--seconds", "2", "--seed", "3"],
                        ["corpus", "build", corpus], ["keys", "make", str(folder / "keys")]):
            subprocess.run([options.sluice, *command], check=True, capture_output=True)
        for workload in options.only:
            faults, steps = WORKLOADS[workload]
            results = {"none": [], "curve": []}
            for _ in range(options.rounds):
                for security, values in results.items():
                    values.append(measure(options.sluice, folder, security, faults, steps))
            if len({value[2] for values in results.values() for value in values}) != 1:
                sys.exit("the parameters differ")
            rate = {security: statistics.median(value[0] for value in values) for security, values in results.items()}
            cost = {security: statistics.median(value[1] for value in values) for security, values in results.items()}
            print(
                f"{workload:9} none {rate['none']:.1f} clips/s, {cost['none']:.2f} CPU ms a clip; "
                f"curve {rate['curve']:.1f} clips/s, {cost['curve']:.2f} CPU ms a clip; "
                f"rate {rate['curve'] / rate['none']:.2f} x, CPU {cost['curve'] - cost['none']:+.2f} ms a clip", flush=True)


if __name__ == "__main__":
    main()
