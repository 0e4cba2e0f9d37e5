#!/usr/bin/env python3
"""Checks that weights go both ways between Sluice and torchvision, with the same logits on the same clips.

    scripts/python/check_torchvision.py --sluice .build/release/sluice

- what `sluice run` writes loads with safetensors.torch.load_file and load_state_dict(strict=True) into torchvision's model;
- what safetensors.torch.save_file writes of torchvision's state dictionary, `sluice net forward` takes as it is;
- a .pth of the 34-layer network of IG-65M, with heads of 359, 400 and 487 classes, comes through convert_weights.py.

The environment is that of scripts/compare.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

# Relative distance of two sets of logits in float32.
TOLERANCE = 1e-5
TOPOLOGY = """
name: check
corpus: {directory}/corpus
hosts:
  here: {{address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1}}
clip: {{frames: 4, resize: [40, 54], crop: 32}}
train: {{network: {network}, batch: 4, steps: 2, learning_rate: 0.01}}
"""


class Check:
    def __init__(self, sluice, directory):
        self.command = sluice
        self.directory = directory
        self.failures = 0

    def sluice(self, *arguments):
        done = subprocess.run([self.command, *map(str, arguments)], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"sluice {' '.join(map(str, arguments))} failed: {done.stderr.strip()}")

    def report(self, what, ours, theirs):
        distance = ((ours.double() - theirs.double()).norm() / theirs.double().norm()).item()
        verdict = "ok" if distance <= TOLERANCE else f"FAILED, more than {TOLERANCE}"
        self.failures += distance > TOLERANCE
        print(f"{what}: relative distance of the logits {distance:.1e}, {verdict}")

    def logits(self, network, weights, clips):
        """What sluice computes."""
        source, output = self.directory / "clips.safetensors", self.directory / "logits.safetensors"
        safetensors.save_file({"clips": clips}, source)
        self.sluice("net", "forward", network, "--weights", weights, "--input", source, "--output", output)
        return safetensors.load_file(output)["logits"]


def randomize(model):
    """Running statistics, scales and offsets off 0 and 1, so that each counts."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return model.eval()


def set_epsilon(model, epsilon):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.eps = epsilon
    return model


def paper_34(classes):
    """The 34-layer network of IG-65M as published for PyTorch: every convolution has its own number of middle channels."""
    resnet = video.resnet
    model = resnet.VideoResNet(
        resnet.BasicBlock, [resnet.Conv2Plus1D] * 4, [3, 4, 6, 3], resnet.R2Plus1dStem, num_classes=classes
    )
    for layer, width, middle in ((model.layer2, 128, 288), (model.layer3, 256, 576), (model.layer4, 512, 1152)):
        layer[0].conv2[0] = resnet.Conv2Plus1D(width, width, middle)
    return set_epsilon(model, 1e-3)


def from_torchvision(check, clips):
    for network, model in (
        ("r2plus1d-18-torchvision", video.r2plus1d_18(num_classes=400)),
        ("r3d-18", set_epsilon(video.r3d_18(num_classes=400), 1e-3)),
    ):
        randomize(model)
        path = check.directory / "torchvision.safetensors"
        safetensors.save_file(model.state_dict(), path)
        with torch.no_grad():
            check.report(f"torchvision → sluice, {network}", check.logits(network, path, clips), model(clips))


def from_pth(check, clips):
    convert = Path(__file__).with_name("convert_weights.py")
    for classes in (359, 400, 487):
        model = randomize(paper_34(classes))
        source, path = check.directory / "model.pth", check.directory / "converted.safetensors"
        state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
        torch.save({"state_dict": state}, source, _use_new_zipfile_serialization=classes != 359)
        subprocess.run([sys.executable, convert, source, path, "--frames", "8"], check=True, stdout=subprocess.DEVNULL)
        with torch.no_grad():
            check.report(
                f".pth → sluice, r2plus1d-34 with {classes} classes", check.logits("r2plus1d-34", path, clips),
                model(clips),
            )


def to_torchvision(check, clips):
    corpus = check.directory / "corpus"
    check.sluice("synthesize", corpus, "--videos", 20, "--labels", 4, "--seconds", 1, "--validation-per-label", 1)
    check.sluice("corpus", "build", corpus)
    for network, make, epsilon in (
        ("r2plus1d-18-torchvision", video.r2plus1d_18, 1e-5), ("r3d-18", video.r3d_18, 1e-3),
    ):
        topology, run = check.directory / "topology.yaml", check.directory / network
        topology.write_text(TOPOLOGY.format(directory=check.directory, network=network))
        check.sluice("run", topology, "--output", run)
        model = set_epsilon(make(num_classes=4), epsilon).eval()
        weights = run / "weights.safetensors"
        model.load_state_dict(safetensors.load_file(weights), strict=True)
        with torch.no_grad():
            check.report(f"sluice → torchvision, {network}", check.logits(network, weights, clips), model(clips))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True, help="the built sluice", type=lambda path: str(Path(path).resolve()))
    options = parser.parse_args()
    environment.enter(__file__)
    global torch, safetensors, video
    import safetensors.torch as safetensors
    import torch

    video = environment.video_models()
    torch.manual_seed(1)
    clips = torch.randn(2, 3, 8, 112, 112)
    with tempfile.TemporaryDirectory() as directory:
        check = Check(options.sluice, Path(directory))
        from_torchvision(check, clips)
        from_pth(check, clips)
        to_torchvision(check, clips)
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
