"""The formula that the scripts and Tests/NetworksTests share: weights and clips from counters, and tensors in little space.

Everything is rounded to float32, so that networks of every precision compute the same function of the same input.
"""

import numpy
import torch

SEED = 20190617
SAMPLES = 64

U64 = numpy.uint64
numpy.seterr(over="ignore")


def mix(z):
    """SplitMix64's finaliser, on numpy's uint64."""
    z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
    return z ^ (z >> U64(31))


def bits(name, indices, seed=SEED):
    """The 64 bits of each counter: Sources/Networks/CounterGenerator.swift."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    key = mix(U64(seed) ^ mix(U64(key)))
    return mix(key + (indices.astype(U64) + U64(1)) * U64(0x9E3779B97F4A7C15))


def symmetric(name, shape, seed=SEED):
    """Uniform in (-1, 1)."""
    count = int(numpy.prod(shape))
    draws = bits(name, numpy.arange(count, dtype=U64), seed) >> U64(12)
    return ((draws.astype(numpy.float64) + 0.5) * 2.0**-52 * 2 - 1).reshape(shape)


def parameter(name, shape, seed=SEED):
    """He's variance for convolutions; parameters and statistics of normalisation off 1 and 0."""
    values = symmetric(name, shape, seed)
    if len(shape) == 5:
        return values * numpy.sqrt(6 / (shape[0] * shape[2] * shape[3] * shape[4]))
    if len(shape) == 2:
        return values * 0.1
    if name.endswith("running_var") or (name.endswith("weight")):
        return values * 0.2 + 1
    return values * 0.2


def fill(model, seed=SEED):
    """Sets every parameter and running statistic of a model; returns it."""
    state = model.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = rounded(parameter(name, tuple(tensor.shape), seed))
    model.load_state_dict(state, strict=True)
    return model


def rounded(values):
    """float64 values that are float32 numbers."""
    return torch.from_numpy(values).float().double()


def noise_clips(name, shape, seed=SEED):
    """Clips without meaning, (N, 3, T, H, W)."""
    return rounded(symmetric(name, shape, seed) * 2)


def summary(name, tensor):
    """Norm, signed sums and samples of a tensor: 1 + 64 + 64 doubles."""
    values = tensor.detach().double().numpy().reshape(-1)
    signs = bits("signs", numpy.arange(values.size, dtype=U64))
    sums = [values.sum() - 2 * values[(signs >> U64(k)) & U64(1) == 0].sum() for k in range(64)]
    places = bits(name, numpy.arange(SAMPLES, dtype=U64)) % U64(values.size)
    return torch.from_numpy(numpy.concatenate([[numpy.linalg.norm(values)], sums, values[places.astype(int)]]))
