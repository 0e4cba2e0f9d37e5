#!/usr/bin/env python3
"""`sluice bench average` beside gloo's all-reduce (torch.distributed), alternating. See scripts/compare.

Both with as many processes and float32 elements. Gloo: every process ends with the sum. Sluice: every train worker ends with the
next parameters, the sum over the fixed tree and a step of SGD with momentum later, every block checked by its hash on the way.
Either goes on to the next round as soon as it has the one before. "Over tcp" are processes as on hosts of their own, which is
what gloo does here, too. Exits with 1 when a bound of LEAST is not met.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import environment

PORT = 29_517
MODES = {
    "beside train": ["--beside-train"], "apart": [], "beside train, over tcp": ["--beside-train", "--over-tcp"],
    "apart, over tcp": ["--over-tcp"]}
# Of gloo's speed, within a host.
LEAST = {"beside train": 1.0, "apart": 0.6}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", help="the built sluice")
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--elements", type=int, default=31_500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="all-reduces, or averaging rounds, of which one round is the median")
    parser.add_argument("--rank", type=int, help="one process of gloo's, as this script starts it")
    return parser.parse_args()


def reduce(options):
    """One process of an all-reduce; the first prints the median of its seconds."""
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=options.rank, world_size=options.processes[0])
    vector = torch.ones(options.elements)
    seconds = []
    distributed.barrier()
    for step in range(options.steps + 2):
        begin = time.perf_counter()
        distributed.all_reduce(vector)
        if step >= 2:
            seconds.append(time.perf_counter() - begin)
    distributed.barrier()
    distributed.destroy_process_group()
    if options.rank == 0:
        print(statistics.median(seconds))


def gloo(options, processes):
    variables = {
        **os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(PORT + processes), "GLOO_SOCKET_IFNAME": "lo"}
    children = [
        subprocess.Popen(
            [sys.executable, __file__, "--rank", str(rank), "--processes", str(processes), "--elements",
             str(options.elements), "--steps", str(options.steps)],
            stdout=subprocess.PIPE, text=True, env=variables)
        for rank in range(processes)]
    outputs = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        sys.exit("a process of gloo's failed")
    return float(outputs[0])


def sluice(options, processes, *flags):
    bench = subprocess.run(
        [options.sluice, "bench", "average", "--workers", str(processes), "--elements", str(options.elements), "--rounds",
         str(options.steps), "--json", *flags], check=True, capture_output=True, text=True)
    return json.loads(bench.stdout.splitlines()[-1])["seconds_per_round"]


def main():
    environment.enter(__file__)
    options = parse()
    if options.rank is not None:
        reduce(options)
        return 0
    print(
        f"{options.elements} float32, {platform.machine()} with {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}; "
        f"medians of {options.rounds} alternating rounds")
    missed = []
    for processes in options.processes:
        seconds = {name: [] for name in ["gloo", *MODES]}
        for _ in range(options.rounds):
            seconds["gloo"].append(gloo(options, processes))
            for name, flags in MODES.items():
                seconds[name].append(sluice(options, processes, *flags))
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        shown = ", ".join(
            f"shards {name} {1000 * value:.0f} ms: {medians['gloo'] / value:.2f} x gloo"
            for name, value in medians.items() if name != "gloo")
        print(f"{processes} processes: gloo {1000 * medians['gloo']:.0f} ms; {shown}", flush=True)
        missed += [name for name, least in LEAST.items() if medians["gloo"] / medians[name] < least]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
