#!/usr/bin/env python3
"""Accuracy with `links.format: rgb24` and `yuv420p`: the same training with the same seeds. See scripts/compare.

A synthesized collection, a small R(2+1)D, one run for each seed and format; each run evaluates its last parameters on clean
labels of videos never trained on, through the pipeline in the run's own format.
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

FORMATS = ["rgb24", "yuv420p"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--videos", type=int, default=600)
    parser.add_argument("--labels", type=int, default=8)
    parser.add_argument("--validation", type=int, default=25, help="validation videos of each label")
    parser.add_argument("--steps", type=int, default=240, help="of 32 clips each")
    parser.add_argument("--width", type=float, default=0.25, help="of r2plus1d-10")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def sluice(options, *arguments):
    done = subprocess.run([options.sluice, *map(str, arguments), "--json"], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"sluice {arguments[0]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def topology(options, folder):
    path = folder / "formats.yaml"
    path.write_text(f"""
name: formats
corpus: {folder}/corpus
hosts:
  here: {{address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}}
clip: {{frames: 8, stride: 4, slack: 0, resize: [64, 86], crop: 56}}
sampling: {{labels: square-root}}
train: {{network: r2plus1d-10, width: {options.width}, replicas: 2, batch: 16, steps: {options.steps}, threads: {options.threads},
  learning_rate: 0.15, schedule: half-cosine, warm_up: {{steps: {options.steps // 10}}}}}
evaluate: {{every: {options.steps}, clips: 4}}
checkpoint: {{every: {options.steps}, keep: 1}}
""")
    return path


def main():
    options = parse()
    began = time.monotonic()
    results = {name: [] for name in FORMATS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sluice(options, "synthesize", folder / "corpus", "--videos", options.videos, "--labels", options.labels, "--seconds", 4,
               "--validation-per-label", options.validation, "--seed", 1)
        sluice(options, "corpus", "build", folder / "corpus")
        path = topology(options, folder)
        for seed in options.seeds:
            for form in FORMATS:
                report = sluice(
                    options, "run", path, "--output", folder / f"run-{seed}-{form}", "--set", f"seed={seed}", "--set",
                    f"links.format={form}")
                results[form].append(report["evaluation"])
                scores = report["evaluation"]
                print(
                    f"seed {seed} {form:7}: top-1 {100 * scores['top1']:5.1f} %, mAP {scores['map']:.3f}, loss "
                    f"{report['loss_last']:.3f}, {report['seconds']:.0f} s", flush=True)
    print(
        f"{platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; {options.labels * options.validation} "
        f"validation videos of {options.labels} labels, {options.steps} steps of 32 clips, {time.monotonic() - began:.0f} s")
    for measure, scale, unit in (("top1", 100, " %"), ("map", 1, "")):
        values = {form: [scale * scores[measure] for scores in results[form]] for form in FORMATS}
        means = {form: statistics.mean(column) for form, column in values.items()}
        spread = max(max(column) - min(column) for column in values.values())
        differences = [planes - pixels for pixels, planes in zip(*values.values(), strict=True)]
        print(
            f"{measure}: rgb24 {means['rgb24']:.3g}{unit}, yuv420p {means['yuv420p']:.3g}{unit}; yuv420p - rgb24 "
            f"{statistics.mean(differences):+.3g}{unit} ({', '.join(f'{d:+.3g}' for d in differences)}); "
            f"spread over seeds of one format {spread:.3g}{unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
