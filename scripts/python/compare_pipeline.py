#!/usr/bin/env python3
"""The whole pipeline without training against decoding by itself, on this machine's cores. See scripts/compare.

One host: one and two decode workers, one worker of every other stage, a train step that does nothing, real H.264 footage of
340x256 with a keyframe at most every 250 frames, clips of 8 frames, stride 2, scaled to 171x128, cropped to 112x112, LZ4 on
every link. Clips a second and CPU seconds are those between two moments of a run that is under way; `bench decode` decodes
clips of the same video before and after, in one process for each decode worker.
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

import environment
import real_videos

VIDEOS = 32
BATCH = 16
REPLICAS = 4
TICKS = os.sysconf("SC_CLK_TCK")
STAGES = ["coordinator", "decode", "augment", "batch", "train", "average"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--videos", type=Path, default=environment.CACHE / "real-videos")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30, help="steps of a run, of 64 clips each")
    parser.add_argument("--format", default="rgb24", help="links.format")
    return parser.parse_args()


def collect(sluice, video, folder):
    """A corpus of copies of one video."""
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "labels.txt").write_text("ride a bike\nwalk a dog\n")
    rows = []
    for number in range(VIDEOS):
        name = f"{number}.mp4"
        os.link(video, corpus / name) if video.stat().st_dev == corpus.stat().st_dev else (
            corpus / name).write_bytes(video.read_bytes())
        rows.append(json.dumps({"file": name, "hashtags": ["rideabike" if number % 2 else "walkadog"], "split": "train"}))
    (corpus / "manifest.jsonl").write_text("\n".join(rows) + "\n")
    subprocess.run([sluice, "corpus", "build", str(corpus)], check=True, capture_output=True)
    return corpus


def topology(folder, corpus, decoders, options):
    path = folder / f"pipeline-{decoders}.yaml"
    path.write_text(f"""
name: pipeline-{decoders}
seed: 1
corpus: {corpus}
hosts:
  here: {{address: 127.0.0.1, coordinator: true, decode: {decoders}, augment: 1, batch: 1, train: 1, average: 1}}
clip: {{frames: 8, stride: 2, slack: 0, resize: [128, 171], crop: 112}}
sampling: {{labels: natural}}
train: {{network: r2plus1d-10, width: 0.125, replicas: {REPLICAS}, batch: {BATCH}, steps: {options.steps}, learning_rate: 0.01}}
links: {{compression: lz4, format: {options.format}, security: none}}
checkpoint: {{every: {options.steps}}}
""")
    return path


def processor_seconds(root):
    """CPU seconds of `root` and every process below it, by stage."""
    seconds = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(pid) != root and int(fields[1]) != root:
            continue
        stage = next((stage for stage in STAGES if stage in command[1:4]), "node")
        seconds[stage] = seconds.get(stage, 0) + (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def status(sluice, run):
    done = subprocess.run([sluice, "status", "--run", str(run), "--json"], check=False, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def committed(run):
    """Steps that a run has committed."""
    try:
        return (run / "metrics.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def measure_run(options, folder, corpus, decoders, watch=None):
    """Clips a second, CPU seconds a clip by stage, and what status calls short, in the middle of a run.

    `watch(run)` is called before the first of the two moments.
    """
    path = topology(folder, corpus, decoders, options)
    run = folder / f"run-{decoders}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [options.sluice, "run", str(path), "--output", str(run)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "SLUICE_FAULTS": "train=nothing"})
    first = last = short = None
    while process.poll() is None:
        # A look costs time of the same cores: few of them, and none at `status` between the two moments.
        time.sleep(0.1)
        version = committed(run)
        if first is None and version >= 3:
            if watch:
                watch(run)
                version = committed(run)
            first = (version, time.monotonic(), processor_seconds(process.pid))
        elif last is None and version >= options.steps - 5:
            last = (version, time.monotonic(), processor_seconds(process.pid))
            short = (status(options.sluice, run) or {}).get("shortStage")
    if process.returncode != 0 or first is None or last is None:
        sys.exit(f"the run failed or was too short: {process.stderr.read().strip()}")
    clips = (last[0] - first[0]) * BATCH * REPLICAS
    spent = {stage: (last[2][stage] - seconds) / clips for stage, seconds in first[2].items() if stage in last[2]}
    return clips / (last[1] - first[1]), spent, short


def measure_decode(options, video, processes):
    """Clips a second of `processes` processes at once, and CPU seconds a clip."""
    command = [
        options.sluice, "bench", "decode", str(video), "--frames", "8", "--stride", "2", "--clips", "300", "--json",
        "--format", options.format,
    ]
    benches = [subprocess.Popen([*command, "--seed", str(n)], stdout=subprocess.PIPE, text=True) for n in range(processes)]
    results = [json.loads(bench.communicate()[0].splitlines()[-1]) for bench in benches]
    return (
        sum(result["clips_per_second"] for result in results),
        statistics.mean(1 / result["clips_per_cpu_second"] for result in results))


def main():
    options = parse()
    video = real_videos.make(options.videos)[(340, 256, 250)]
    runs, benches = {1: [], 2: []}, {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        corpus = collect(options.sluice, video, Path(folder))
        for _ in range(options.rounds):
            for decoders in (1, 2):
                benches[decoders].append(measure_decode(options, video, decoders))
                runs[decoders].append(measure_run(options, Path(folder), corpus, decoders))
    print(
        f"{platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; medians of {options.rounds} "
        f"alternating rounds, links.format {options.format}")
    single = statistics.median(speed for speed, _ in benches[1])
    rates = {n: statistics.median(run[0] for run in runs[n]) for n in runs}
    for n in runs:
        together, cpu = (statistics.median(column) for column in zip(*benches[n], strict=True))
        print(
            f"{n} decode: {rates[n]:6.1f} clips/s; {n} x bench decode {n * single:.1f} ({rates[n] / n / single:.2f}), "
            f"{n} at once {together:.1f} ({rates[n] / together:.2f})")
        spent = {stage: statistics.median(run[1].get(stage, 0) for run in runs[n]) for stage in [*STAGES, "node"]}
        print(
            f"  CPU ms a clip outside decoding {1000 * (sum(spent.values()) - cpu):.2f}; decoding {1000 * cpu:.2f}; "
            + ", ".join(f"{stage} {1000 * value:.2f}" for stage, value in spent.items()))
        print(f"  short by `sluice status`: {runs[n][-1][2]}")
    print(f"two decode workers: {rates[2] / rates[1]:.2f} x one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
