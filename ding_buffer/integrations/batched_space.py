"""How a vector environment lays out the values of a gymnasium space, one for each env."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadArgument, MissingExtra


class BatchedSpace:
    """Copies batches of ``count`` values of one space, takes rows of them and replaces rows.

    A batch has the containers of the space (dict, tuple) and leaves with one row for each env: arrays for
    spaces of numbers, object arrays for all others (text, graphs, sequences, a user's own). Tensors come out
    as numpy arrays. ``name`` is what error messages call a batch. Raises ``MissingExtra`` without gymnasium.
    """

    def __init__(self, space: Any, count: int, name: str) -> None:
        try:
            from gymnasium import spaces
        except ImportError as error:
            raise MissingExtra.of("gymnasium", "gymnasium") from error
        self.name, self._count = name, count
        self._keyed = isinstance(space, spaces.Dict)
        self._parts: dict[Any, BatchedSpace] | None = None
        if isinstance(space, (spaces.Dict, spaces.Tuple)):
            parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
            self._parts = {key: BatchedSpace(part, count, f"{name}[{key!r}]") for key, part in parts}
        numbers = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
        self._numeric = isinstance(space, numbers)

    def own(self, batch: Any) -> Any:
        """Returns a copy of a batch that nobody else can change.

        Raises ``BadArgument`` unless it is laid out like the space and has one row for each env.
        """
        if self._parts is not None:
            self._check_containers(batch)
            return self._each(lambda part, key: part.own(batch[key]))
        if not self._numeric and isinstance(batch, (list, tuple)):
            self._check_rows(len(batch))
            return _objects(copy.deepcopy(list(batch)))
        column = np.array(on_host(batch))
        self._check_rows(len(column) if column.ndim else None)
        return column

    def rows(self, owned: Any, places: npt.NDArray[np.int64]) -> Any:
        """Returns a copy of some rows of a batch that ``own`` made."""
        if self._parts is not None:
            return self._each(lambda part, key: part.rows(owned[key], places))
        return owned[places]

    def put(self, owned: Any, place: int, value: Any) -> None:
        """Replaces the row of one env in a batch that ``own`` made by a copy of a single value."""
        if self._parts is not None:
            for key, part in self._parts.items():
                part.put(owned[key], place, value[key])
        elif owned.dtype == object:
            owned[place] = copy.deepcopy(value)
        else:
            single = np.asarray(on_host(value))
            if single.shape != owned.shape[1:]:
                raise BadArgument(
                    f"{self.name} has the shape {owned.shape[1:]}, but the last one of env {place} has "
                    f"{single.shape}: a wrapper of the vector env that changes observations leaves "
                    "infos['final_obs'] as it was. Wrap the single envs instead."
                )
            owned[place] = single

    def _each(self, function: Callable[[BatchedSpace, Any], Any]) -> Any:
        parts = self._parts or {}
        made = {key: function(part, key) for key, part in parts.items()}
        return made if self._keyed else tuple(made.values())

    def _check_containers(self, batch: Any) -> None:
        parts = self._parts or {}
        fits = (
            isinstance(batch, Mapping) and all(key in batch for key in parts)
            if self._keyed
            else isinstance(batch, Sequence) and len(batch) == len(parts)
        )
        if not fits:
            wanted = f"a dict of {list(parts)}" if self._keyed else f"a tuple of {len(parts)}"
            raise BadArgument(f"{self.name} must be {wanted}, as its space is, got {type(batch).__name__}.")

    def _check_rows(self, rows: int | None) -> None:
        if rows != self._count:
            got = "one value" if rows is None else f"{rows} rows"
            raise BadArgument(f"{self.name} must have one row for each of {self._count} envs, got {got}.")


def on_host(values: Any) -> Any:
    """Returns a tensor, wherever it lies, as an array without its gradient; anything else as it is."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values


def _objects(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    # Not column[:] = values: numpy would open values that are sequences.
    for place, value in enumerate(values):
        column[place] = value
    return column
