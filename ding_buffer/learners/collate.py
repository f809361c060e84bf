"""Stacks the payloads of a batch, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor, is_tree
from ding_buffer.core.errors import BadArgument, MissingExtra
from ding_buffer.core.leaves import map_leaves
from ding_buffer.core.payload_column import PayloadColumn


def stack_payloads(batch: Sequence[Any], *, tensors: bool | None = None, device: Any = None) -> Any:
    """Returns the batch as one payload whose every leaf has a leading batch dimension.

    Payloads are mappings or trees (nested ones too), arrays, tensors or numbers; a list or tuple of payloads,
    such as a window, is stacked first and gives (B, T, ...). Plain floats become float32. With ``tensors``
    every leaf is a torch tensor on ``device`` and float64 becomes float32; with False every leaf is an array;
    by default leaves that hold tensors stay tensors and the rest become arrays. Copies; a ``PayloadColumn``
    is stacked already and shares its memory, in the dtypes it has. Raises ``BadArgument`` naming the field
    whose parts do not fit together.
    """
    if len(batch) == 0:
        raise BadArgument("a batch of no payloads cannot be stacked")
    if isinstance(batch, PayloadColumn):
        groups = batch.batch.lengths
        if groups is not None and len(set(groups.tolist())) > 1:
            raise BadArgument(f"windows of {groups.min()} to {groups.max()} payloads do not fit together")
        return _stacked_already(batch.columns, tensors, device)
    return _stack(list(batch), "", tensors, device)


def _stacked_already(columns: Any, tensors: bool | None, device: Any) -> Any:
    def leaf(column: Any) -> Any:
        if is_tensor(column):
            return column.detach().cpu().numpy() if tensors is False else _settled(column, tensors, device)
        if not isinstance(column, np.ndarray) or column.dtype.hasobject:
            raise BadArgument("a column of objects or of varying lengths cannot be stacked")
        return _settled(_torch().from_numpy(column), True, device) if tensors else column

    return map_leaves(leaf, columns)


def _stack(parts: list[Any], path: str, tensors: bool | None, device: Any) -> Any:
    first = parts[0]
    if isinstance(first, Mapping) or is_tree(first):
        names = list(first.keys())
        for place, part in enumerate(parts):
            if not (isinstance(part, Mapping) or is_tree(part)) or set(part.keys()) != set(names):
                wanted = sorted(map(str, names))
                raise BadArgument(
                    f"payload {place} differs from payload 0 in its fields{_at(path)}: expected {wanted}"
                )
        below = {name: f"{path}.{name}" if path else str(name) for name in names}
        return {name: _stack([part[name] for part in parts], below[name], tensors, device) for name in names}
    if isinstance(first, (list, tuple, PayloadColumn)):
        parts = [_stack(list(part), path, tensors, None) for part in parts]
        return _stack(parts, path, tensors, device)
    return _leaf(parts, path, tensors, device)


def _leaf(parts: list[Any], path: str, tensors: bool | None, device: Any) -> Any:
    try:
        if is_tensor(parts[0]):
            stacked = _torch().stack(parts)
            if tensors is False:
                return stacked.detach().cpu().numpy()
            return _settled(stacked, tensors, device)
        array = np.stack([np.asarray(part) for part in parts])
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadArgument(f"the payloads do not fit together{_at(path)}: {error}") from error
    if array.dtype == object:
        raise BadArgument(f"the payloads hold {type(parts[0]).__name__}{_at(path)}, which cannot be stacked")
    if isinstance(parts[0], float) and not isinstance(parts[0], np.generic):
        array = array.astype(np.float32)
    return _settled(_torch().from_numpy(array), True, device) if tensors else array


def _settled(stacked: Any, tensors: bool | None, device: Any) -> Any:
    torch = _torch()
    dtype = torch.float32 if tensors and stacked.dtype == torch.float64 else None
    return stacked.to(device=device, dtype=dtype)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra.of("torch", "torch") from error
    return torch


def _at(path: str) -> str:
    return f" at {path!r}" if path else ""
