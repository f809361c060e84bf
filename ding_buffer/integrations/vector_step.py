"""One step of a vector environment, and what of it goes into a buffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ding_buffer.core.errors import BadArgument
from ding_buffer.integrations.batched_space import BatchedSpace, on_host

FIELDS = ("obs", "action", "reward", "next_obs", "terminated", "truncated")
"""What is recorded of a transition, by the names it has unless ``fields`` gives others."""


@dataclass(frozen=True)
class VectorStep:
    """One step of all envs: numpy arrays, or containers of them, with one row for each env.

    ``next_obs`` is what the action led to, also where the env has begun another episode since. Where ``real``
    is False the env was only reset: that row is no transition and is not recorded. ``env`` and ``episode``
    number the envs and their running episodes. ``infos`` is what the envs gave, ``number`` counts steps from
    0. Look, but do not write: these arrays are about to be recorded.
    """

    obs: Any
    action: Any
    reward: npt.NDArray[Any]
    next_obs: Any
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    real: npt.NDArray[np.bool_]
    env: npt.NDArray[np.int64]
    episode: npt.NDArray[np.int64]
    infos: Any
    number: int


Told = Callable[[VectorStep], Any]
FieldNames = Mapping[str, "str | Told | None"]
MetaGiven = Mapping[str, Any] | Told | None


class RecordedFields:
    """Makes payload columns of a step: those of ``FIELDS``, as ``fields`` renames, leaves out or adds."""

    def __init__(self, fields: FieldNames | None, observations: BatchedSpace, actions: BatchedSpace) -> None:
        self._spaces = {"obs": observations, "next_obs": observations, "action": actions}
        self._names = {name: name for name in FIELDS}
        self._further: dict[str, Told] = {}
        for name, wanted in (fields or {}).items():
            if name in FIELDS and wanted is None:
                del self._names[name]
            elif name in FIELDS and isinstance(wanted, str):
                self._names[name] = wanted
            elif name not in FIELDS and callable(wanted):
                self._further[name] = wanted
            else:
                raise BadArgument(
                    f"fields[{name!r}] is {wanted!r}: give one of {', '.join(FIELDS)} another name, or None, "
                    "or map a name of your own to a function of the step."
                )
        called = [*self._names.values(), *self._further]
        if not called or len(set(called)) < len(called):
            raise BadArgument(f"fields must leave names that differ, got {called}.")

    def columns(self, step: VectorStep, places: npt.NDArray[np.int64]) -> dict[str, Any]:
        """Returns the columns of these envs, in arrays that belong to the caller."""
        made: dict[str, Any] = {}
        for name, called in self._names.items():
            values, space = getattr(step, name), self._spaces.get(name)
            made[called] = values[places] if space is None else space.rows(values, places)
        for name, told in self._further.items():
            column = np.asarray(on_host(told(step)))
            if column.ndim == 0 or len(column) != len(step.real):
                raise BadArgument(f"fields[{name!r}] must give one value for each of {len(step.real)} envs.")
            made[name] = column[places]
        return made


def meta_of_step(given: MetaGiven, step: VectorStep, places: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Returns the meta of these envs as columns and single values.

    What is ``given`` takes the place of ``env`` and ``episode`` where it has these names. Raises
    ``BadArgument`` for a column that does not have one value for each env.
    """
    made: dict[str, Any] = {"env": step.env[places], "episode": step.episode[places]}
    told = given(step) if callable(given) else given
    for key, values in ({} if told is None else told).items():
        values = on_host(values)
        listed = isinstance(values, (list, tuple))
        if not listed and getattr(values, "ndim", 0) == 0:
            made[key] = values[()] if isinstance(values, np.ndarray) else values
            continue
        if len(values) != len(step.real):
            raise BadArgument(
                f"meta[{key!r}] has {len(values)} values for {len(step.real)} envs: give one for each, also "
                "for an env that is only reset, or a single one for all."
            )
        made[key] = [values[place] for place in places.tolist()] if listed else np.asarray(values)[places]
    return made
