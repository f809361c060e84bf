"""Torch tensors as arrays of the same bytes, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ding_buffer.core.errors import MissingExtra


@lru_cache(maxsize=64)
def array_dtype(name: str) -> tuple[np.dtype[Any], bool] | None:
    """Returns the numpy dtype whose bytes hold a torch dtype, and whether it only holds its bytes.

    ``name`` is the dtype's without "torch.". bfloat16 is held as uint16, the floats of one byte as uint8.
    None where there is none: quantised numbers, for one.
    """
    if name == "bfloat16":
        return np.dtype(np.uint16), True
    if name.startswith("float8_"):
        return np.dtype(np.uint8), True
    try:
        dtype = np.dtype(name)
    except TypeError:
        return None
    return (dtype, False) if dtype.kind in "biufc" and dtype.name == name else None


def dtype_name(tensor: Any) -> str:
    """Returns the name of a tensor's dtype, without "torch."."""
    return str(tensor.dtype).removeprefix("torch.")


def tensor_to_array(tensor: Any, raw: bool = False) -> np.ndarray:
    """Returns a tensor's values, without its graph: on the CPU a view of its memory, otherwise a copy.

    ``raw`` gives the bytes of a dtype that numpy lacks; without it such a tensor becomes float32.
    """
    tensor = tensor.detach()
    if tensor.layout is not _torch().strided:
        tensor = tensor.to_dense()
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    known = array_dtype(dtype_name(tensor))
    if known is not None and known[1]:
        if not raw:
            tensor = tensor.float()
        else:
            torch = _torch()
            signed = torch.int16 if known[0].itemsize == 2 else torch.int8
            tensor = tensor.contiguous().view(signed)
            return np.asarray(tensor.numpy().view(known[0]))
    return np.asarray(tensor.numpy())


def array_to_tensor(array: np.ndarray, name: str) -> Any:
    """Returns a tensor of the named torch dtype on the memory of an array, which must be writable."""
    torch = _torch()
    known = array_dtype(name)
    if known is not None and known[1]:
        signed = np.int16 if known[0].itemsize == 2 else np.int8
        return torch.from_numpy(array.view(signed)).view(getattr(torch, name))
    return torch.from_numpy(array)


def tensor_like(value: Any, name: str) -> Any:
    """Returns an array or tensor as a tensor of the named torch dtype on the CPU; values may be rounded."""
    torch = _torch()
    if not isinstance(value, torch.Tensor):
        value = torch.from_numpy(np.array(value))
    return value.detach().cpu().to(getattr(torch, name))


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra.of("torch", "torch") from error
    return torch
