"""Reads weights of PyTorch (.pth) and of VMZ's Caffe2 (.pkl), and reads and writes safetensors: Python's library is enough.

A weights file is input, not a program: of what a pickle names, tensors and containers are built, everything else is an
empty placeholder, and nothing is called.
"""

import collections
import io
import itertools
import json
import math
import pickle
import struct
import zipfile
from pathlib import Path

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
TORCH_STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
}
NUMPY_TYPES = {
    "f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8", "b1": "BOOL",
}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class WeightsError(Exception):
    """What is wrong with a file, and what to do."""


class Storage:
    """Bytes that tensors are views of; they may come after the tensors."""

    def __init__(self, dtype, data=None):
        self.dtype = dtype
        self.data = data


class Tensor:
    """A view of a storage: offset and strides in elements."""

    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)

    @classmethod
    def of(cls, dtype, shape, data):
        """A contiguous tensor."""
        return cls(Storage(dtype, data), 0, shape, contiguous(shape))

    @property
    def dtype(self):
        return self.storage.dtype

    def bytes(self):
        """The elements, row-major."""
        size, data = SIZES[self.dtype], memoryview(self.storage.data)
        count = math.prod(self.shape)
        last = self.offset + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides)) if count else self.offset
        if self.offset < 0 or min(self.strides, default=0) < 0 or (last + 1) * size > len(data) and count:
            raise WeightsError(f"a tensor of shape {list(self.shape)} lies outside of its storage")
        expected = contiguous(self.shape)
        if all(n == 1 or a == b for n, a, b in zip(self.shape, self.strides, expected)):
            return data[self.offset * size : (self.offset + count) * size]
        result = bytearray()
        for index in itertools.product(*map(range, self.shape)):
            place = (self.offset + sum(i * stride for i, stride in zip(index, self.strides))) * size
            result += data[place : place + size]
        return bytes(result)

    def float32(self):
        """The same values in single precision; whole numbers stay whole."""
        data = self.bytes()
        count = math.prod(self.shape)
        if self.dtype in ("F32", "I64"):
            return Tensor.of(self.dtype, self.shape, data)
        if self.dtype == "BF16":
            words = struct.unpack(f"<{count}H", data)
            return Tensor.of("F32", self.shape, struct.pack(f"<{count}I", *(word << 16 for word in words)))
        letter = {"F64": "d", "F16": "e"}.get(self.dtype)
        if letter:
            return Tensor.of("F32", self.shape, struct.pack(f"<{count}f", *struct.unpack(f"<{count}{letter}", data)))
        letter = {"I32": "i", "I16": "h", "I8": "b", "U8": "B", "BOOL": "B"}[self.dtype]
        return Tensor.of("I64", self.shape, struct.pack(f"<{count}q", *struct.unpack(f"<{count}{letter}", data)))


def contiguous(shape):
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


class Placeholder:
    """Stands for whatever is not a tensor or a container."""

    def __init__(self, *arguments, **keywords):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass


class NumpyType:
    def __init__(self, code, *_):
        self.code = code.decode() if isinstance(code, bytes) else code

    def __setstate__(self, state):
        order = state[1].decode() if isinstance(state[1], bytes) else state[1]
        if order == ">":
            raise WeightsError("an array is big-endian: save it on a little-endian machine")

    @property
    def dtype(self):
        if self.code not in NUMPY_TYPES:
            raise WeightsError(f"an array has elements of numpy's type {self.code}, which no weights have")
        return NUMPY_TYPES[self.code]


class NumpyArray(Tensor):
    def __init__(self, *_):
        super().__init__(Storage("F32", b""), 0, (0,), (1,))

    def __setstate__(self, state):
        _, shape, kind, is_fortran, data = state
        self._set(shape, kind, is_fortran, data)

    def _set(self, shape, kind, is_fortran, data):
        if isinstance(data, str):  # a string of Python 2
            data = data.encode("latin1")
        strides = contiguous(tuple(reversed(shape)))[::-1] if is_fortran else contiguous(shape)
        super().__init__(Storage(kind.dtype, data), 0, shape, strides)

    @classmethod
    def from_buffer(cls, data, kind, shape, order):
        array = cls()
        array._set(shape, kind, order == "F", data)
        return array


class Unpickler(pickle.Unpickler):
    """Builds tensors and containers only."""

    def __init__(self, file, storage=None):
        super().__init__(file, encoding="latin1")
        self.storage = storage

    def persistent_load(self, identifier):
        return self.storage(identifier)

    def find_class(self, module, name):
        if module in ("torch", "torch.storage") and name in TORCH_STORAGES:
            return TORCH_STORAGES[name]
        module = module.replace("numpy._core", "numpy.core")
        return {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: Tensor(
                storage, offset, shape, strides
            ),
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
            ("numpy", "ndarray"): NumpyArray,
            ("numpy", "dtype"): NumpyType,
            ("numpy.core.multiarray", "_reconstruct"): NumpyArray,
            ("numpy.core.numeric", "_frombuffer"): NumpyArray.from_buffer,
            ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
        }.get((module, name), Placeholder)


def read_pickled(path):
    """What a .pth (zip, or the format before torch 1.6) or a .pkl holds."""
    try:
        if zipfile.is_zipfile(path):
            return read_zip(path)
        with open(path, "rb") as file:
            is_legacy = is_legacy_file(file)
            file.seek(0)
            return read_legacy(file) if is_legacy else Unpickler(file).load()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}") from error
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    except Exception as error:  # whatever damage makes of a pickle
        raise WeightsError(f"{path}: neither a .pth nor a .pkl that can be read ({error})") from error


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise WeightsError("a zip file, but not one of torch.save")
        folder = pickles[0].removesuffix("data.pkl")
        order = folder + "byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise WeightsError("it is big-endian: save it on a little-endian machine")
        storages = {}

        def storage(identifier):
            _, dtype, key, *_ = identifier
            if key not in storages:
                storages[key] = Storage(dtype, archive.read(f"{folder}data/{key}"))
            return storages[key]

        return Unpickler(io.BytesIO(archive.read(pickles[0])), storage).load()


def is_legacy_file(file):
    try:
        return Unpickler(file).load() == LEGACY_MAGIC
    except Exception:  # not a pickle at all: said later
        return False


def read_legacy(file):
    """Magic number, protocol and system; the object; the storages' keys; then each storage's length and bytes."""
    storages = {}

    def storage(identifier):
        _, dtype, key, *_ = identifier
        return storages.setdefault(key, Storage(dtype))

    for _ in range(3):
        Unpickler(file).load()
    value = Unpickler(file, storage).load()
    for key in Unpickler(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        storages[key].data = file.read(count * SIZES[storages[key].dtype])
    return value


def write_safetensors(path, tensors, metadata):
    """The same input gives the same bytes; larger elements come first, so that all are aligned."""
    order = sorted(tensors, key=lambda name: (-SIZES[tensors[name].dtype], name))
    header, end = {"__metadata__": metadata}, 0
    for name in order:
        size = math.prod(tensors[name].shape) * SIZES[tensors[name].dtype]
        header[name] = {
            "dtype": tensors[name].dtype, "shape": list(tensors[name].shape), "data_offsets": [end, end + size],
        }
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    beside = Path(f"{path}.partial")
    with open(beside, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(tensors[name].bytes())
    beside.replace(path)


def read_safetensors(path):
    """Tensors by name, and the metadata."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    return {
        name: Tensor.of(entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }, metadata
