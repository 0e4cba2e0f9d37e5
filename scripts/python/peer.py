"""What PyTorch computes with torchvision's r2plus1d_18, in float64, float32 and under bfloat16 autocast."""

import statistics

import torch

import environment
import formula

NETWORK = "r2plus1d-18-torchvision"

make_network = environment.video_models().resnet.r2plus1d_18


def case(shape, classes, seed=formula.SEED):
    """Weights, clips and labels of the formula for clips of `shape`, (N, T, H, W)."""
    weights = formula.fill(make_network(num_classes=classes).double(), seed).state_dict()
    batch, *size = shape
    labels = torch.tensor([(3 + clip * 5) % classes for clip in range(batch)])
    return weights, formula.noise_clips("clips", (batch, 3, *size), seed), labels


def step(weights, clips, labels, precision):
    """The tensors of one training step that `sluice net gradients` writes, and `eval.logits`, as float64.

    `float32` and `bfloat16` (autocast) are computed channels-last, PyTorch's fastest layout for these networks; of
    `bfloat16` the forward pass alone, since gradients of some of its temporal kernels are not numbers.
    """
    model = make_network(num_classes=len(weights["fc.bias"])).double()
    model.load_state_dict(weights, strict=True)
    if precision != "float64":
        model = model.float().to(memory_format=torch.channels_last_3d)
        clips = clips.float().to(memory_format=torch.channels_last_3d)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        with torch.no_grad():
            result = {"eval.logits": model.eval()(clips)}
        with torch.set_grad_enabled(precision != "bfloat16"):
            logits = model.train()(clips)
            loss = torch.nn.functional.cross_entropy(logits, labels)
    result |= {"logits": logits.detach(), "loss": loss.detach()}
    if precision == "bfloat16":
        return {name: tensor.double() for name, tensor in result.items()}
    loss.backward()
    for name, tensor in model.named_parameters():
        result[f"grad.{name}"] = tensor.grad
    for name, tensor in model.named_buffers():
        if not name.endswith("num_batches_tracked"):
            result[name] = tensor
    return {name: tensor.double() for name, tensor in result.items()}


def distance(actual, exact):
    """The norm of the difference in units of the exact tensor's norm."""
    return ((actual.double() - exact).norm() / exact.norm()).item()


def gradient_distance(actual, exact):
    """The median of the distances of all gradients: kinks of ReLUs move single tensors a great deal."""
    return statistics.median(distance(actual[name], exact[name]) for name in exact if name.startswith("grad."))
