"""Embedding matrices of a .safetensors file, read without the library."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.errors import DataError

INPUT_NAMES: Final = (
    "model.embed_tokens.weight", "embed_tokens.weight", "transformer.wte.weight", "wte.weight",
    "gpt_neox.embed_in.weight", "model.language_model.embed_tokens.weight",
)  # fmt: skip
"""Names of input embeddings in published models."""
OUTPUT_NAMES: Final = ("lm_head.weight", "embed_out.weight", "output.weight")
"""Names of output embeddings; a model without any of them uses its input embeddings for both."""
_LARGEST_HEADER: Final = 100_000_000
_TYPES: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class BadTensors(DataError):
    """A file that holds no embedding matrix."""

    path: str
    reason: str
    message = "{path}: {reason}"


class _Tensor(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_matrix(path: Path, names: Sequence[str]) -> NDArray[np.floating] | None:
    """Return the first of these tensors that the file has, as float[rows, width]; None: it has none of them.

    Raises BadTensors for a file that is none, or a tensor that is no matrix of floating-point numbers.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 0 < size <= _LARGEST_HEADER:
                raise BadTensors(str(path), "is no .safetensors file; name one")
            tensors = msgspec.json.decode(file.read(size), type=dict[str, msgspec.Raw])
            name = next((name for name in names if name in tensors), None)
            if name is None:
                return None
            tensor = msgspec.json.decode(tensors[name], type=_Tensor)
            begin, end = tensor.data_offsets
            file.seek(8 + size + begin)
            return _matrix(file.read(max(0, end - begin)), tensor, f"{path}: {name}")
    except OSError as error:
        raise BadTensors(str(path), f"{error.strerror}; name a .safetensors file") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadTensors(str(path), f"is no .safetensors file ({error}); name one") from error


def _matrix(content: bytes, tensor: _Tensor, where: str) -> NDArray[np.floating]:
    if tensor.dtype not in _TYPES or len(tensor.shape) != 2:
        raise BadTensors(where, f"is {tensor.dtype} of {len(tensor.shape)} dimensions; name a matrix of floats")
    kind = np.dtype(_TYPES[tensor.dtype])
    if len(content) != math.prod(tensor.shape) * kind.itemsize:
        raise BadTensors(where, "the file ends within the tensor; fetch it again")
    values = np.frombuffer(content, kind).reshape(tensor.shape)
    if tensor.dtype == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
