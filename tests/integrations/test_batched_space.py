from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument, MissingExtra
from ding_buffer.integrations.batched_space import BatchedSpace, on_host
from tests.integrations.counting_env import SPACES, plain, shown
from tests.integrations.kept import row_of

KINDS = st.sampled_from(sorted(SPACES))


def batch_of(kind: str, numbers: list[int]) -> Any:
    """What a vector env shows, made by gymnasium: row by row the values of these numbers."""
    values = [shown(kind, number, 0, 0) for number in numbers]
    room: Any = create_empty_array(SPACES[kind], len(numbers))
    return concatenate(SPACES[kind], values, room)


@given(KINDS, st.data())
def test_rows_are_the_values_of_these_envs_and_copies(kind: str, data: Any) -> None:
    count = data.draw(st.integers(1, 5))
    places = data.draw(st.lists(st.integers(0, count - 1), max_size=6))
    batch = batch_of(kind, list(range(count)))
    batched = BatchedSpace(SPACES[kind], count, "observation")
    owned = batched.own(batch)
    wipe(batch)
    rows = batched.rows(owned, np.array(places, dtype=np.int64))
    wipe(owned)

    assert [plain(shown(kind, place, 0, 0)) for place in places] == [
        plain(row_of(rows, row)) for row in range(len(places))
    ]


@given(KINDS, st.integers(0, 3))
def test_a_row_is_replaced_by_a_copy_of_one_value(kind: str, place: int) -> None:
    batched = BatchedSpace(SPACES[kind], 4, "observation")
    owned = batched.own(batch_of(kind, [0, 1, 2, 3]))
    value = shown(kind, 9, 2, 5)
    batched.put(owned, place, value)
    wipe(value)

    assert [plain(shown(kind, 9, 2, 5) if row == place else shown(kind, row, 0, 0)) for row in range(4)] == [
        plain(row_of(owned, row)) for row in range(4)
    ]


def wipe(value: Any) -> None:
    """Writes over every array in it."""
    if isinstance(value, dict):
        for part in value.values():
            wipe(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            wipe(part)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        value[...] = 0


@pytest.mark.parametrize(
    "space",
    [
        spaces.Sequence(spaces.Box(0, 1, (2,))),
        spaces.Graph(spaces.Box(0, 1, (2,)), spaces.Discrete(3)),
        spaces.OneOf((spaces.Discrete(3), spaces.Box(0, 1, (2,)))),
        spaces.Text(5),
    ],
    ids=lambda space: type(space).__name__,
)
def test_what_is_no_number_becomes_an_array_of_objects(space: Any) -> None:
    together = batch_space(space, 3)
    together.seed(0)
    sample = together.sample()
    batched = BatchedSpace(space, 3, "action")
    owned = batched.own(sample)
    rows = batched.rows(owned, np.array([2, 0]))

    assert (np.dtype(object), (2,)) == (rows.dtype, rows.shape)
    values = list(iterate(together, sample))
    assert [repr(values[2]), repr(values[0])] == [repr(value) for value in rows]
    batched.put(owned, 1, values[2])
    assert repr(values[2]) == repr(owned[1])


def test_arrays_within_objects_are_copied_too() -> None:
    batched = BatchedSpace(spaces.Sequence(spaces.Box(0, 9, (2,))), 2, "observation")
    sequence, longer = (np.ones(2),), (np.ones(2), np.ones(2))
    owned = batched.own((sequence, sequence))
    batched.put(owned, 1, longer)
    wipe((sequence, longer))

    assert [[[1, 1]], [[1, 1], [1, 1]]] == [[part.tolist() for part in value] for value in owned]


def test_lists_of_numbers_are_taken_for_arrays() -> None:
    assert [4, 5] == BatchedSpace(spaces.Discrete(9), 2, "action").own([4, 5]).tolist()


def test_tensors_come_to_the_host_without_their_gradient() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.ones(2, 3, requires_grad=True)
    owned = BatchedSpace(spaces.Box(0, 1, (3,)), 2, "action").own(tensor)

    assert [[1.0] * 3] * 2 == owned.tolist()
    assert np.ndarray is type(on_host(tensor))
    assert not np.shares_memory(owned, tensor.detach().numpy())


@pytest.mark.parametrize(
    ("kind", "batch", "message"),
    [
        ("box", np.zeros((3, 3)), "observation must have one row for each of 2 envs, got 3 rows"),
        ("box", 5, "got one value"),
        ("dict", {"where": np.zeros((2, 3))}, r"observation must be a dict of \['deep', 'where'\]"),
        ("dict", np.zeros(2), "got ndarray"),
        ("tuple", (np.zeros((2, 2)),), r"observation must be a tuple of 2.*got tuple"),
        ("text", {"said": ["a"], "where": np.zeros((2, 3))}, r"observation\['said'\] must have one row"),
        ("tuple", (np.zeros((2, 2)), (np.zeros((1, 3)),)), r"observation\[1\]\[0\] must have one row"),
    ],
)
def test_a_batch_that_is_not_laid_out_like_the_space_is_refused(kind: str, batch: Any, message: str) -> None:
    with pytest.raises(BadArgument, match=message):
        BatchedSpace(SPACES[kind], 2, "observation").own(batch)


def test_a_value_of_another_shape_is_not_spread_over_a_row() -> None:
    batched = BatchedSpace(SPACES["box"], 2, "observation")
    owned = batched.own(np.zeros((2, 3)))

    with pytest.raises(BadArgument, match=r"observation has the shape \(3,\).*env 1 has \(1,\)"):
        batched.put(owned, 1, np.zeros(1))


def test_without_gymnasium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)

    with pytest.raises(MissingExtra, match=r"pip install 'ding_buffer\[gymnasium\]'"):
        BatchedSpace(None, 1, "observation")
