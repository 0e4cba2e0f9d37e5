#!/usr/bin/env python3
"""How far `sluice net forward|gradients` and PyTorch's own precisions are from PyTorch's float64. See scripts/compare.

Distances are relative L2; of gradients, the median over the tensors; all are geometric means over inputs, since kinks of
ReLUs behind batch statistics move one input's gradients by a factor of ten in any float32. Exits with 1 when a bound is not
met.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

environment.enter(__file__)

import torch
from safetensors.torch import load_file, save_file

import peer

# Largest distance; those of 1 and more are in units of PyTorch's own.
BOUNDS = {
    "float64: gradients": 1e-7,
    "float32, direct: logits, running statistics": 1e-5,
    "float32: logits, batch statistics": 1e-4,
    "float32: gradients": 3,
    "mixed: logits, running statistics": 1.5,
    "mixed: logits, batch statistics": 1.5,
}
HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--clips", nargs="+", default=["2x8x32x32", "4x8x64x64"], help="sizes of the input, NxTxHxW"
    )
    parser.add_argument("--inputs", type=int, default=4, help="inputs of each size, of which means are taken")
    parser.add_argument("--classes", type=int, default=400)
    return parser.parse_args()


def run(options, folder, command, *flags):
    """The tensors that a `sluice net` command writes."""
    output = f"{folder}/output.safetensors"
    done = subprocess.run(
        [options.sluice, "net", command, peer.NETWORK, "--weights", f"{folder}/weights.safetensors", "--input",
         f"{folder}/input.safetensors", "--output", output, "--threads", str(options.threads), *flags],
        check=False, capture_output=True, text=True,
    )
    if done.returncode != 0:
        sys.exit(f"sluice net {command} {' '.join(flags)} failed: {done.stderr.strip()}")
    return load_file(output)


def measure(options, shape, seed):
    """What was compared on one input: Sluice's distance and PyTorch's own."""
    weights, clips, labels = peer.case(shape, options.classes, seed)
    exact, single, half = (peer.step(weights, clips, labels, p) for p in ("float64", "float32", "bfloat16"))
    with tempfile.TemporaryDirectory() as folder:
        save_file(weights, f"{folder}/weights.safetensors")
        save_file({"clips": clips.float(), "labels": labels}, f"{folder}/input.safetensors")
        ours = run(options, folder, "gradients", "--precision", "float64")
        yield "float64: gradients", peer.gradient_distance(ours, exact), None
        ours = run(options, folder, "forward", "--no-winograd")
        own = peer.distance(single["eval.logits"], exact["eval.logits"])
        yield "float32, direct: logits, running statistics", peer.distance(ours["logits"], exact["eval.logits"]), own
        ours = run(options, folder, "gradients")
        own = peer.distance(single["logits"], exact["logits"])
        yield "float32: logits, batch statistics", peer.distance(ours["logits"], exact["logits"]), own
        yield "float32: gradients", peer.gradient_distance(ours, exact), peer.gradient_distance(single, exact)
        if not HAS_BF16:
            return
        for mode, key in (("eval", "eval.logits"), ("train", "logits")):
            ours = run(options, folder, "forward", "--mode", mode, "--precision", "mixed")
            own = peer.distance(half[key], exact[key])
            kind = "running" if mode == "eval" else "batch"
            yield f"mixed: logits, {kind} statistics", peer.distance(ours["logits"], exact[key]), own


def compare(options, shape):
    """Rows of a table: what, Sluice's mean distance, PyTorch's own, the bound."""
    distances, own = {}, {}
    for seed in range(1, options.inputs + 1):
        for what, ours, theirs in measure(options, shape, seed):
            distances.setdefault(what, []).append(ours)
            own.setdefault(what, []).append(theirs)
    for what, values in distances.items():
        distance = statistics.geometric_mean(values)
        theirs = None if None in own[what] else statistics.geometric_mean(own[what])
        bound = BOUNDS[what]
        yield what, distance, theirs, bound if theirs is None or bound < 1 else bound * theirs


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    is_met = True
    if not HAS_BF16:
        print("This processor has no AVX-512 bf16: mixed precision is not compared.")
    for size in options.clips:
        print(f"{peer.NETWORK}, {size} (N x T x H x W), {options.inputs} inputs: distance from PyTorch's float64")
        print(f"  {'':44} {'sluice':>9} {'PyTorch':>9} {'bound':>9}")
        for what, distance, own, bound in compare(options, tuple(map(int, size.split("x")))):
            own = "" if own is None else f"{own:.2e}"
            print(f"  {what:44} {distance:9.2e} {own:>9} {bound:9.2e}  {'met' if distance <= bound else 'NOT MET'}", flush=True)
            is_met &= distance <= bound
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
