"""The defects of DI-engine 0.5.3's buffer middleware, each by its number, and that ours lacks them."""

from __future__ import annotations

import copy
import dataclasses
from collections import namedtuple
from contextlib import nullcontext

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadPriority, CorruptSnapshot, NotEnoughItems
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check


def prioritized(size: int, *outer, **settings) -> tuple[DequeBuffer, PriorityExperienceReplay]:
    layer = PriorityExperienceReplay(**settings)
    return DequeBuffer(size, seed=0).use(*outer, layer), layer


def drawn(buffer: DequeBuffer, size: int = 300, **query) -> set:
    return {item.data for item in buffer.sample(size, **query)}


def test_w6_priorities_work_with_groups_and_windows() -> None:
    buffer, _ = prioritized(20)
    buffer.extend(range(20), meta={"env": [n // 5 for n in range(20)], "priority": np.arange(20.0)})

    assert [5] * 8 == [len(group) for group in buffer.sample(8, groupby="env")]
    for group in buffer.sample(8, groupby="env", unroll_len=3, replace=True):
        first = group[0].data
        assert [first, first + 1, first + 2] == [item.data for item in group]
        assert all(0.0 < item.meta["priority_IS"] <= 1.0 for item in group)


def test_w6_a_loaded_buffer_draws_by_priority(tmp_path) -> None:
    buffer, _ = prioritized(5)
    buffer.extend("abcde", meta={"priority": [1.0, 2.0, 3.0, 4.0, 5.0]})
    buffer.save_data(tmp_path / "file")
    other, layer = prioritized(5)

    other.load_data(tmp_path / "file")

    assert set("abcde") == drawn(other)
    assert [1.0, 2.0, 3.0, 4.0, 5.0] == layer._sampler.priorities(other.store.live()).tolist()


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("outside", [True, False])
def test_w7_priorities_and_a_use_limit_work_together(weights, outside) -> None:
    layers = [use_time_check(max_use=2), PriorityExperienceReplay(IS_weight=weights)]
    buffer = DequeBuffer(6, seed=0).use(*(layers if outside else layers[::-1]))
    buffer.extend(range(6))

    for _ in range(100):
        if not len(buffer):
            break
        buffer.sample(2)

    assert 0 == len(buffer)
    assert 0 == buffer.delete([])


@pytest.mark.parametrize("weights", [True, False])
def test_w7_delete_works_with_and_without_weights(weights) -> None:
    buffer, _ = prioritized(6, IS_weight=weights)
    items = buffer.extend(range(6))

    assert 1 == buffer.delete(items[0].index)
    assert 2 == buffer.delete([items[1].index, items[5].index])
    assert {2, 3, 4} == drawn(buffer)


def test_w8_items_drawn_twice_are_deleted_once_and_no_neighbour_goes() -> None:
    buffer = DequeBuffer(50, seed=0).use(use_time_check(max_use=2))
    uses = dict.fromkeys(range(50), 0)
    buffer.extend(range(50))

    for _ in range(40):
        for item in buffer.sample(5, replace=True, ignore_insufficient=True):
            uses[item.data] += 1
        assert {n for n, times in uses.items() if times < 2} == {item.data for item in buffer}


def test_w8_counters_do_not_leak() -> None:
    layer = use_time_check(max_use=10)
    buffer = DequeBuffer(2, seed=0).use(layer)
    for number in range(1000):
        buffer.push(number)
        buffer.sample(1)

    assert 2 == len(layer._uses)


def test_w9_after_a_delete_every_item_is_drawn_by_its_own_priority() -> None:
    buffer, layer = prioritized(6)
    items = buffer.extend(range(6), meta={"priority": 1.0})
    buffer.delete(items[2].index)
    right = {item.data: 1.0 for item in buffer}
    for number in range(6, 16):
        buffer.push(number, {"priority": 1.0})
        right[number] = 1.0
        oldest = buffer[0]
        assert buffer.update(oldest.index, meta={"priority": 5.0})
        right[oldest.data] = 5.0

        assert {item.data for item in buffer} == drawn(buffer)
        live = {item.data: right[item.data] for item in buffer}
        found = layer._sampler.priorities(buffer.store.slots_of([item.index for item in buffer])).tolist()
        assert list(live.values()) == found


def test_w10_one_dict_pushed_four_times_is_four_metas() -> None:
    buffer, layer = prioritized(4)
    meta = {"priority": 1.0}
    items = [buffer.push(number, meta) for number in range(4)]

    buffer.update([item.index for item in items], meta={"priority": [1.0, 2.0, 3.0, 4.0]})

    assert {"priority": 1.0} == meta
    assert [1.0, 2.0, 3.0, 4.0] == [item.meta["priority"] for item in buffer]
    assert [1.0, 2.0, 3.0, 4.0] == layer._sampler.priorities(buffer.store.live()).tolist()


def test_w10_items_that_were_there_before_the_layer_are_drawn() -> None:
    buffer = DequeBuffer(6, seed=0)
    buffer.extend("abc")
    buffer.use(PriorityExperienceReplay())
    buffer.extend("de")

    assert set("abcde") == drawn(buffer)


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("how", ["returns None", "raises"])
def test_w10_a_push_that_does_not_arrive_leaves_no_phantom(outside, how) -> None:
    def limiter(action, chain, *args, **kwargs):
        if action != "push" or args[0] < 3:
            return chain(*args, **kwargs)
        if how == "raises":
            raise RuntimeError("too fast")
        return None

    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(10, seed=0).use(*((limiter, layer) if outside else (layer, limiter)))
    for number in range(3):
        buffer.push(number)
    for number in range(3, 6):
        with pytest.raises(RuntimeError) if how == "raises" else nullcontext():
            assert buffer.push(number) is None

    assert 3 == len(buffer) == len(layer._sampler)
    assert {0, 1, 2} == drawn(buffer)


def test_w11_a_priority_of_zero_spoils_no_weight() -> None:
    buffer, _ = prioritized(3)
    buffer.extend("abc", meta={"priority": [0.0, 1.0, 2.0]})

    weights = {item.data: item.meta["priority_IS"] for item in buffer.sample(500)}

    assert all(0.0 < weight < 1.0 for weight in (weights["b"], weights["c"]))
    assert weights["b"] > weights["c"]


@pytest.mark.parametrize("priority", [float("nan"), float("inf"), -1.0, -0.5, "1.0"])
def test_w11_a_bad_priority_is_an_error_and_changes_nothing(priority) -> None:
    buffer, layer = prioritized(3)
    item = buffer.push("a", {"priority": 2.0})

    for attempt in (
        lambda: buffer.push("b", {"priority": priority}),
        lambda: buffer.update(item.index, meta={"priority": priority}),
        lambda: buffer.update([item.index], meta={"priority": [priority]}),
    ):
        with pytest.raises(BadPriority):
            attempt()
    assert [("a", {"priority": 2.0})] == [(each.data, each.meta) for each in buffer]
    assert 2.0 == layer.max_priority
    assert [1.0] * 5 == [each.meta["priority_IS"] for each in buffer.sample(5)]


# W12 to W14 are of the worker buffers (ding.worker.replay_buffer); tested is what they mean for this buffer.


@pytest.mark.parametrize("layers", [[], [PriorityExperienceReplay]])
def test_w12_a_partly_filled_buffer_is_saved_without_holes(layers, tmp_path) -> None:
    buffer, other = (DequeBuffer(10, seed=0).use(*(make() for make in layers)) for _ in range(2))
    buffer.extend([{"obs": np.array([number])} for number in range(4)])
    buffer.delete(buffer[1].index)
    buffer.save_data(tmp_path / "file")

    other.load_data(tmp_path / "file")

    assert 3 == len(other) == other.count()
    assert [0, 2, 3] == [int(item.data["obs"][0]) for item in other]
    assert all(item.data is not None for item in other.sample(3))
    with pytest.raises(NotEnoughItems):
        DequeBuffer(10).sample(1)


RANGES = [
    slice(None, 5),
    slice(0, 5),
    slice(0, 1),
    slice(-3, None),
    slice(-10, None),
    slice(-10, -2),
    slice(2, None),
]


@pytest.mark.parametrize("count", [4, 16, 23], ids=["partial", "full", "wrapped"])
@pytest.mark.parametrize("part", RANGES, ids=repr)
@pytest.mark.parametrize("layers", [[], [PriorityExperienceReplay]], ids=["uniform", "prioritized"])
def test_w13_a_range_counts_from_the_oldest_and_if_negative_from_the_newest(layers, part, count) -> None:
    buffer = DequeBuffer(16, seed=0).use(*(make() for make in layers))
    buffer.extend(range(count))
    held = list(range(count))[-16:]

    assert set(held[part]) == drawn(buffer, 400, sample_range=part, replace=True)


@pytest.mark.parametrize("kind", [int, np.int64, np.float32, bool])
def test_w14_whole_numbers_are_priorities(kind) -> None:
    buffer, _ = prioritized(6, use_time_check(max_use=50))
    buffer.extend(range(3), meta={"priority": [kind(1), kind(0), kind(1)]})
    buffer.update(buffer[0].index, meta={"priority": kind(1)})
    buffer.update([item.index for item in buffer], meta={"priority": [kind(1), kind(1), kind(0)]})

    batch = buffer.sample(10)

    assert all(isinstance(item.meta["priority_IS"], float) for item in batch)
    assert 1.0 == buffer.stats()["PriorityExperienceReplay"]["max_priority"]
    assert 3 == buffer.count()


Pair = namedtuple("Pair", ["obs", "info"])


@dataclasses.dataclass(frozen=True)
class Step:
    obs: np.ndarray


PAYLOADS = {
    "EasyDict": lambda: EasyDict(obs=np.zeros(1)),
    "tuple": lambda: (np.zeros(1), 1),
    "named tuple": lambda: Pair(np.zeros(1), {}),
    "frozen dataclass": lambda: Step(np.zeros(1)),
    "nested": lambda: {"a": [(np.zeros(1),)]},
}


def array_in(payload) -> np.ndarray:
    while not isinstance(payload, np.ndarray):
        if isinstance(payload, Step):
            payload = payload.obs
        else:
            payload = next(iter(payload.values())) if isinstance(payload, dict) else payload[0]
    return payload


@pytest.mark.parametrize("kind", PAYLOADS)
def test_w15_clone_object_copies_every_kind_of_payload_and_the_meta(kind) -> None:
    buffer = DequeBuffer(1).use(clone_object())
    payload, meta = PAYLOADS[kind](), {"frames": [1]}
    buffer.push(payload, meta)
    array_in(payload)[:] = 5
    meta["frames"].append(2)

    for item in (buffer.sample(1)[0], buffer.sample(1)[0], buffer[0]):
        assert type(payload) is type(item.data)
        assert [0.0] == array_in(item.data).tolist()
        assert {"frames": [1]} == item.meta
        array_in(item.data)[:] = 7  # reaches no other
        item.meta["frames"].append(3)


def test_w15_clone_object_copies_tree_tensors() -> None:
    torch = pytest.importorskip("torch")
    ttorch = pytest.importorskip("treetensor.torch")
    buffer = DequeBuffer(1).use(clone_object())
    tree = ttorch.as_tensor({"obs": torch.zeros(1), "inner": {"a": torch.zeros(1)}})
    buffer.push(tree)
    tree.obs += 5
    tree.inner.a += 5
    drawn = buffer.sample(1)[0].data
    drawn.inner.a += 7

    assert [0.0, 7.0] == [drawn.obs.item(), drawn.inner.a.item()]
    assert [0.0, 0.0] == [buffer[0].data.obs.item(), buffer[0].data.inner.a.item()]


def test_w18_the_state_of_priorities_can_be_saved_and_loaded() -> None:
    buffer, layer = prioritized(5, IS_weight_anneal_train_iter=10)
    buffer.extend(range(7), meta={"priority": [float(n) for n in range(7)]})
    buffer.sample(4)
    buffer.delete(buffer[1].index)
    other, other_layer = prioritized(5, IS_weight_anneal_train_iter=10)

    other.load_state_dict(copy.deepcopy(buffer.state_dict()))

    assert layer.state_dict() == other_layer.state_dict()
    assert 6.0 == other_layer.max_priority
    assert layer.IS_weight_power_factor == other_layer.IS_weight_power_factor > 0.4
    for _ in range(3):
        one, two = buffer.sample(8), other.sample(8)
        assert [(item.data, item.meta) for item in one] == [(item.data, item.meta) for item in two]


def test_w18_a_state_sets_no_other_attribute() -> None:
    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(3).use(layer)
    state = {**layer.state_dict(), "_sampler": None, "push": "evil", "evil": 1}
    names = set(vars(layer))

    layer.load_state_dict(state)

    assert names == set(vars(layer))
    assert callable(layer.push)
    assert buffer.push("a") is not None
    with pytest.raises(CorruptSnapshot):
        buffer.load_state_dict({"store": buffer.state_dict()["store"], "layers": [{"name": "x"}]})


def test_w18_update_tells_whether_the_item_was_there() -> None:
    buffer, _ = prioritized(2)
    gone, kept = buffer.push("a").index, buffer.push("b").index
    buffer.push("c")

    assert buffer.update(kept, meta={"priority": 2.0}) is True
    assert buffer.update(gone, meta={"priority": 2.0}) is False
    assert [False, True] == buffer.update([gone, kept], meta={"priority": 3.0}).tolist()
