#!/usr/bin/env python3
"""Writes Tests/NetworksTests/References: what PyTorch computes, in little space, for the tests of Networks.

    scripts/python/make_references.py --venv      # makes a virtual environment first, ~/.cache/sluice/venv-torch
    scripts/python/make_references.py             # in an environment with torch, torchvision, safetensors, numpy

Weights and clips come from a counter-based formula that the tests have too. Of each tensor the file keeps its norm, 64 sums of
its elements with seeded signs, and 64 elements: the root of the mean square of the differences between two tensors'
signed sums estimates the norm of the tensors' difference.
"""

import argparse
import sys
from pathlib import Path

import environment

REFERENCES = Path(__file__).resolve().parents[2] / "Tests/NetworksTests/References"


def fill(model):
    state = model.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = torch.from_numpy(parameter(name, tuple(tensor.shape))).to(tensor.dtype)
    model.load_state_dict(state, strict=True)


def full_size():
    """r2plus1d_18 of torchvision, 10 classes, two clips of 8x32x32."""
    model = video_resnet.r2plus1d_18(num_classes=10).double()
    fill(model)
    clips = torch.from_numpy(symmetric("clips", (2, 3, 8, 32, 32)) * 2)
    labels = torch.tensor([3, 8])
    single = video_resnet.r2plus1d_18(num_classes=10)
    fill(single)
    single.eval()
    model.eval()
    with torch.no_grad():
        result = {"eval.logits": model(clips), "eval.logits.float32": single(clips.float())}
    model.train()
    logits = model(clips)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    result |= {"logits": logits.detach(), "loss": loss.detach()}
    for name, tensor in model.named_parameters():
        result[f"grad.{name}"] = summary(name, tensor.grad)
    for name, tensor in model.named_buffers():
        if not name.endswith("num_batches_tracked"):
            result[name] = summary(name, tensor)
    return result


def training():
    """Twenty steps of SGD, float64: Nesterov momentum, decay on weights and gammas, the rate divided by 10 after ten."""
    model = small_network.Network(6).double()
    fill(model)
    model.train()
    biases = [tensor for name, tensor in model.named_parameters() if name.endswith("bias")]
    weights = [tensor for name, tensor in model.named_parameters() if not name.endswith("bias")]
    optimizer = torch.optim.SGD(
        [{"params": weights, "weight_decay": 5e-3}, {"params": biases, "weight_decay": 0}],
        lr=0.02,
        momentum=0.9,
        nesterov=True,
    )
    result = {}
    losses = []
    for step in range(20):
        for group in optimizer.param_groups:
            group["lr"] = 0.02 if step < 10 else 0.002
        clips = torch.from_numpy(symmetric(f"clips.{step}", (4, 3, 8, 24, 24)) * 2)
        labels = torch.tensor([(step + clip * 5) % 6 for clip in range(4)])
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(clips), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        state = [t.reshape(-1) for n, t in sorted(model.state_dict().items()) if not n.endswith("num_batches_tracked")]
        result[f"step.{step}"] = summary(f"step.{step}", torch.cat(state))
    result["losses"] = torch.tensor(losses, dtype=torch.float64)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", action="store_true", help="make and use the environment of scripts/compare")
    arguments = parser.parse_args()
    if arguments.venv:
        environment.enter(__file__)
    global parameter, small_network, summary, symmetric, torch, video_resnet
    import accuracy
    import curves
    import small_network
    import torch
    from formula import parameter, summary, symmetric
    from safetensors.torch import save_file

    video_resnet = environment.video_models().resnet
    torch.set_num_threads(1)
    REFERENCES.mkdir(parents=True, exist_ok=True)
    makers = {
        "r2plus1d-18-torchvision": full_size, "sgd": training, "curves": curves.make, "accuracy": accuracy.make,
    }
    for name, make in makers.items():
        path = REFERENCES / f"{name}.safetensors"
        save_file({key: tensor.contiguous() for key, tensor in make().items()}, path)
        print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
