from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.batch import (
    column_of,
    flat,
    index_texts,
    is_nested,
    is_slots,
    meta_rows,
    shaped_like,
    stored,
)
from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData


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
