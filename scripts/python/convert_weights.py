#!/usr/bin/env python3
"""Converts weights of torchvision and IG-65M (.pth) and of VMZ's Caffe2 (.pkl) to the safetensors that Sluice reads.

    scripts/python/convert_weights.py r2plus1d_18-91a641e6.pth r2plus1d.safetensors --frames 16 --labels kinetics.txt
    scripts/python/convert_weights.py r2plus1d_34_clip8_ig65m.pkl ig65m.safetensors --frames 8

The network is found by its tensors. `sluice` names every tensor that is missing, unexpected or of another shape when it
loads the result. Neither torch nor numpy is needed.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from weights_files import Tensor, WeightsError, read_pickled, write_safetensors

STAGES = {
    ((1, 1, 1, 1), False): 10, ((2, 2, 2, 2), False): 18, ((3, 4, 6, 3), False): 34, ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}
NORMALIZATION = {"weight": "s", "bias": "b", "running_mean": "rm", "running_var": "riv"}
MEAN, DEVIATION = "0.43216,0.394666,0.37645", "0.22803,0.22145,0.216989"


def state_of(value):
    """The tensors of what torch.save wrote: a state dictionary, alone or in a checkpoint, of a wrapped model or not."""
    for key in ("state_dict", "model_state_dict", "model", "blobs"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict) or not any(isinstance(tensor, Tensor) for tensor in value.values()):
        raise WeightsError("it holds no dictionary of tensors: save the model's state_dict()")
    others = [str(name) for name, tensor in value.items() if not isinstance(tensor, Tensor)]
    if others:
        raise WeightsError(f"not tensors: {', '.join(others)}")
    state = {name: tensor.float32() for name, tensor in value.items()}
    while all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state


def from_caffe2(blobs):
    """VMZ's blobs under torchvision's names."""
    blobs = {name.split("/")[-1]: tensor for name, tensor in blobs.items()}
    missing, result = [], {}

    def take(name, blob):
        if blob in blobs:
            result[name] = blobs.pop(blob)
        else:
            missing.append(blob)

    def unit(convolution, normalization, prefix, spatbn):
        take(f"{convolution}.weight", f"{prefix}_w")
        for name, suffix in NORMALIZATION.items():
            take(f"{normalization}.{name}", f"{spatbn}_{suffix}")

    if "conv1_middle_w" in blobs:
        unit("stem.0", "stem.1", "conv1_middle", "conv1_middle_spatbn_relu")
        unit("stem.3", "stem.4", "conv1", "conv1_spatbn_relu")
    else:
        unit("stem.0", "stem.1", "conv1", "conv1_spatbn_relu")
    components = [re.fullmatch(r"comp_(\d+)_conv_(\d+)_w", name) for name in blobs]
    found = {(int(match[1]), int(match[2])) for match in components if match}
    count = 1 + max((component for component, _ in found), default=-1)
    is_bottleneck = (0, 3) in found
    stages = next((stages for stages, is_deep in STAGES if sum(stages) == count and is_deep == is_bottleneck), None)
    if stages is None:
        raise WeightsError(f"{count} components of {3 if is_bottleneck else 2} convolutions are no network of the family")
    blocks = [f"layer{stage + 1}.{block}" for stage, length in enumerate(stages) for block in range(length)]
    for component, block in enumerate(blocks):
        for number in range(1, 4 if is_bottleneck else 3):
            ours, theirs = f"{block}.conv{number}", f"comp_{component}_conv_{number}"
            spatbn = f"comp_{component}_spatbn_{number}"
            if f"{theirs}_middle_w" in blobs:
                unit(f"{ours}.0.0", f"{ours}.0.1", f"{theirs}_middle", f"{spatbn}_middle")
                unit(f"{ours}.0.3", f"{ours}.1", theirs, spatbn)
            else:
                unit(f"{ours}.0", f"{ours}.1", theirs, spatbn)
        shortcut = f"shortcut_projection_{component}"
        if f"{shortcut}_w" in blobs:
            unit(f"{block}.downsample.0", f"{block}.downsample.1", shortcut, f"{shortcut}_spatbn")
    heads = sorted(name for name in blobs if re.fullmatch(r"last_out_L\d+_w", name))
    head = heads[0].removesuffix("_w") if len(heads) == 1 else "last_out_L*"
    take("fc.weight", f"{head}_w")
    take("fc.bias", f"{head}_b")
    problems = [f"missing: {', '.join(missing)}"] * bool(missing)
    problems += [f"unexpected: {', '.join(sorted(blobs))}"] * bool(blobs)
    if problems:
        raise WeightsError("blobs of another network; " + "; ".join(problems))
    return result


def network_of(state):
    """Name and width of the network whose tensors these are."""
    lengths = []
    for stage in range(1, 5):
        blocks = {int(match[1]) for name in state if (match := re.match(rf"layer{stage}\.(\d+)\.", name))}
        lengths.append(1 + max(blocks, default=-1))
    is_bottleneck = "layer1.0.conv3.0.weight" in state
    depth = STAGES.get((tuple(lengths), is_bottleneck))
    convolution = "layer1.0.conv2.0" if is_bottleneck else "layer1.0.conv1.0"
    if depth is None or "fc.weight" not in state or "stem.0.weight" not in state:
        raise WeightsError(f"no network of the family: its stages have {lengths} blocks; give --network to take it as it is")
    if f"{convolution}.3.weight" in state:
        stem, name = "stem.3.weight", f"r2plus1d-{depth}"
        middles = [state.get(f"layer2.0.conv{number}.0.0.weight") for number in (1, 2)]
        if depth == 18 and None not in middles and middles[0].shape[0] == middles[1].shape[0]:
            name += "-torchvision"
    elif f"{convolution}.weight" in state:
        kernel = state[f"{convolution}.weight"].shape
        stem, name = "stem.0.weight", f"{'r2d' if kernel[2] == 1 else 'r3d'}-{depth}"
    else:
        raise WeightsError(f"no network of the family: it has no {convolution}.weight; give --network to take it as it is")
    return name, state[stem].shape[0] / 64


def convert(options):
    state = state_of(read_pickled(options.source))
    if any(name.startswith(("comp_", "conv1_", "gpu_0/")) for name in state):
        state = from_caffe2(state)
    for name in [name for name in state if name.endswith("running_mean")]:
        state.setdefault(name.replace("running_mean", "num_batches_tracked"), Tensor.of("I64", (), bytes(8)))
    network, width = (options.network, 1.0) if options.network else network_of(state)
    classes = state["fc.weight"].shape[0] if "fc.weight" in state else 0
    metadata = {
        "network": network, "width": str(width), "classes": str(classes), "frames": str(options.frames),
        "stride": str(options.stride), "resize": options.resize, "crop": str(options.crop), "mean": MEAN,
        "std": DEVIATION, "loss": options.loss, "source": Path(options.source).name,
    }
    if options.labels:
        labels = [line.strip() for line in Path(options.labels).read_text(encoding="utf-8").splitlines() if line.strip()]
        if len(labels) != classes:
            raise WeightsError(f"{options.labels} has {len(labels)} labels, the network has {classes} classes")
        metadata["labels"] = json.dumps(labels, ensure_ascii=False)
    write_safetensors(options.output, state, metadata)
    return f"{options.output}: {network}, width {width:g}, {classes} classes, {len(state)} tensors"


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="the .pth or .pkl file")
    parser.add_argument("output", help="the safetensors file to write")
    parser.add_argument("--network", help="instead of the one found by the tensors")
    parser.add_argument("--frames", type=int, default=32, help="frames of the clips it was trained on (32)")
    parser.add_argument("--stride", type=int, default=1, help="their distance (1)")
    parser.add_argument("--resize", default="128x171", help="frames' size HEIGHTxWIDTH, or short_edge:N (128x171)")
    parser.add_argument("--crop", type=int, default=112, help="height and width of the clips (112)")
    parser.add_argument("--loss", choices=["softmax", "sigmoid"], default="softmax", help="how logits become scores")
    parser.add_argument("--labels", help="one class name a line; `sluice evaluate` and `predict` need them")
    return parser.parse_args(arguments)


def main():
    try:
        print(convert(parse()))
    except (WeightsError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
