"""Payloads of every shape a schema knows, and the naive way to compare them."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from easydict import EasyDict
from hypothesis import strategies as st

SEVERAL = ["?", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "M8[s]", "U3"]


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Step:
    obs: Any
    reward: Any


def leaf_makers():
    """Functions from a row number to a value that all rows of one field share the kind of."""
    arrays = st.tuples(st.sampled_from(SEVERAL), st.sampled_from([(), (1,), (3,), (2, 2), (0,), (20, 20)]))
    return st.one_of(
        st.sampled_from([float, int, lambda row: row % 2 == 0, str, lambda row: None if row % 2 else [row]]),
        st.sampled_from(SEVERAL[:-2]).map(lambda name: lambda row: np.dtype(name).type(row % 2)),
        arrays.map(lambda made: lambda row: np.full(made[1], row % 2, dtype="i8").astype(made[0])),
    )


def payload_makers():
    """Functions from a row number to a payload; all rows of one function fit one schema."""
    return st.recursive(
        leaf_makers(),
        lambda inner: st.one_of(
            st.dictionaries(st.sampled_from(["a", "b", "two words", 3]), inner, max_size=4).map(
                lambda parts: lambda row: {key: part(row) for key, part in parts.items()}
            ),
            st.dictionaries(st.sampled_from(["a", "b"]), leaf_makers(), min_size=1).map(
                lambda parts: lambda row: EasyDict({key: part(row) for key, part in parts.items()})
            ),
            st.lists(inner, max_size=3).map(lambda parts: lambda row: [part(row) for part in parts]),
            st.lists(inner, max_size=3).map(lambda parts: lambda row: tuple(part(row) for part in parts)),
            st.tuples(inner, inner).map(lambda parts: lambda row: Pair(*(part(row) for part in parts))),
            st.tuples(inner, inner).map(lambda parts: lambda row: Step(*(part(row) for part in parts))),
        ),
        max_leaves=8,
    )


def same(one: Any, other: Any) -> bool:
    """Whether two payloads hold the same in containers of the same classes."""
    if isinstance(one, (np.ndarray, np.generic)) or isinstance(other, (np.ndarray, np.generic)):
        first, second = np.asarray(one), np.asarray(other)
        # A single text of numpy's is as wide as it has letters.
        alike = first.dtype == second.dtype or first.dtype.kind == second.dtype.kind == "U"
        return first.shape == second.shape and alike and np.array_equal(first, second)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one):
        return same(vars(one), vars(other))
    return bool(one == other)
