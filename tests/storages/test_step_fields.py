from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.index_column import IndexColumn
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.column_table import ColumnTable
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.schema_spec import Ragged
from ding_buffer.storages.step_fields import StepFields

FLAGS = ("terminated", "truncated", "done")
POWERS = 0.5 ** np.arange(4)


def table_of(spec, rows=()):
    table = ColumnTable(Schema.from_spec(spec), max(1, len(rows)), "compact")
    for slot, row in enumerate(rows):
        table.write(slot, table.schema.fit(row))
    return table


def followed(table, slots):
    fields = StepFields.of(table, "reward", FLAGS)
    assert fields is not None
    capacity = table.capacity
    following = np.append(np.arange(1, capacity), -1)
    return fields.follow(following, np.array(slots), POWERS, "discount")


def test_steps_end_with_a_flag_and_fields_are_those_of_the_last():
    rows = [{"reward": float(number), "done": number == 2, "x": 0} for number in range(5)]
    last, counts, discounts, fields = followed(
        table_of({"reward": float, "done": bool, "x": int}, rows), [0, 1, 3]
    )

    assert ([2, 2, 4], [3, 2, 2]) == (last.tolist(), counts.tolist())
    assert [0.0, 0.0, 0.25] == discounts.tolist() == fields["discount"].tolist()
    assert ({"reward", "done", "discount"}, [True, True, False]) == (set(fields), fields["done"].tolist())
    assert [1.0, 2.0, 5.0] == fields["reward"].tolist()
    assert not np.shares_memory(discounts, fields["discount"])


@pytest.mark.parametrize(
    ("kind", "made"), [(np.float32, np.float32), (float, float), (np.int16, float), (bool, float)]
)
def test_a_reward_that_is_no_floating_number_becomes_one(kind, made):
    _, _, discounts, fields = followed(table_of({"reward": kind}, [{"reward": 1}] * 3), [0])

    assert [np.dtype(made)] * 2 == [fields["reward"].dtype, fields["discount"].dtype]
    assert np.float64 == discounts.dtype
    assert [1.75] == fields["reward"].tolist()


def test_arrays_of_one_number_keep_their_shape():
    spec = {"reward": (np.float32, (1,)), "terminated": (bool, (1, 1)), "truncated": bool}
    _, _, _, fields = followed(
        table_of(spec, [{"reward": [2.0], "terminated": [[True]], "truncated": False}]), [0, 0]
    )

    assert [[2.0], [2.0]] == fields["reward"].tolist()
    assert ([[[True]]] * 2, [False] * 2) == (fields["terminated"].tolist(), fields["truncated"].tolist())
    assert [[0.0], [0.0]] == fields["discount"].tolist()


@pytest.mark.parametrize(
    "spec",
    [
        {"x": float},
        {"reward": (float, (2,))},
        {"reward": (float, (0,))},
        {"reward": complex},
        {"reward": np.float16},
        {"reward": object},
        {"reward": Ragged(float)},
        {"reward": {"a": float}},
        {"reward": float, "done": {"a": bool}},
        {"reward": float, "truncated": (bool, (2,))},
        {"reward": float, "terminated": object},
        float,
    ],
)
def test_what_is_not_one_number_is_not_read(spec):
    assert StepFields.of(table_of(spec), "reward", FLAGS) is None


def test_tensors_are_not_read():
    torch = pytest.importorskip("torch")
    table = ColumnTable(Schema.of({"reward": torch.tensor(1.0)}), 2, "compact")

    assert StepFields.of(table, "reward", FLAGS) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"reward": np.ones(2, np.float32), "done": np.ones(2)}, True),
        ({"reward": np.ones(2), "done": np.ones(2)}, False),
        ({"reward": [1.0], "done": np.ones(2)}, False),
        ({"reward": np.ones(2, np.float32)}, False),
        ({"done": np.ones(2)}, False),
    ],
)
def test_a_batch_that_a_layer_has_changed_is_noticed(data, expected):
    fields = StepFields.of(
        table_of({"reward": np.float32, "done": bool}), "reward", (None, "truncated", "done")
    )

    assert fields is not None
    assert expected is fields.are_in(data)


@pytest.mark.parametrize("next_obs", ["next_obs", None])
def test_what_is_read_at_once_is_said_with_its_names(next_obs):
    table = table_of({"reward": np.float32, "done": bool, "next_obs": (float, (2,))})
    fields = StepFields.of(table, "reward", FLAGS)

    assert fields is not None
    (reward, *flags), names, last = fields.plan(next_obs, "discount") or ((), (), "")
    assert np.shares_memory(reward, table.column(("reward",)))
    assert [None, None, True] == [flag if flag is None else flag.dtype == bool for flag in flags]
    assert (("reward", None, None, "done"), next_obs) == (names, last)


@pytest.mark.parametrize(
    ("spec", "next_obs", "discount"),
    [
        ({"reward": float, "next_obs": {"a": float}}, "next_obs", "discount"),
        ({"reward": float, "next_obs": object}, "next_obs", "discount"),
        ({"reward": float}, "next_obs", "discount"),
        ({"reward": float}, "reward", "discount"),
        ({"reward": float, "done": bool}, "done", "discount"),
        ({"reward": float, "done": bool}, None, "done"),
    ],
)
def test_what_cannot_be_read_at_once_is_left_to_the_layer(spec, next_obs, discount):
    fields = StepFields.of(table_of(spec), "reward", FLAGS)

    assert fields is not None
    assert fields.plan(next_obs, discount) is None


def test_a_storage_shows_the_table_it_has_now():
    storage = ColumnStorage()
    storage.bind(2, lambda slots: IndexColumn(slots, None))
    assert storage.table is None
    storage.put(0, {"reward": 1.0}, "", {})
    first = storage.table
    storage.clear()
    assert storage.table is None
    storage.put(0, {"reward": 1.0}, "", {})

    assert first is not storage.table is not None
