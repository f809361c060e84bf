from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.item import BufferedData
from ding_buffer.core.weighing import weighed, weighed_columns
from tests.core.column_batches import Pair, made

WEIGHTS = np.array([1.0, 0.25, 0.5])


class Tree:
    def __init__(self, parts):
        self.parts = parts

    def items(self):
        return self.parts.items()

    def values(self):
        return self.parts.values()


TreeValue: Any = type("TreeValue", (Tree,), {"__module__": "treevalue.tree.tree"})


def items(*payloads):
    return [BufferedData(data, str(place), {"env": place}) for place, data in enumerate(payloads)]


def test_the_weight_stands_in_the_meta_of_any_item():
    made = weighed(items("a", [1], None), WEIGHTS)

    assert [1.0, 0.25, 0.5] == [item.meta["priority_IS"] for item in made]
    assert all(type(item.meta["priority_IS"]) is float for item in made)
    assert ["a", [1], None] == [item.data for item in made]
    assert ["0", "1", "2"] == [item.index for item in made]
    assert [0, 1, 2] == [item.meta["env"] for item in made]


def test_a_payload_that_takes_entries_gets_an_array_of_its_own():
    made = weighed(items({"obs": 1}, {"obs": 2}, {"obs": 3}), WEIGHTS)

    for item, weight in zip(made, WEIGHTS, strict=True):
        entry = item.data["priority_IS"]
        assert ((1,), np.dtype(np.float32), weight) == (entry.shape, entry.dtype, entry[0])
    made[0].data["priority_IS"][0] = 9
    assert 0.25 == made[1].data["priority_IS"][0]


def test_what_was_drawn_is_not_touched():
    drawn = items({"obs": [1]}, "b", {"obs": [2]})
    made = weighed(drawn, WEIGHTS)

    assert [{"obs": [1]}, "b", {"obs": [2]}] == [item.data for item in drawn]
    assert [{"env": 0}, {"env": 1}, {"env": 2}] == [item.meta for item in drawn]
    assert made[0].data["obs"] is drawn[0].data["obs"]
    assert not {id(item) for item in drawn} & {id(item) for item in made}


def test_a_payload_that_holds_tensors_gets_a_tensor():
    torch = pytest.importorskip("torch")
    made = weighed(items("a", {"obs": torch.zeros(2)}, {"obs": torch.zeros(2)}), WEIGHTS)

    assert "a" == made[0].data
    for item, weight in zip(made[1:], WEIGHTS[1:], strict=True):
        entry = item.data["priority_IS"]
        assert ((1,), torch.float32, weight) == (tuple(entry.shape), entry.dtype, float(entry))


def test_a_tree_gets_an_array_where_torch_is_not_in_use(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    tree = TreeValue({"obs": np.zeros(2), "inner": TreeValue({"a": np.zeros(1)})})
    made = weighed(items(tree, {"inner": tree}, {}), WEIGHTS)

    assert TreeValue is type(made[0].data)
    assert 1.0 == made[0].data.parts["priority_IS"][0]
    assert 0.25 == made[1].data["priority_IS"][0]
    assert "priority_IS" not in tree.parts


def test_of_no_items_none_are_made():
    assert [] == weighed([], np.empty(0))


@pytest.mark.parametrize("lengths", [None, [2, 2], [1, 3]])
def test_columns_get_a_column_of_weights_in_the_shape_of_the_batch(lengths):
    batch = made(4) if lengths is None else made(4).grouped(lengths)
    weights = np.array([1.0, 0.25, 0.5, 0.1])
    weighted = weighed_columns(batch, weights)

    entry = weighted.data["priority_IS"]
    assert batch.slots.shape == weighted.meta["priority_IS"].shape
    assert ((*batch.slots.shape, 1), np.dtype(np.float32)) == (entry.shape, entry.dtype)
    for item, weight in zip(weighted.opened(), weights.tolist(), strict=True):
        assert weight == item.meta["priority_IS"]
        assert [np.float32(weight)] == item.data["priority_IS"].tolist()


def test_columns_of_tensors_get_a_tensor_of_weights():
    torch = pytest.importorskip("torch")
    weighted = weighed_columns(made(3, {"obs": torch.zeros(3, 2)}), WEIGHTS)

    assert torch.equal(torch.tensor([[1.0], [0.25], [0.5]]), weighted.data["priority_IS"])


def test_columns_that_take_no_entry_are_weighed_in_the_meta():
    weighted = weighed_columns(made(3, Pair(np.arange(3), np.arange(3))), WEIGHTS)

    assert Pair(2, 2) == weighted[2].data
    assert WEIGHTS.tolist() == weighted.meta["priority_IS"].tolist()
