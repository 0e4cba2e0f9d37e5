"""PyTorch's float64 step of r2plus1d_18 for several inputs, and how far its own lower precisions are from it.

Kinks of ReLUs behind batch statistics move the gradients of one input by anything up to a few percent in any float32, so
distances are compared as means over inputs.
"""

import statistics
import sys

import formula
import peer

SHAPE = (2, 8, 32, 32)
CLASSES = 10
SEEDS = tuple(range(1, 9))


def gradients_compared(tensors):
    """Convolutions' gradients, which is nearly all parameters."""
    return sorted(name for name, tensor in tensors.items() if name.startswith("grad.") and tensor.dim() == 5)


def make():
    """By seed: logits, summaries of gradients, and the distances `own.float32.*` and `own.bfloat16.*`."""
    result = {}
    for seed in SEEDS:
        weights, clips, labels = peer.case(SHAPE, CLASSES, seed)
        exact, single, half = (peer.step(weights, clips, labels, p) for p in ("float64", "float32", "bfloat16"))
        names = gradients_compared(exact)
        own = {
            "float32.gradients": statistics.median(peer.distance(single[name], exact[name]) for name in names),
            "bfloat16.eval.logits": peer.distance(half["eval.logits"], exact["eval.logits"]),
            "bfloat16.logits": peer.distance(half["logits"], exact["logits"]),
        }
        for key, value in own.items():
            result[f"{seed}.own.{key}"] = peer.torch.tensor(value).double()
        for key in ("eval.logits", "logits"):
            result[f"{seed}.{key}"] = exact[key]
        for name in names:
            result[f"{seed}.{name}"] = formula.summary(name.removeprefix("grad."), exact[name])
    for key in own:
        mean = statistics.geometric_mean(result[f"{seed}.own.{key}"].item() for seed in SEEDS)
        print(f"accuracy: PyTorch's {key}, mean distance from float64 {mean:.2e}", file=sys.stderr)
    return result
