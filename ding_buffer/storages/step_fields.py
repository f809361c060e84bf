"""The fields of a column table that returns over several steps are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.kernels.chosen import n_step
from ding_buffer.storages.column_table import ColumnTable

_NUMBERS = frozenset(np.dtype(char) for char in "?bBhHiIlLqQfd")


class StepFields:
    """Reward and flags of a table, one number an item each, which the kernel ``n_step`` reads where they lie.

    ``flags`` are terminated, truncated and done, None for one that there is not.
    """

    def __init__(self, table: ColumnTable, reward: str, flags: Sequence[str | None]) -> None:
        shapes = {field.path: field.shape for field in table.schema.fields}
        self._shapes = {name: shapes[(name,)] for name in (reward, *flags) if name is not None}
        self._reward, self._flags = reward, tuple(flags)
        self._rewards = self._numbers(table, reward)
        self._arrays = {field.path for field in table.schema.fields if field.kind == "array"}
        self._ends = [None if flag is None else self._numbers(table, flag) for flag in flags]
        self._dtype = self._rewards.dtype
        self._form = self._dtype if self._dtype.kind == "f" else np.dtype(np.float64)
        self._single = not any(self._shapes.values())

    def _numbers(self, table: ColumnTable, name: str) -> Any:
        """Returns a field by slot; what are arrays of one number is seen as that number."""
        numbers = table.column((name,))
        for _ in self._shapes[name]:
            numbers = numbers[:, 0]
        return numbers

    @classmethod
    def of(cls, table: ColumnTable, reward: str, flags: Sequence[str | None]) -> StepFields | None:
        """Returns what is read of a table; None where any of it is no number that the kernel takes.

        Of ``flags``, the names of terminated, truncated and done, those that no payload has are left out.
        """
        fields = {field.path: field for field in table.schema.fields}
        known = {path[0] for path in fields if path}
        found = [flag if flag in known else None for flag in flags]
        for name in (reward, *found):
            field = fields.get((name,))
            if name is not None and (
                field is None or field.kind != "array" or field.count != 1 or field.dtype not in _NUMBERS
            ):
                return None
        return cls(table, reward, found)

    def plan(self, next_obs: str | None, discount: str) -> tuple[Any, ...] | None:
        """Returns what ``FastSteps`` reads: reward and flags by slot, their names, the next observation's.

        None where that is no array, or where a name stands for two of them.
        """
        names = (self._reward, *self._flags)
        given = [name for name in (discount, *names, next_obs) if name is not None]
        if len(set(given)) < len(given) or (next_obs is not None and (next_obs,) not in self._arrays):
            return None
        return (self._rewards, *self._ends), names, next_obs

    def are_in(self, data: Mapping[str, Any]) -> bool:
        """Tells whether the columns of a batch have all of them, the reward in the form it is stored in."""
        reward = data.get(self._reward)
        return (
            type(reward) is np.ndarray and reward.dtype == self._dtype and self._shapes.keys() <= data.keys()
        )

    def follow(
        self, following: np.ndarray, slots: np.ndarray, powers: np.ndarray, discount: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Returns for each slot the last step, how many steps, the discount of what comes after; and fields.

        The fields are the sum of the rewards, of their dtype if that is a floating one, the discount in the
        same form, under the name given, and the flags of the last step. All memory is new.
        """
        last, counts, totals, discounts, *ends = n_step(following, slots, powers, self._rewards, *self._ends)
        made = {name: end for name, end in zip(self._flags, ends, strict=True) if name is not None}
        made[self._reward] = totals.astype(self._form, copy=False)
        if not self._single:
            made = {name: column.reshape(-1, *self._shapes[name]) for name, column in made.items()}
        made[discount] = discounts.astype(self._form).reshape(made[self._reward].shape)
        return last, counts, discounts, made
