from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from ding_buffer.core.batch import (
    all_lack,
    as_indices,
    column_of,
    column_values,
    count_of,
    flat,
    in_hand,
    index_texts,
    indices_of,
    is_nested,
    is_slots,
    meta_columns,
    meta_rows,
    note,
    payloads_of,
    same_keys,
    shaped_like,
    stacked_length,
    stored,
    told,
)
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData
from ding_buffer.core.ragged import RaggedColumn
from tests.core.column_batches import made, text_of


def items(*indices):
    return [BufferedData(index, index, {}) for index in indices]


def test_a_list_of_lists_is_nested():
    assert is_nested([items("a")])
    assert is_nested([[]])
    assert not is_nested(items("a"))
    assert not is_nested([])


def test_a_flat_batch_is_itself_and_groups_are_opened():
    a, b, c = items("a", "b", "c")

    assert [a, b] == flat([a, b])
    assert [a, b, c] == flat([[a], [], [b, c]])
    assert [] == flat([])
    assert flat([[a]])[0] is a


def test_fillers_are_not_stored_items():
    (a,) = items("a")
    filler = BufferedData(None, None, None)  # type: ignore[arg-type]

    assert [a] == stored([[a, filler], [filler]])


def test_items_are_put_back_in_the_shape_they_had():
    for batch in ([[1], [], [2, 3]], [1, 2, 3], []):
        assert batch == shaped_like(batch, flat(batch))


@pytest.mark.parametrize(
    ("meta", "rows"),
    [
        (None, [{}, {}]),
        ([{"a": 1}, None], [{"a": 1}, {}]),
        (({"a": 1}, {"b": 2}), [{"a": 1}, {"b": 2}]),
        (iter([{"a": 1}, {}]), [{"a": 1}, {}]),
        ({"a": [1, 2], "b": "both"}, [{"a": 1, "b": "both"}, {"a": 2, "b": "both"}]),
        ({"a": (1, 2)}, [{"a": 1}, {"a": 2}]),
        ({"a": np.array([1, 2])}, [{"a": 1}, {"a": 2}]),
        ({"a": np.array(5)}, [{"a": 5}, {"a": 5}]),
        ({"a": None}, [{"a": None}, {"a": None}]),
        ({}, [{}, {}]),
    ],
)
def test_metas_of_any_form_become_one_dict_for_each_item(meta, rows):
    assert rows == meta_rows(meta, 2)


def test_rows_are_new_dicts():
    given = {"a": 1}
    rows = meta_rows([given], 1)

    assert given is not rows[0]


def test_a_table_of_numbers_gives_each_item_a_row():
    rows = meta_rows({"a": np.arange(6).reshape(2, 3)}, 2)

    assert [[0, 1, 2], [3, 4, 5]] == [row["a"].tolist() for row in rows]


def test_a_tensor_is_a_column():
    torch = pytest.importorskip("torch")

    assert [{"a": 1.5}, {"a": 2.5}] == meta_rows({"a": torch.tensor([1.5, 2.5])}, 2)


@pytest.mark.parametrize(
    ("meta", "what"),
    [
        ([{}], "1 rows for 2 items"),
        ({"env": [1, 2, 3]}, r"meta\['env'\] has 3 values for 2 items"),
        ({"env": np.zeros(1)}, r"meta\['env'\] has 1 values for 2 items"),
        ([{}, 5], "must be a dict, got int"),
        ("ab", "must be a dict, got str"),
    ],
)
def test_metas_that_do_not_fit_are_refused(meta, what):
    with pytest.raises(BadArgument, match=what):
        meta_rows(meta, 2)


def test_a_column_comes_back_as_it_is():
    values = [1, 2]

    assert values is column_of(values, 2, "a")
    assert ["xy", "xy"] == column_of("xy", 2, "a")


@pytest.mark.parametrize(
    ("indices", "texts"),
    [
        ("ab", ["ab"]),
        (["ab", "cd"], ["ab", "cd"]),
        ((["ab"], [["cd"], "ef"]), ["ab", "cd", "ef"]),
        (iter(["ab"]), ["ab"]),
        ({"ab"}, ["ab"]),
        (np.array(["ab", "cd"]), ["ab", "cd"]),
        ([], []),
    ],
)
def test_indices_of_any_form_become_a_flat_list(indices, texts):
    assert texts == index_texts(indices)


@pytest.mark.parametrize("wrong", [5, None, [5], ["ab", None], items("ab")[0], items("ab"), b"ab"])
def test_what_is_no_index_is_refused(wrong):
    with pytest.raises(BadArgument, match="An index is a str"):
        index_texts(wrong)


def test_slots_are_arrays_of_integers():
    assert is_slots(np.array([1], dtype=np.uint8))
    assert not is_slots(np.array([1.0]))
    assert not is_slots(np.array(["a"]))
    assert not is_slots([1])


# Batches of columns.


def test_a_batch_of_columns_is_nested_where_it_has_groups():
    assert not is_nested(made())
    assert is_nested(made().grouped([2, 4]))
    assert is_nested([made()])


@pytest.mark.parametrize("lengths", [[3, 3], [1, 0, 5]])
def test_items_of_columns_are_made_in_order(lengths):
    batch = made().grouped(lengths)

    assert list(range(6)) == [item.data["n"] for item in flat(batch)]
    assert lengths == [len(group) for group in shaped_like(batch, range(6))]
    filled = made().pick(np.array([3, 0]), mask=np.array([True, False]))
    assert [3] == [item.data["n"] for item in stored(filled)]


def test_indices_of_a_batch_have_an_entry_for_each_place():
    filler = BufferedData(None, None, None)  # type: ignore[arg-type]
    filled = made().pick(np.array([3, 0]), mask=np.array([True, False]))

    assert ["a", "", "b"] == indices_of([[*items("a"), filler], items("b")])
    assert [text_of(3), None] == indices_of(filled)
    assert [text_of(number) for number in range(6)] == indices_of(made().grouped([3, 3]))


@pytest.mark.parametrize("lengths", [None, [3, 3], [1, 5]])
@pytest.mark.parametrize("values", [[6, 5, 4, 3, 2, 1], np.arange(6, 0, -1)], ids=["list", "array"])
def test_a_note_is_written_for_each_item(lengths, values):
    columns = made() if lengths is None else made().grouped(lengths)
    for batch in (columns, shaped_like(columns, flat(columns))):
        note(batch, "age", values)

        assert [6, 5, 4, 3, 2, 1] == [item.meta["age"] for item in flat(batch)]
        assert all(type(item.meta["age"]) is int for item in flat(batch))


def test_a_note_leaves_out_whom_it_does_not_concern():
    there = np.array([True, False, True, False])
    for batch in (made(4), list(made(4))):
        note(batch, "age", [1, 0, 2, 0], there)
        assert [1, None, 2, None] == [item.meta.get("age") for item in batch]

        note(batch, "age", [0, 7, 8, 0], ~there)  # who is left out keeps what he has
        assert [1, 7, 2, 0] == [item.meta.get("age") for item in batch]


def test_a_note_passes_fillers():
    batch = made(3).pick(np.array([2, 0, 1]), mask=np.array([True, False, True]))
    note(batch, "age", [1, 2, 3])
    assert [{"age": 1}, {"age": 3}] == [{"age": item.meta["age"]} for item in stored(batch)]
    assert [False, True, False] == batch.absent["age"].tolist()

    filler = BufferedData(None, None, None)  # type: ignore[arg-type]
    note([filler], "age", [1])
    assert filler.meta is None


@pytest.mark.parametrize("lengths", [None, [2, 2], [1, 3]])
def test_a_meta_key_is_told_for_each_item(lengths):
    columns = made(4, absent={"score": np.array([False, True, False, False])})
    batch = columns if lengths is None else columns.grouped(lengths)
    for one in (batch, shaped_like(batch, flat(batch))):
        values, there = told(one, "score")

        assert [True, False, True, True] == there.tolist()
        assert [0.0, 1.0, 1.5] == [values[0], values[2], values[3]]
        assert ([None] * 4, [False] * 4) == (list(told(one, "nothing")[0]), told(one, "nothing")[1].tolist())


# What extend is given.


@pytest.mark.parametrize(
    ("columns", "length"),
    [
        ({"a": np.zeros((3, 2)), "b": {"c": [np.arange(3)]}}, 3),
        ({"a": np.zeros((4, 2)), "b": np.arange(4)}, 4),
        ({"a": RaggedColumn.of([np.zeros(2), np.zeros(0)], float)}, 2),
        (MappingProxyType({"a": np.zeros(0)}), 0),
    ],
)
def test_stacked_columns_have_one_length(columns, length):
    assert length == stacked_length(columns) == count_of(columns) == len(payloads_of(columns))


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"a": np.zeros(3), "b": np.zeros(2)}, r"got lengths \[2, 3\]\."),
        ({"a": np.zeros(3), "b": 1}, r"got lengths \[3\] and single values\."),
        ({}, r"got lengths \[\]"),
    ],
)
def test_columns_that_do_not_agree_are_refused(columns, what):
    with pytest.raises(BadArgument, match=what):
        stacked_length(columns)


def test_an_iterator_is_taken_in_hand():
    batch, array = made(), np.arange(3)

    assert [0, 1, 2] == in_hand(iter(range(3))) == sorted(in_hand({0, 1, 2}))
    assert batch is in_hand(batch)
    assert array is in_hand(array)
    assert range(3) == in_hand(range(3))
    assert 3 == count_of(range(3)) == count_of(array)


def test_fillers_are_no_payloads():
    batch = made().pick(np.array([3, 0, 5]), mask=np.array([True, False, True]))

    assert 2 == count_of(batch)
    assert [3, 5] == [payload["n"] for payload in payloads_of(batch)]
    assert 6 == count_of(made().grouped([3, 3]))


@pytest.mark.parametrize("make", [lambda batch: batch, lambda batch: {"obs": batch.data["obs"]}])
def test_payloads_of_columns_have_memory_of_their_own(make):
    batch = made()
    payloads = payloads_of(make(batch))
    payloads[0]["obs"][:] = 99
    batch.data["obs"][1] = 98

    assert [0.0, 1.0, 2.0] == [row[0] for row in (np.zeros(1), payloads[1]["obs"], payloads[2]["obs"])]
    assert 0.0 == batch.data["obs"][0, 0]
    assert not np.shares_memory(payloads[2]["obs"], batch.data["obs"])


@pytest.mark.parametrize(
    ("meta", "columns"),
    [
        (None, {}),
        ([{"a": 1}, {"a": 2}], {"a": ([1, 2], None)}),
        ([{"a": 1, "b": None}, {"b": 3, "a": 2}], {"a": ([1, 2], None), "b": ([None, 3], None)}),
        (({"a": 1}, {"a": 2.0}), {"a": ([1, 2.0], None)}),
        ([{"a": 1}, MappingProxyType({"a": 2})], {"a": ([1, 2], None)}),
        ([{"a": 1}, {"a": 2, "b": 3}], {"a": ([1, 2], None), "b": ([None, 3], [False, True])}),
        ([{}, {}], {}),
        ([{"a": 1}, {"b": 2}], {"a": ([1, None], [True, False]), "b": ([None, 2], [False, True])}),
        ([None, {"a": None}], {"a": ([None, None], [False, True])}),
        (
            {"a": [1, 2], "b": "both", "c": (3, 4)},
            {"a": ([1, 2], None), "b": (["both"] * 2, None), "c": ((3, 4), None)},
        ),
        ({"a": np.array([[1], [2]])}, {"a": ([1, 2], None)}),
        ({}, {}),
    ],
)
def test_metas_of_any_form_become_columns(meta, columns):
    made = meta_columns(meta, 2)

    assert columns == {
        key: (values, None if there is None else there.tolist()) for key, (values, there) in made.items()
    }
    for key in made:
        assert [row.get(key) for row in meta_rows(meta, 2)] == column_values(made, key, 2)


def test_an_array_stays_an_array_in_columns():
    values = np.array([1.0, 2.0])

    assert values is meta_columns({"a": values}, 2)["a"][0]
    assert [1.0, 2.0] == column_values({"a": (values, None)}, "a", 2)
    assert [1.0, None] == column_values({"a": (values, np.array([True, False]))}, "a", 2)
    assert [None, None] == column_values({}, "a", 2)


@pytest.mark.parametrize("meta", [[{}], {"a": [1, 2, 3]}, [{}, 5]])
def test_metas_that_do_not_fit_become_no_columns(meta):
    with pytest.raises(BadArgument):
        meta_columns(meta, 2)


def test_numbers_in_the_shape_of_windows_are_a_column():
    for shape in ((2, 3), (6, 1), (1, 6), (6,)):
        assert list(range(6)) == column_of(np.arange(6).reshape(shape), 6, "a")
    with pytest.raises(BadArgument, match=r"meta\['a'\] has 2 values for 5 items"):
        column_of(np.arange(6).reshape(2, 3), 5, "a")


def test_slots_and_index_columns_are_indices_as_they_are():
    batch = made().grouped([3, 3])

    assert batch.index is as_indices(batch.index)
    assert list(range(10, 16)) == np.asarray(as_indices(batch.slots)).tolist()
    assert ["a", "b"] == as_indices([["a"], "b"])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{}],
        [{}, {}],
        [{"a": 1}, {}],
        [{}, {"a": 1}],
        [{"a": 1}, {"b": 1}],
        [{"a": 1}, {"a": 1, "b": 1}],
        [{"a": 1}, None],
        [None, {"a": 1}],
        [{"a": 1}, MappingProxyType({"a": 1})],
    ],
)
def test_rows_without_the_same_keys_are_no_columns(rows):
    assert same_keys(rows) is None


@pytest.mark.parametrize(
    ("payloads", "lack"),
    [
        ([{"a": 1}, {}], True),
        ([{"a": 1}, {"key": None}], False),
        ([{"a": 1}, MappingProxyType({})], False),
        ([], False),
        (({"a": 1},), False),
        ([1, 2], False),
    ],
)
def test_one_look_at_each_tells_whether_a_key_is_missing(payloads, lack):
    assert lack is all_lack(payloads, "key")
