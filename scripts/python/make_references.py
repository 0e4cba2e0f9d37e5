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


def define_modules():
    """The paper's variant of r2plus1d-10 at width 0.25, from torch's own layers."""
    nn = torch.nn

    def factored(inputs, outputs, stride):
        middle = 27 * inputs * outputs // (9 * inputs + 3 * outputs)
        return nn.Sequential(
            nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
            nn.BatchNorm3d(middle, eps=1e-3),
            nn.ReLU(),
            nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
        )

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Sequential(factored(inputs, outputs, stride), nn.BatchNorm3d(outputs, eps=1e-3), nn.ReLU())
            self.conv2 = nn.Sequential(factored(outputs, outputs, 1), nn.BatchNorm3d(outputs, eps=1e-3))
            self.downsample = None
            if stride != 1:
                self.downsample = nn.Sequential(
                    nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs, eps=1e-3)
                )

        def forward(self, x):
            shortcut = x if self.downsample is None else self.downsample(x)
            return torch.relu(self.conv2(self.conv1(x)) + shortcut)

    class Network(nn.Module):
        def __init__(self, classes):
            super().__init__()
            self.stem = nn.Sequential(
                nn.Conv3d(3, 11, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
                nn.BatchNorm3d(11, eps=1e-3),
                nn.ReLU(),
                nn.Conv3d(11, 16, (3, 1, 1), 1, (1, 0, 0), bias=False),
                nn.BatchNorm3d(16, eps=1e-3),
                nn.ReLU(),
            )
            self.layer1 = nn.Sequential(Block(16, 16, 1))
            self.layer2 = nn.Sequential(Block(16, 32, 2))
            self.layer3 = nn.Sequential(Block(32, 64, 2))
            self.layer4 = nn.Sequential(Block(64, 128, 2))
            self.fc = nn.Linear(128, classes)

        def forward(self, x):
            x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
            return self.fc(x.mean((2, 3, 4)))

    return Network


def training():
    """Twenty steps of SGD, float64: Nesterov momentum, decay on weights and gammas, the rate divided by 10 after ten."""
    model = define_modules()(6).double()
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
    global parameter, summary, symmetric, torch, video_resnet
    import torch
    from formula import parameter, summary, symmetric
    from safetensors.torch import save_file

    video_resnet = environment.video_models().resnet
    torch.set_num_threads(1)
    REFERENCES.mkdir(parents=True, exist_ok=True)
    for name, make in (("r2plus1d-18-torchvision", full_size), ("sgd", training)):
        path = REFERENCES / f"{name}.safetensors"
        save_file({key: tensor.contiguous() for key, tensor in make().items()}, path)
        print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
