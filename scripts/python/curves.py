"""Losses of PyTorch while a small network learns, for the tests that Sluice's training follows them.

Clips of class c are noise plus a pattern of c's own. `parity` goes ten times through ten batches at a rate of 0.002 and from
calm weights (gammas 1, betas 0, a small classifier): there PyTorch's own float32 follows its float64, which is checked before
a reference is written. `useful` sees fresh batches at ten times that rate, where rounding alone leads elsewhere.
"""

import sys
from dataclasses import dataclass

import torch

import formula
import small_network

CLASSES = 6
STEPS = 100
SHAPE = (8, 3, 8, 32, 32)
SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Setting:
    rate: float
    momentum: float
    # Batches before the first one comes again.
    batches: int
    # Amplitude of a class's pattern; of the noise it is 1.
    pattern: float


PARITY = Setting(rate=0.002, momentum=0.5, batches=10, pattern=1)
USEFUL = Setting(rate=0.02, momentum=0.9, batches=100, pattern=0.375)


def calm(name, shape, seed):
    """Initial values: He's variance for convolutions, 1 and 0 for normalisation, a small classifier."""
    if len(shape) == 1:
        return torch.full(shape, float(name.endswith(("weight", "running_var"))), dtype=torch.float64)
    return formula.rounded(formula.parameter(name, shape, seed) * (0.3 if len(shape) == 2 else 1))


def batch(seed, number, pattern):
    """Clips (8, 3, 8, 32, 32) and labels (8) of a batch."""
    draws = formula.bits(f"labels.{number}", formula.numpy.arange(SHAPE[0], dtype=formula.U64), seed)
    labels = [int(bits % formula.U64(CLASSES)) for bits in draws]
    patterns = formula.numpy.stack([formula.symmetric(f"pattern.{label}", SHAPE[1:]) for label in labels])
    clips = formula.symmetric(f"clips.{number}", SHAPE, seed) + pattern * patterns
    return formula.rounded(2 * clips), torch.tensor(labels)


def losses(seed, setting, dtype):
    """The loss of each of 100 steps of SGD: Nesterov momentum, decay 1e-4 except on biases, a constant rate."""
    model = small_network.Network(CLASSES).double()
    state = model.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = calm(name, tuple(tensor.shape), seed)
    model.load_state_dict(state, strict=True)
    model = model.to(dtype).train()
    biases = [tensor for name, tensor in model.named_parameters() if name.endswith("bias")]
    weights = [tensor for name, tensor in model.named_parameters() if not name.endswith("bias")]
    groups = [{"params": weights, "weight_decay": 1e-4}, {"params": biases, "weight_decay": 0}]
    optimizer = torch.optim.SGD(groups, lr=setting.rate, momentum=setting.momentum, nesterov=True)
    result = []
    for step in range(STEPS):
        clips, labels = batch(seed, step % setting.batches, setting.pattern)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(clips.to(dtype)), labels)
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return torch.tensor(result, dtype=torch.float64)


def means_of_ten(curve):
    return curve.view(-1, 10).mean(1)


def make():
    """Curves of float32: `parity` (100), and `useful` (5 seeds x 100)."""
    parity, exact = (losses(SEEDS[0], PARITY, dtype) for dtype in (torch.float32, torch.float64))
    apart = (means_of_ten(parity) / means_of_ten(exact) - 1).abs().max().item()
    if apart > 5e-3:
        sys.exit(f"PyTorch's float32 is {apart:.1e} from its float64: no reference for parity")
    useful = torch.stack([losses(seed, USEFUL, torch.float32) for seed in SEEDS])
    print(f"parity: float32 within {apart:.1e} of float64, {means_of_ten(parity).tolist()}", file=sys.stderr)
    print(f"useful: last ten of each seed {[means_of_ten(curve)[-1].item() for curve in useful]}", file=sys.stderr)
    return {"parity": parity, "useful": useful.reshape(-1)}
