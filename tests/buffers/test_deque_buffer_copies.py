"""Views, copies and states: what is shared and what is not."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import ChainError, CorruptSnapshot
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check


class Listening(Middleware):
    """Counts what it hears of."""

    def __init__(self):
        self.heard = 0
        self.refused = False

    def on_filled(self, slots):
        self.heard += len(slots)

    def state_dict(self):
        return {"heard": self.heard}

    def load_state_dict(self, state):
        if not isinstance(state["heard"], int):
            raise state["heard"]
        self.heard = state["heard"]


class Silent(Middleware):
    """Has no state."""


def filled(count=12, size=10, layers=()):
    buffer = DequeBuffer(size, seed=0).use(list(layers))
    for number in range(count):
        buffer.push({"obs": np.full(2, number)}, {"env": number % 3})
    return buffer


def values(items):
    return [int(item.data["obs"][0]) for item in items]


def drawn(buffer, times=3):
    return [item.index for _ in range(times) for item in buffer.sample(4)]


# Views.


@pytest.mark.parametrize("view_of", [DequeBuffer.view, copy.copy])
def test_a_view_shares_everything_but_the_layers(view_of):
    buffer = filled(layers=[Listening()])
    buffer.sliced = True
    view = view_of(buffer)

    assert [] == view._middleware
    assert (buffer.store, buffer.size, True) == (view.store, view.size, view.sliced)
    assert list(buffer) == list(view)
    new = view.push({"obs": np.full(2, 99)}, {"env": 0})
    assert new is buffer[-1]
    assert 13 == buffer._middleware[0].heard


def test_layers_of_a_view_stay_in_the_view():
    buffer = filled()
    view = buffer.view().use(use_time_check(max_use=1))

    assert 1 == len(view._middleware)
    buffer.sample(10)
    assert 10 == len(buffer)
    view.sample(10)
    assert 0 == len(buffer)


def test_w3_w7_two_views_with_use_limits_delete_the_right_items():
    buffer = filled(9)
    policy, value = buffer.view().use(use_time_check(max_use=1)), buffer.view().use(use_time_check(max_use=2))
    used = values(policy.sample(3))

    assert sorted(set(range(9)) - set(used)) == values(buffer)
    value.sample(6)
    assert 6 == len(buffer)
    value.sample(6)
    assert 0 == len(buffer)
    buffer.store.check()


def test_a_view_of_a_subclass_keeps_its_attributes():
    class Tagged(DequeBuffer):
        def __init__(self, size, tag):
            super().__init__(size)
            self.tag = tag

    view = Tagged(3, "a").view()

    assert (Tagged, "a") == (type(view), view.tag)


def test_a_dropped_view_is_collected_and_its_layers_hear_no_more():
    buffer, layer = filled(0), Listening()
    view = buffer.view().use(layer)
    buffer.push({"obs": np.zeros(2)})
    gone, heavy = weakref.ref(view), weakref.ref(layer)
    del view
    gc.collect()

    assert gone() is None
    buffer.push({"obs": np.zeros(2)})
    assert 1 == layer.heard
    del layer
    gc.collect()
    assert heavy() is None


def test_a_layer_can_move_from_a_dropped_view_to_the_buffer():
    buffer, layer = filled(3), use_time_check(max_use=2)
    view = buffer.view().use(layer)
    with pytest.raises(ChainError, match="in use already"):
        buffer.use(layer)
    del view
    gc.collect()
    buffer.use(layer)
    buffer.push({"obs": np.zeros(2)})
    buffer.sample(4)
    buffer.sample(4)

    assert 0 == len(buffer)


# Copies.


def copies(buffer):
    return {"deepcopy": copy.deepcopy(buffer), "pickle": pickle.loads(pickle.dumps(buffer))}


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_holds_the_same_items_and_goes_its_own_way(how):
    buffer = filled()
    buffer.sample(1, groupby="env")
    twin = copies(buffer)[how]

    assert list(buffer) == list(twin)
    assert values(buffer) == values(twin)
    assert not np.shares_memory(buffer[0].data["obs"], twin[0].data["obs"])
    twin.update(twin[0].index, meta={"env": 7})
    twin.delete(twin[1].index)
    twin[2].data["obs"][:] = 77
    assert list(range(2, 12)) == values(buffer)
    twin.clear()
    assert 10 == len(buffer)
    assert buffer[0].meta["env"] == 2
    for one in (buffer, twin):
        one.store.check()


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_draws_the_same_next_batches(how):
    buffer = filled(layers=[use_time_check(max_use=99), PriorityExperienceReplay()])
    drawn(buffer)
    twin = copies(buffer)[how]

    assert drawn(buffer) == drawn(twin)


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_the_layers_of_a_copy_belong_to_it(how):
    buffer = filled(layers=[use_time_check(max_use=2), Listening(), Silent()])
    twin = copies(buffer)[how]

    assert all(layer.buffer is twin for layer in twin._middleware)
    assert all(layer.buffer is buffer for layer in buffer._middleware)
    twin.push({"obs": np.zeros(2)})
    assert [12, 13] == [one._middleware[1].heard for one in (buffer, twin)]
    for _ in range(2):
        twin.sample(10)
    assert (10, 0) == (len(buffer), len(twin))


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_keeps_the_indices_and_hands_out_others(how):
    buffer = filled()
    twin = copies(buffer)[how]
    new, newer = buffer.push({"obs": np.zeros(2)}), twin.push({"obs": np.zeros(2)})

    assert new.index != newer.index
    assert not twin.indices.has(new.index)
    assert twin.update(new.index, meta={}) is False


def test_a_function_among_the_layers_is_shared_by_a_deep_copy():
    seen = []

    def function(action, chain, *args, **kwargs):
        seen.append(action)
        return chain(*args, **kwargs)

    buffer = DequeBuffer(3).use(function)
    copy.deepcopy(buffer).push(1)

    assert ["push"] == seen
    assert 0 == len(buffer)


def test_copies_within_a_larger_value_stay_one():
    buffer = filled()
    one, other = copy.deepcopy([buffer, buffer])

    assert one is other


# States.


def test_a_resumed_run_draws_the_same_next_batches():
    def layers():
        return [use_time_check(max_use=60), PriorityExperienceReplay()]

    buffer = filled(layers=layers())
    drawn(buffer)
    buffer.sample(2, groupby="env")
    resumed = filled(3, layers=layers())
    resumed.load_state_dict(copy.deepcopy(buffer.state_dict()))

    assert list(buffer) == list(resumed)
    for _ in range(3):
        assert drawn(buffer) == drawn(resumed)
        assert [[item.index for item in group] for group in buffer.sample(2, groupby="env")] == [
            [item.index for item in group] for group in resumed.sample(2, groupby="env")
        ]
    resumed.store.check()


def test_an_index_from_before_is_known_after_a_load_and_later_ones_are_not():
    buffer = filled()
    state, old = buffer.state_dict(), buffer[3].index
    late = buffer.push({"obs": np.zeros(2)}).index
    buffer.load_state_dict(state)

    assert buffer.indices.has(old)
    assert not buffer.indices.has(late)
    assert late != buffer.push({"obs": np.zeros(2)}).index


def test_w19_the_capacity_stays_and_the_newest_are_kept():
    small = DequeBuffer(3, seed=1)
    small.load_state_dict(filled().state_dict())

    assert (3, [9, 10, 11]) == (small.size, values(small))
    small.push({"obs": np.full(2, 50)})
    assert [10, 11, 50] == values(small)
    assert 9 + 1 == small.stats()["evicted"]


def test_the_nth_layer_of_a_name_gets_the_nth_state_of_that_name():
    buffer = filled(0, layers=[Listening(), Silent(), Listening()])
    buffer._middleware[0].heard, buffer._middleware[2].heard = 5, 6
    state = buffer.state_dict()
    other = filled(4, layers=[Listening()]).use(Listening()).use(Listening())
    other._middleware[2].heard = 7
    other.load_state_dict(state)

    assert [5, 6] == [entry["state"]["heard"] for entry in state["layers"]]
    assert [5, 6, 7] == [layer.heard for layer in other._middleware]


def test_loaded_items_are_taken_in_by_layers_that_were_not_saved():
    buffer = filled(2).use(PriorityExperienceReplay())
    buffer.load_state_dict(filled().state_dict())

    assert 12 == len(drawn(buffer))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.clear(),
        lambda state: state.update(store={}),
        lambda state: state.update(layers=[{}]),
        lambda state: state.update(layers=5),
        lambda state: state["layers"][0].update(state={"heard": "x"}),
        lambda state: state["layers"][0].update(state={}),
        lambda state: state["layers"][0].update(state=5),
        *(
            (lambda state, error=error: state["layers"][0].update(state={"heard": error("no")}))
            for error in (KeyError, ValueError, AttributeError, OverflowError, IndexError)
        ),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused_with_nothing_changed(spoil):
    buffer = filled(layers=[Listening(), use_time_check(max_use=50)])
    drawn(buffer)
    twin = copy.deepcopy(buffer)
    state = filled(4, layers=[Listening(), use_time_check(max_use=5)]).state_dict()
    spoil(state)

    with pytest.raises(CorruptSnapshot):
        buffer.load_state_dict(state)
    assert list(twin) == list(buffer)
    assert [item.meta for item in twin] == [item.meta for item in buffer]
    assert drawn(twin) == drawn(buffer)
    assert [layer.state_dict() for layer in twin._middleware] == [
        layer.state_dict() for layer in buffer._middleware
    ]
    buffer.store.check()


@pytest.mark.parametrize("wrong", [None, 5, []])
def test_what_is_no_state_is_refused(wrong):
    with pytest.raises(CorruptSnapshot, match="not the state of a buffer"):
        filled().load_state_dict(wrong)


def test_a_file_brings_the_same_back(tmp_path):
    buffer = filled()
    buffer.save_data(tmp_path / "deep" / "down" / "buffer.file")
    other = DequeBuffer(10)
    other.load_data(str(tmp_path / "deep" / "down" / "buffer.file"))

    assert list(buffer) == list(other)
    assert values(buffer) == values(other)
    assert drawn(buffer) == drawn(other)


# torch's DataLoader.


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_data_loader_goes_over_the_buffer(shuffle):
    data = pytest.importorskip("torch.utils.data")
    buffer = filled()
    loader = data.DataLoader(
        buffer,
        batch_size=4,
        shuffle=shuffle,
        collate_fn=lambda batch: np.stack([item.data["obs"] for item in batch]),
    )
    batches = list(loader)

    assert [(4, 2), (4, 2), (2, 2)] == [batch.shape for batch in batches]
    assert list(range(2, 12)) == sorted(np.concatenate(batches)[:, 0].tolist())
    assert shuffle or list(range(2, 12)) == np.concatenate(batches)[:, 0].tolist()


def test_a_data_loader_without_a_collate_function_is_given_the_payloads_by_one():
    data = pytest.importorskip("torch.utils.data")
    buffer = filled()
    loader = data.DataLoader(
        buffer, batch_size=5, collate_fn=lambda batch: data.default_collate([item.data for item in batch])
    )

    assert [(5, 2), (5, 2)] == [tuple(batch["obs"].shape) for batch in loader]
