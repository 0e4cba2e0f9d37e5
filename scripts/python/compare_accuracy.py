#!/usr/bin/env python3
"""How far `sluice net forward|gradients` and PyTorch's own precisions are from PyTorch's float64. See scripts/compare.

Distances are relative L2; of gradients, the median over the tensors. Exits with 1 when a bound is not met.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

environment.enter(__file__)

import torch
from safetensors.torch import load_file, save_file

import peer


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sluice", required=True, help="the built sluice")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--clips", nargs="+", default=["2x8x32x32", "4x8x112x112"], help="sizes of the input, NxTxHxW"
    )
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


def compare(options, shape):
    """Rows of a table: what, Sluice's distance, PyTorch's own distance, the bound."""
    weights, clips, labels = peer.case(shape, options.classes)
    exact, single, half = (peer.step(weights, clips, labels, p) for p in ("float64", "float32", "bfloat16"))
    with tempfile.TemporaryDirectory() as folder:
        save_file(weights, f"{folder}/weights.safetensors")
        save_file({"clips": clips.float(), "labels": labels}, f"{folder}/input.safetensors")
        ours = run(options, folder, "gradients", "--precision", "float64")
        yield "float64: gradients", peer.gradient_distance(ours, exact), None, 1e-7
        ours = run(options, folder, "forward", "--no-winograd")
        own = peer.distance(single["eval.logits"], exact["eval.logits"])
        yield "float32, direct: logits, running statistics", peer.distance(ours["logits"], exact["eval.logits"]), own, 1e-5
        ours = run(options, folder, "gradients")
        own = peer.distance(single["logits"], exact["logits"])
        yield "float32: logits, batch statistics", peer.distance(ours["logits"], exact["logits"]), own, 1e-4
        own = peer.gradient_distance(single, exact)
        yield "float32: gradients", peer.gradient_distance(ours, exact), own, 3 * own
        if "avx512_bf16" not in Path("/proc/cpuinfo").read_text():
            print("  this processor has no AVX-512 bf16: mixed precision is not compared")
            return
        for mode, key in (("eval", "eval.logits"), ("train", "logits")):
            ours = run(options, folder, "forward", "--mode", mode, "--precision", "mixed")
            own = peer.distance(half[key], exact[key])
            kind = "running" if mode == "eval" else "batch"
            yield f"mixed: logits, {kind} statistics", peer.distance(ours["logits"], exact[key]), own, 1.5 * own


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    is_met = True
    for size in options.clips:
        print(f"{peer.NETWORK}, {size} (N x T x H x W): distance from PyTorch's float64")
        print(f"  {'':44} {'sluice':>9} {'PyTorch':>9} {'bound':>9}")
        for what, distance, own, bound in compare(options, tuple(map(int, size.split("x")))):
            own = "" if own is None else f"{own:.2e}"
            print(f"  {what:44} {distance:9.2e} {own:>9} {bound:9.2e}  {'met' if distance <= bound else 'NOT MET'}", flush=True)
            is_met &= distance <= bound
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
