#!/usr/bin/env python3
"""soak_damage.py SLUICE DIRECTORY: 1,000 mutated and 400 whole videos through a run with one and with three decode workers.

Fails unless both runs end with the same parameters, use every clip they planned, give a reason for every file they leave out,
leave out every file that was emptied, and keep each decode worker below 512 MiB.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import damaged_videos

SOUND, MUTATED = 400, 1000
LIMIT = 512 << 20
# Every video at least once: an epoch of natural sampling is a permutation.
REPLICAS, BATCH, STEPS = 4, 16, 24


def topology(folder, decoders):
    path = folder / f"damage-{decoders}.yaml"
    path.write_text(f"""
name: damage-{decoders}
seed: 1
corpus: {folder}/corpus
hosts:
  here: {{address: 127.0.0.1, coordinator: true, decode: {decoders}, augment: 1, batch: 1, train: 1, average: 1}}
clip: {{frames: 4, stride: 2, slack: 1, resize: [40, 54], crop: 32}}
sampling: {{labels: natural}}
max_bad_fraction: 1
train: {{network: r2plus1d-10, width: 0.125, replicas: {REPLICAS}, batch: {BATCH}, steps: {STEPS}, learning_rate: 0.01}}
checkpoint: {{every: {STEPS}}}
""")
    return path


def largest(root):
    """The most resident memory of any decode worker so far, in bytes."""
    most = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_text().split("\0")
            text = status.read_text()
        except OSError:
            continue
        if f"PPid:\t{root}\n" in text and "decode" in command[1:4]:
            most = max(most, int(text.split("VmHWM:")[1].split()[0]) << 10)
    return most


def run(sluice, folder, decoders):
    out = folder / f"run-{decoders}"
    began = time.monotonic()
    log = folder / f"run-{decoders}.log"
    process = subprocess.Popen(
        [sluice, "run", str(topology(folder, decoders)), "--output", str(out)], stdout=subprocess.DEVNULL,
        stderr=log.open("w"))
    most = 0
    while process.poll() is None:
        most = max(most, largest(process.pid))
        time.sleep(0.5)
        if time.monotonic() - began > 900:
            process.terminate()
            sys.exit("the run did not end in 15 minutes")
    if process.returncode != 0:
        sys.exit(f"the run failed: {log.read_text().strip()[-2000:]}")
    report = json.loads((out / "report.json").read_text())
    reasons = {Path(entry["video"]).name: entry["reason"] for entry in report["quarantined"]}
    print(
        f"{decoders} decode: {time.monotonic() - began:.0f} s, {report['samples_used']} of {report['samples_planned']} "
        f"clips, {report['substitutes']} substitutes, {len(reasons)} files left out, workers lost "
        f"{report['workers_lost']}, decode worker at most {most >> 20} MiB, {report['parameters_sha256'][:16]}…")
    return report, reasons, most


def main():
    sluice, folder = sys.argv[1], Path(sys.argv[2])
    emptied = damaged_videos.make(sluice, folder, SOUND, MUTATED)
    one, reasons, memory = run(sluice, folder, 1)
    three, others, more = run(sluice, folder, 3)
    failures = [
        text for holds, text in [
            (one["parameters_sha256"] == three["parameters_sha256"], "other parameters with three decode workers"),
            (reasons == others, "other files or reasons with three decode workers"),
            (all(r["samples_used"] == r["samples_planned"] for r in (one, three)), "clips are missing"),
            (all(reasons.values()), "a file without a reason"),
            (set(emptied) <= set(reasons), f"not left out: {sorted(set(emptied) - set(reasons))}"),
            (0 < max(memory, more) < LIMIT, f"a decode worker of {max(memory, more)} bytes"),
        ] if not holds]
    print("\n".join(failures) or f"{MUTATED} mutated files: all as it should be; {len(emptied)} emptied ones all named")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
