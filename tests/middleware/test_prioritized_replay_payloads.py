"""Prioritised replay of any payload, which it never changes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage


def test_a_priority_in_a_payload_without_meta_moves_to_the_meta_and_the_callers_payload_stays_whole():
    buffer = DequeBuffer(5, seed=0).use(PriorityExperienceReplay())
    payloads = [{"obs": 1, "priority": 3.0}, EasyDict(obs=1, priority=4.0)]

    stored = [buffer.push(payloads[0]), *buffer.extend([payloads[1]])]

    assert [{"obs": 1}, EasyDict(obs=1)] == [item.data for item in stored]
    assert [dict, EasyDict] == [type(item.data) for item in stored]
    assert [3.0, 4.0] == [item.meta["priority"] for item in stored]
    assert [3.0, 4.0] == [payload["priority"] for payload in payloads]


def test_a_priority_in_a_payload_with_meta_is_payload():
    buffer = DequeBuffer(5, seed=0).use(PriorityExperienceReplay())

    item = buffer.push({"priority": 3.0}, meta={"env": 1})

    assert ({"priority": 3.0}, {"env": 1, "priority": 1.0}) == (item.data, item.meta)


def test_each_item_has_a_meta_of_its_own_and_the_callers_dict_is_not_touched():
    buffer = DequeBuffer(5, seed=0).use(PriorityExperienceReplay())
    meta = {"env": 1}

    items = [buffer.push(number, meta) for number in range(3)]
    buffer.update(items[0].index, meta={"priority": 9.0})

    assert {"env": 1} == meta
    assert 3 == len({id(item.meta) for item in items})
    assert [9.0, 1.0, 1.0] == [item.meta["priority"] for item in items]


@dataclasses.dataclass(frozen=True)
class Step:
    obs: int


@pytest.mark.parametrize("payload", ["a", 3, None, [1, 2], (1, 2), Step(4), np.arange(3), {1, 2}])
def test_a_payload_that_is_no_mapping_comes_as_it_is_with_the_weight_in_its_meta(payload):
    buffer = DequeBuffer(1, seed=0).use(PriorityExperienceReplay())
    buffer.push(payload)

    (item,) = buffer.sample(1)

    assert payload is item.data
    assert 1.0 == item.meta["priority_IS"]
    assert isinstance(item.meta["priority_IS"], float)


@pytest.mark.parametrize("kind", [dict, EasyDict])
def test_a_mapping_also_carries_its_weight_as_an_array_and_what_is_stored_does_not(kind):
    buffer = DequeBuffer(2, seed=0).use(PriorityExperienceReplay())
    stored = [
        buffer.push(kind(obs=np.arange(3), n=number), {"priority": 1.0 + number}) for number in range(2)
    ]

    batch = buffer.sample(20)

    for item in batch:
        weight = item.data["priority_IS"]
        assert kind is type(item.data)
        assert (np.float32, (1,)) == (weight.dtype, weight.shape)
        assert item.meta["priority_IS"] == pytest.approx(float(weight[0]))
        assert item.index == stored[item.data["n"]].index
    assert [{"obs", "n"}] * 2 == [set(item.data) for item in stored]
    assert [{"priority"}] * 2 == [set(item.meta) for item in stored]


def test_a_mapping_of_tensors_carries_its_weight_as_a_tensor():
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(1, seed=0).use(PriorityExperienceReplay())
    buffer.push({"obs": torch.zeros(2)})

    weight = buffer.sample(1)[0].data["priority_IS"]

    assert (torch.float32, (1,), 1.0) == (weight.dtype, tuple(weight.shape), weight.item())


def test_a_bare_tensor_is_a_payload_like_any_other():
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(1, seed=0).use(PriorityExperienceReplay())
    payload = torch.zeros(2)
    buffer.push(payload)

    assert payload is buffer.sample(1)[0].data


def test_a_tree_tensor_carries_its_weight_and_gives_its_priority():
    torch = pytest.importorskip("torch")
    ttorch = pytest.importorskip("treetensor.torch")
    buffer = DequeBuffer(2, seed=0).use(PriorityExperienceReplay())
    tree = ttorch.as_tensor(
        {"obs": torch.zeros(2), "inner": {"a": torch.ones(1)}, "priority": torch.tensor(3.0)}
    )
    stored = buffer.push(tree)

    item = buffer.sample(1)[0]

    assert 3.0 == stored.meta["priority"]
    assert "priority" in tree
    assert {"obs", "inner"} == set(stored.data.keys())
    assert {"obs", "inner", "priority_IS"} == set(item.data.keys())
    assert (torch.float32, (1,)) == (item.data.priority_IS.dtype, tuple(item.data.priority_IS.shape))


def test_a_tree_of_columns_gives_its_priorities():
    torch = pytest.importorskip("torch")
    ttorch = pytest.importorskip("treetensor.torch")
    for storage in (ObjectStorage(), ColumnStorage()):
        buffer = DequeBuffer(4, seed=0, storage=storage).use(PriorityExperienceReplay())
        buffer.extend(ttorch.as_tensor({"obs": torch.arange(2), "priority": torch.tensor([3.0, 5.0])}))

        assert [(0, 3.0), (1, 5.0)] == [(int(item.data.obs), item.meta["priority"]) for item in buffer]
        assert {"obs"} == set(buffer[0].data.keys())


def test_without_weights_a_sample_returns_the_stored_items_themselves():
    buffer = DequeBuffer(4, seed=0).use(PriorityExperienceReplay(IS_weight=False))
    stored = {item.index: item for item in buffer.extend([{"n": n} for n in range(4)])}

    batch = buffer.sample(1)

    assert batch[0] is stored[batch[0].index]
    assert {"priority"} == set(batch[0].meta)


@pytest.mark.parametrize("weights", [True, False])
def test_an_item_drawn_twice_is_two_independent_copies(weights):
    buffer = DequeBuffer(1, seed=0).use(PriorityExperienceReplay(IS_weight=weights))
    buffer.push({"obs": np.zeros(2)})

    first, second = buffer.sample(2)
    first.data["obs"][:] = 5
    first.meta["seen"] = True

    assert [0.0, 0.0] == second.data["obs"].tolist()
    assert "seen" not in second.meta
