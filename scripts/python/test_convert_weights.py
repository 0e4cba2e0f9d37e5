#!/usr/bin/env python3
"""Tests convert_weights.py on files made here: torch.save's two formats and VMZ's Caffe2 pickles, without torch or numpy.

    scripts/python/test_convert_weights.py WEIGHTS.safetensors DIRECTORY [--torch]

WEIGHTS is a file that sluice wrote: it comes back from every format with the same tensors. With --torch (in the environment
of scripts/compare) torch and numpy write the files themselves.
"""

import argparse
import collections
import contextlib
import io
import pickle
import re
import struct
import sys
import types
import zipfile
from pathlib import Path

import convert_weights
from weights_files import LEGACY_MAGIC, Tensor, contiguous, read_safetensors


def module(name, **members):
    """A module that pickles can name; its members say that they are of it."""
    result = types.ModuleType(name)
    for key, value in members.items():
        value.__module__ = name
        value.__qualname__ = key
        setattr(result, key, value)
    return result


class FloatStorage:
    def __init__(self, key, data):
        self.key, self.data = key, data


class LongStorage(FloatStorage):
    pass


def _rebuild_tensor_v2():
    raise AssertionError("only named")


class Namespace:
    """What a training script adds to its checkpoint."""


class Pickled:
    """Pickles as a tensor of torch does."""

    def __init__(self, key, tensor):
        kind = FloatStorage if tensor.dtype == "F32" else LongStorage
        self.storage, self.tensor = kind(key, bytes(tensor.bytes())), tensor

    def __reduce__(self):
        shape = self.tensor.shape
        return _rebuild_tensor_v2, (self.storage, 0, shape, contiguous(shape), False, collections.OrderedDict())


class TorchPickler(pickle.Pickler):
    is_legacy = False

    def persistent_id(self, value):
        if not isinstance(value, FloatStorage):
            return None
        count = len(value.data) // (4 if type(value) is FloatStorage else 8)
        extra = (None,) if self.is_legacy else ()
        return ("storage", type(value), value.key, "cpu", count) + extra


def torch_pickle(value, is_legacy=False):
    file = io.BytesIO()
    pickler = TorchPickler(file, 2)
    pickler.is_legacy = is_legacy
    pickler.dump(value)
    return file.getvalue()


def write_zip(path, tensors, wrap):
    pickled = {name: Pickled(str(number), tensor) for number, (name, tensor) in enumerate(tensors.items())}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", torch_pickle(wrap(pickled)))
        archive.writestr("archive/byteorder", "little")
        for value in pickled.values():
            archive.writestr(f"archive/data/{value.storage.key}", value.storage.data)


def write_legacy(path, tensors, wrap):
    pickled = {name: Pickled(str(number), tensor) for number, (name, tensor) in enumerate(tensors.items())}
    storages = {value.storage.key: value.storage.data for value in pickled.values()}
    sizes = {value.storage.key: 4 if type(value.storage) is FloatStorage else 8 for value in pickled.values()}
    with open(path, "wb") as file:
        for value in (LEGACY_MAGIC, 1001, {"little_endian": True}):
            file.write(pickle.dumps(value, 2))
        file.write(torch_pickle(wrap(pickled), is_legacy=True))
        file.write(pickle.dumps(sorted(storages), 2))
        for key in sorted(storages):
            file.write(struct.pack("<q", len(storages[key]) // sizes[key]) + storages[key])


class ndarray:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        state = (1, self.tensor.shape, dtype(), False, bytes(self.tensor.bytes()))
        return _reconstruct, (ndarray, (0,), b"b"), state


class dtype:
    def __reduce__(self):
        return dtype, ("f4", 0, 1), (3, "<", None, None, None, -1, -1, 0)


def _reconstruct():
    raise AssertionError("only named")


class Python2Pickler(pickle._Pickler):
    """Writes texts and bytes alike, as Python 2 did."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        data = value.encode("latin1") if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(data)) + data)

    dispatch[str] = dispatch[bytes] = save_string


def write_caffe2(path, tensors):
    with open(path, "wb") as file:
        Python2Pickler(file, 2).dump({"blobs": {name: ndarray(tensor) for name, tensor in tensors.items()}})


def caffe2_name(name, blocks, classes):
    """VMZ's name of a tensor of torchvision's name."""
    owner, _, leaf = name.rpartition(".")
    suffix = {"bias": "b", "running_mean": "rm", "running_var": "riv"}.get(leaf)
    if owner == "fc":
        return f"last_out_L{classes}_{leaf[0]}"
    stems = {"stem.0": "conv1_middle", "stem.3": "conv1"} if ("stem", 3) in blocks else {"stem.0": "conv1"}
    if owner in stems:
        return stems[owner] + "_w"
    if owner.startswith("stem"):
        convolution = "stem." + str(int(owner[5:]) - 1)
        return f"{stems[convolution]}_spatbn_relu_{suffix or 's'}"
    stage, block, rest = re.fullmatch(r"layer(\d)\.(\d+)\.(.*)", owner).groups()
    component = sum(blocks[int(earlier)] for earlier in "1234" if earlier < stage) + int(block)
    if rest.startswith("downsample"):
        return f"shortcut_projection_{component}" + ("_w" if rest.endswith("0") else f"_spatbn_{suffix or 's'}")
    number, path = int(rest[4]), rest[6:]
    middle = "_middle" if path in ("0.0", "0.1") else ""
    if path in ("0", "0.0", "0.3"):
        return f"comp_{component}_conv_{number}{middle}_w"
    return f"comp_{component}_spatbn_{number}{middle}_{suffix or 's'}"


def caffe2_blobs(tensors):
    blocks = {("stem", 3): True} if "stem.3.weight" in tensors else {}
    for stage in range(1, 5):
        blocks[stage] = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith(f"layer{stage}."))
    classes = tensors["fc.weight"].shape[0]
    kept = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    blobs = {caffe2_name(name, blocks, classes): tensor for name, tensor in kept.items()}
    assert len(blobs) == len(kept)
    return blobs


def convert(source, output, *arguments):
    return convert_weights.convert(convert_weights.parse([str(source), str(output), *arguments]))


def expect_same(path, tensors):
    converted, metadata = read_safetensors(path)
    assert set(converted) == set(tensors), set(converted) ^ set(tensors)
    for name, tensor in tensors.items():
        other = converted[name]
        assert (other.dtype, other.shape) == (tensor.dtype, tensor.shape), name
        assert other.bytes() == tensor.bytes(), name
    return metadata


def expect_error(text, source, output):
    try:
        convert(source, output)
    except convert_weights.WeightsError as error:
        assert text in str(error), f"{text!r} is not in {str(error)!r}"
        assert not Path(output).exists(), f"{output} was written"
        return
    raise AssertionError(f"{source} was converted")


def test_formats(tensors, own, directory):
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    output = directory / "converted.safetensors"
    checkpoint = lambda state: {"epoch": 3, "args": Namespace(), "state_dict": collections.OrderedDict(state)}
    for write in (write_zip, write_legacy):
        write(directory / "model.pth", tensors, dict)
        convert(directory / "model.pth", output)
        expect_same(output, tensors)
        write(directory / "checkpoint.pth", wrapped, checkpoint)
        print(convert(directory / "checkpoint.pth", output, "--frames", "8"))
        metadata = expect_same(output, tensors)
        for key in ("network", "width"):
            assert str(metadata[key]) == own[key], (key, metadata[key], own[key])
        assert metadata["frames"] == "8"
    write_caffe2(directory / "blobs.pkl", caffe2_blobs(tensors))
    print(convert(directory / "blobs.pkl", directory / "caffe2.safetensors"))
    metadata = expect_same(directory / "caffe2.safetensors", tensors)
    assert metadata["network"] == own["network"] and metadata["source"] == "blobs.pkl"


def test_labels(tensors, directory):
    write_zip(directory / "model.pth", tensors, dict)
    output, labels = directory / "labelled.safetensors", directory / "labels.txt"
    names = [f"label {number}" for number in range(tensors["fc.weight"].shape[0])]
    labels.write_text("\n".join(names) + "\n")
    convert(directory / "model.pth", output, "--labels", str(labels))
    assert convert_weights.json.loads(read_safetensors(output)[1]["labels"]) == names
    labels.write_text("one\n")
    with contextlib.suppress(convert_weights.WeightsError):
        convert(directory / "model.pth", output, "--labels", str(labels))
        raise AssertionError("the wrong number of labels was taken")


def test_errors(tensors, directory):
    output = directory / "never.safetensors"
    blobs = caffe2_blobs(tensors)
    fewer = {name: tensor for name, tensor in blobs.items() if name not in ("comp_0_conv_1_w", "conv1_w")}
    write_caffe2(directory / "bad.pkl", fewer | {"other_w": blobs["conv1_w"]})
    expect_error("missing: conv1_w, comp_0_conv_1_w; unexpected: other_w", directory / "bad.pkl", output)
    (directory / "bad.pth").write_bytes(b"not weights")
    expect_error("bad.pth: neither a .pth nor a .pkl", directory / "bad.pth", output)
    (directory / "bad.pth").write_bytes((directory / "model.pth").read_bytes()[:-200])
    expect_error("bad.pth", directory / "bad.pth", output)
    expect_error("No such file", directory / "none.pth", output)
    write_zip(directory / "bad.pth", {"weight": tensors["fc.weight"]}, dict)
    expect_error("no network of the family", directory / "bad.pth", output)
    write_zip(directory / "bad.pth", {}, lambda state: {"model": Namespace()})
    expect_error("save the model's state_dict()", directory / "bad.pth", output)
    # A pickle is not a program.
    (directory / "bad.pth").write_bytes(b"cbuiltins\neval\n(S'open(\"" + str(output).encode() + b"\", \"w\")'\ntR.")
    expect_error("no dictionary of tensors", directory / "bad.pth", output)


def test_values():
    """Element types and layouts that torch may hold."""
    half = Tensor.of("F16", (2,), struct.pack("<2e", 1.5, -0.25)).float32()
    assert (half.dtype, bytes(half.bytes())) == ("F32", struct.pack("<2f", 1.5, -0.25))
    brain = Tensor.of("BF16", (2,), struct.pack("<2H", 0x3FC0, 0xBE80)).float32()
    assert bytes(brain.bytes()) == struct.pack("<2f", 1.5, -0.25)
    double = Tensor.of("F64", (1,), struct.pack("<d", 0.1)).float32()
    assert bytes(double.bytes()) == struct.pack("<f", 0.1)
    matrix = Tensor.of("F32", (2, 3), struct.pack("<6f", *range(6)))
    transposed = Tensor(matrix.storage, 0, (3, 2), (1, 3))
    assert bytes(transposed.bytes()) == struct.pack("<6f", 0, 3, 1, 4, 2, 5)
    part = Tensor(matrix.storage, 3, (3,), (1,))
    assert bytes(part.bytes()) == struct.pack("<3f", 3, 4, 5)
    for tensor in (Tensor(matrix.storage, 4, (3,), (1,)), Tensor(matrix.storage, -1, (1,), (1,))):
        with contextlib.suppress(convert_weights.WeightsError):
            tensor.bytes()
            raise AssertionError("a tensor outside of its storage was read")


def test_torch(tensors, directory):
    """The same with files that torch and numpy wrote themselves."""
    import numpy
    import torch

    kinds = {"F32": numpy.float32, "I64": numpy.int64}
    arrays = {n: numpy.frombuffer(t.bytes(), kinds[t.dtype]).reshape(t.shape).copy() for n, t in tensors.items()}
    state = {f"module.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    output = directory / "torch.safetensors"
    for is_zip in (True, False):
        path = directory / f"torch-{is_zip}.pth"
        torch.save({"state_dict": state, "epoch": 3}, path, _use_new_zipfile_serialization=is_zip)
        convert(path, output)
        expect_same(output, tensors)
        parameters = collections.OrderedDict((name, torch.nn.Parameter(tensor, False)) for name, tensor in state.items())
        torch.save(parameters, path, _use_new_zipfile_serialization=is_zip)
        convert(path, output)
        expect_same(output, tensors)
    blobs = {name: numpy.asfortranarray(arrays[old]) for name, old in caffe2_old_names(tensors).items()}
    for protocol in (2, 4, 5):
        (directory / "torch.pkl").write_bytes(pickle.dumps({"blobs": blobs}, protocol))
        convert(directory / "torch.pkl", output)
        expect_same(output, tensors)
    print("files of torch and numpy themselves: the same tensors")


def caffe2_old_names(tensors):
    """Each blob's name, and whose it is."""
    owners = {id(tensor): name for name, tensor in tensors.items()}
    return {name: owners[id(tensor)] for name, tensor in caffe2_blobs(tensors).items()}


def install_modules():
    """Modules of the names that pickles of torch and numpy give; nothing of them is needed."""
    fakes = [
        module("torch", FloatStorage=FloatStorage, LongStorage=LongStorage),
        module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2), module("argparse_like", Namespace=Namespace),
        module("numpy", ndarray=ndarray, dtype=dtype), module("numpy.core"),
        module("numpy.core.multiarray", _reconstruct=_reconstruct),
    ]
    sys.modules.update({fake.__name__: fake for fake in fakes})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--torch", action="store_true")
    options = parser.parse_args()
    tensors, metadata = read_safetensors(options.weights)
    options.directory.mkdir(parents=True, exist_ok=True)
    if options.torch:
        return test_torch(tensors, options.directory)
    install_modules()
    test_values()
    test_formats(tensors, metadata, options.directory)
    test_labels(tensors, options.directory)
    test_errors(tensors, options.directory)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
