#!/usr/bin/env python3
"""What taps cost a running pipeline. See scripts/compare.

The pipeline of compare_pipeline.py (train step that does nothing), alternating: nobody watches; `sluice tap --every 100` on
every stage, printing headers; the same taps, stopped (SIGSTOP) once each has shown something, while the run goes on.
CPU is that of the run's processes, not of the taps'. What publishing costs with nobody there is too little to see that
way: `sluice bench tap` measures it by itself, and it is given here as a share of the CPU a clip takes. Exits with 1 when taps
take more than MOST of the CPU a clip takes, or nobody more than MOST_UNWATCHED; rates of runs differ by more than that.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import compare_pipeline
import environment
import real_videos

STAGES = ["plan", "decode", "augment", "batch", "train", "average"]
# Of these, items come often enough to be waited for.
FREQUENT = ["plan", "decode", "augment", "batch"]
PATIENCE = 60
MOST, MOST_UNWATCHED = 0.02, 0.005


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--videos", type=Path, default=environment.CACHE / "real-videos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60, help="steps of a run, of 64 clips each")
    parser.add_argument("--decode", type=int, default=1, help="decode workers")
    parser.add_argument("--format", default="rgb24", help="links.format")
    return parser.parse_args()


class Taps:
    """`sluice tap` on every stage of a run."""

    def __init__(self, options, folder, stops):
        (self.sluice, self.folder, self.stops, self.processes) = (options.sluice, folder, stops, [])

    def watch(self, run):
        outputs = {stage: self.folder / f"tap-{stage}-{time.monotonic_ns()}" for stage in STAGES}
        for stage, path in outputs.items():
            with path.open("wb") as output:
                self.processes.append(subprocess.Popen(
                    [self.sluice, "tap", stage, "--every", "100", "--timeout", "600", "--run", str(run)],
                    stdout=output, stderr=subprocess.DEVNULL))
        end = time.monotonic() + PATIENCE
        while not all(outputs[stage].stat().st_size for stage in FREQUENT):
            if time.monotonic() > end:
                sys.exit(f"a tap showed nothing in {PATIENCE} s")
            time.sleep(0.05)
        if self.stops:
            for process in self.processes:
                process.send_signal(signal.SIGSTOP)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def main():
    options = parse()
    video = real_videos.make(options.videos)[(340, 256, 250)]
    modes = {"none": None, "watched": False, "stopped": True}
    runs = {mode: [] for mode in modes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = compare_pipeline.collect(options.sluice, video, folder)
        for number in range(options.rounds):
            # Each mode comes first, second and last in turn.
            order = [*modes][number % 3:] + [*modes][:number % 3]
            for mode in order:
                taps = Taps(options, folder, modes[mode])
                try:
                    rate, spent, _ = compare_pipeline.measure_run(
                        options, folder, corpus, options.decode, None if modes[mode] is None else taps.watch)
                finally:
                    taps.close()
                runs[mode].append((rate, 1000 * sum(spent.values())))
        bench = subprocess.run([options.sluice, "bench", "tap", "--json"], check=True, capture_output=True, text=True)
    print(
        f"{platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; medians of {options.rounds} "
        f"alternating rounds, {options.decode} decode")
    rate, cpu = ([statistics.median(run[column] for run in runs[mode]) for mode in modes] for column in (0, 1))
    for mode, speed, spent in zip(modes, rate, cpu, strict=True):
        each = ", ".join(f"{run[0]:.1f}/{run[1]:.2f}" for run in runs[mode])
        print(
            f"{mode:8} {speed:6.1f} clips/s ({100 * (speed / rate[0] - 1):+.1f} %), CPU ms a clip {spent:.2f} "
            f"({100 * (spent / cpu[0] - 1):+.1f} %); each: {each}")
    # A clip is published by plan, decode, augment and batch; a round by train and average.
    unwatched = json.loads(bench.stdout.splitlines()[-1])["nanoseconds_unwatched"]
    calls = len(FREQUENT) + 2 / compare_pipeline.BATCH
    share = calls * unwatched * 1e-6 / cpu[0]
    print(f"nobody there: {unwatched:.1f} ns an item, {calls:.1f} times a clip: {100 * share:.5f} % of its CPU")
    # Rates differ by more than the bound from run to run: beyond what those without taps differ by, it is a loss.
    alone = [run[0] for run in runs["none"]]
    slow = min(rate[1:]) < (1 - MOST) * rate[0] and min(rate[1:]) < min(alone)
    return 1 if slow or max(cpu[1:]) > (1 + MOST) * cpu[0] or share > MOST_UNWATCHED else 0


if __name__ == "__main__":
    sys.exit(main())
