#!/usr/bin/env python3
"""Training steps of `sluice bench train` and of PyTorch, alternating: medians and ratios. See scripts/compare.

Each measurement is a process of its own, so that peak memory is its own too. PyTorch runs the same network on the same
number of threads, channels-last (its fastest layout for these networks), with SGD; `mixed` is its bfloat16 autocast.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

import environment


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--network", default="r2plus1d-18-torchvision", choices=["r2plus1d-18-torchvision", "r3d-18"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", default="float32", choices=["float32", "mixed"])
    parser.add_argument("--steps", type=int, default=3, help="measured steps of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layout", default="channels_last_3d", choices=["channels_last_3d", "contiguous_format"])
    parser.add_argument("--measure-torch", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure_torch(options):
    """Seconds of each step in this process, and its peak memory."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    make = {"r2plus1d-18-torchvision": "r2plus1d_18", "r3d-18": "r3d_18"}[options.network]
    model = getattr(environment.video_models(), make)(num_classes=400)
    layout = getattr(torch, options.layout)
    model = model.to(memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, nesterov=True, weight_decay=1e-4)
    clips = torch.randn(options.batch, 3, options.frames, 112, 112).to(memory_format=layout)
    labels = torch.arange(options.batch) % 400
    loss = torch.nn.CrossEntropyLoss()
    seconds = []
    for step in range(options.steps + 1):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "mixed"):
            value = loss(model(clips), labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if step > 0:
            seconds.append(time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(json.dumps({"seconds_per_step": statistics.median(seconds), "peak_rss_bytes": memory}))


def run(command):
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    options = parse()
    environment.enter(__file__)
    if options.measure_torch:
        return measure_torch(options)
    ours = [
        options.sluice, "bench", "train", options.network, "--batch", str(options.batch), "--frames",
        str(options.frames), "--threads", str(options.threads), "--steps", str(options.steps), "--precision",
        options.precision, "--json",
    ]
    theirs = [sys.executable, __file__] + sys.argv[1:] + ["--measure-torch"]
    results = {"sluice": [], "PyTorch": []}
    for _ in range(options.rounds):
        results["sluice"].append(run(ours))
        results["PyTorch"].append(run(theirs))
    print(
        f"{options.network}, {options.precision}, batch {options.batch}, {options.frames} frames, {options.threads} "
        f"threads, {platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; medians of "
        f"{options.rounds} alternating rounds"
    )
    medians = {}
    for name, rounds in results.items():
        seconds = statistics.median(r["seconds_per_step"] for r in rounds)
        memory = max(r["peak_rss_bytes"] for r in rounds)
        medians[name] = (seconds, memory)
        print(f"  {name:8} {seconds:8.3f} s a step  {options.batch / seconds:6.2f} clips/s  {memory / 2**30:5.2f} GiB peak")
    (ours, ours_memory), (theirs, theirs_memory) = medians["sluice"], medians["PyTorch"]
    print(f"  ratio    {theirs / ours:8.2f} x the speed, {ours_memory / theirs_memory:.2f} x the memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
