from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, BadPriority, NotEnoughItems
from ding_buffer.middleware.sequences import sequence
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.middleware.sequence_walk import numbers_of

STORAGES = [ObjectStorage, ColumnStorage]


def filled(storage=ObjectStorage, count=8, size=20, priority=None, **settings) -> DequeBuffer:
    layer = sequence(**{"length": 2, "prioritized": True, "alpha": 1.0, "epsilon": 0.0, **settings})
    buffer = DequeBuffer(size, storage=storage(), seed=0).use(layer)
    for number in range(count):
        buffer.push({"n": number, "done": False}, {} if priority is None else {"priority": priority})
    return buffer


def steps_of(buffer: DequeBuffer) -> list[float]:
    """Returns the priority of every item, oldest first."""
    layer: Any = buffer._middleware[0]
    layer._windows.check()
    return layer._windows._steps[buffer.store.ring.live()].tolist()


def indices_of(batch):
    return (
        batch.index
        if hasattr(batch, "index") and not isinstance(batch, list)
        else [[item.index for item in window] for window in batch]
    )


@pytest.mark.parametrize("storage", STORAGES)
def test_a_new_step_has_its_priority_or_the_highest_so_far(storage):
    buffer = filled(storage, 2)
    buffer.push({"n": 2, "done": False}, {"priority": 5.0})
    buffer.push({"n": 3, "done": False})
    buffer.view().push({"n": 4, "done": False}, {"priority": 0.5})
    buffer.extend([{"n": n, "done": False} for n in (5, 6)], meta=[{"priority": 7}, {}])

    assert [1.0, 1.0, 5.0, 5.0, 0.5, 7.0, 7.0] == steps_of(buffer)
    assert 7.0 == buffer.stats()["sequence"]["max_priority"]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("many", [False, True])
def test_the_highest_so_far_is_that_of_earlier_steps_however_they_come(storage, many):
    buffer = filled(storage, 1)
    payloads, metas = [{"n": n, "done": False} for n in (1, 2, 3)], [{}, {"priority": 5.0}, {}]
    if many:
        buffer.extend(payloads, metas)
    else:
        for payload, meta in zip(payloads, metas, strict=True):
            buffer.push(payload, meta)

    assert [1.0, 1.0, 5.0, 5.0] == steps_of(buffer)


@pytest.mark.parametrize("storage", STORAGES)
def test_all_the_priority_in_one_step_draws_the_windows_around_it(storage):
    buffer = filled(storage, priority=0.0)
    buffer.view().update([buffer[4].index], meta={"priority": [3.0]})

    assert {(3, 4), (4, 5)} == set(numbers_of(buffer.sample(50)))


@pytest.mark.parametrize("storage", STORAGES)
def test_where_nothing_has_priority_all_windows_are_alike(storage):
    assert {(n, n + 1) for n in range(7)} == set(numbers_of(filled(storage, priority=0.0).sample(70)))


@pytest.mark.parametrize("storage", STORAGES)
def test_burn_in_has_no_say(storage):
    buffer = filled(storage, priority=0.0, burn_in=2)
    buffer.update([buffer[4].index], meta={"priority": [3.0]})

    assert {(1, 2, 3, 4), (2, 3, 4, 5)} == set(numbers_of(buffer.sample(50)))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("pad", ["none", "both"])
@pytest.mark.parametrize("flat", [False, True])
def test_a_learner_gives_back_one_for_each_place_each_learned_one_or_each_window(storage, pad, flat):
    def feed(priorities):
        buffer = filled(storage, 3, burn_in=1, pad=pad)
        batch = buffer.sample(4)
        windows, indices = numbers_of(batch), indices_of(batch)
        if flat and isinstance(indices, list):
            indices = [index for window in indices for index in window]
        expected, there = [1.0, 1.0, 1.0], []
        spread = np.broadcast_to(priorities, (4, 3) if np.shape(priorities) != (4, 2) else (4, 2))
        for row, window in enumerate(windows):
            for place, n in enumerate(window):
                learned = place >= 1 or np.shape(priorities) == (4, 3)
                there.append(n is not None and learned)
                if there[-1]:
                    expected[n] = float(spread[row, place if spread.shape[1] == 3 else place - 1])
        given = priorities[:, 0] if np.shape(priorities) == (4, 1) else priorities
        assert there == buffer.update(indices, meta={"priority": given}).tolist()
        assert expected == steps_of(buffer)
        assert max(1.0, *expected) == buffer.stats()["sequence"]["max_priority"]
        assert 0 == buffer.stats()["late_updates"]

    feed(np.arange(12.0).reshape(4, 3))
    feed(np.arange(8.0).reshape(4, 2))
    feed(np.arange(4.0).reshape(4, 1))


def test_one_number_goes_to_all_and_other_keys_go_along():
    buffer = filled(count=3, pad="end")
    batch = buffer.sample(3, sample_range=slice(0, 3))
    indices = [[item.index for item in window] for window in batch]
    buffer.update(indices, meta={"priority": 4, "note": list(range(6))})
    notes = {item.index: note for item, note in zip((i for w in batch for i in w), range(6), strict=True)}

    assert {4.0} == {p for p, item in zip(steps_of(buffer), buffer, strict=True) if item.index in notes}
    assert all(notes[item.index] == item.meta["note"] for item in buffer if item.index in notes)


def test_fillers_may_come_with_payloads():
    buffer = filled(count=1, pad="end")
    indices = [[item.index for item in window] for window in buffer.sample(1)]

    assert [True, False] == buffer.update(
        indices, data=[{"n": 9, "done": False}, None], meta={"priority": [2.0, 3.0]}
    ).tolist()
    assert 9 == buffer[0].data["n"]


def test_slots_and_texts_and_gone_items_are_taken():
    buffer = filled(count=4)
    gone = buffer[0].index
    buffer.delete(gone)

    assert [False, True] == buffer.update([gone, buffer[0].index], meta={"priority": [8.0, 2.0]}).tolist()
    assert [True, False] == buffer.update(np.array([1, -1]), meta={"priority": np.array([3.0, 9.0])}).tolist()
    assert buffer.update(buffer[1].index, meta={"priority": 6}) is True
    assert [3.0, 6.0, 1.0] == steps_of(buffer)
    assert buffer.update(buffer[1].index, meta={"note": 1}) is True
    assert [3.0, 6.0, 1.0] == steps_of(buffer)


@pytest.mark.parametrize("count", [2, 5])
def test_priorities_that_fit_nothing_are_refused(count):
    buffer = filled(burn_in=1)
    indices = [[item.index for item in window] for window in buffer.sample(3)]

    with pytest.raises(BadArgument, match=rf"{count} values for 9 items"):
        buffer.update(indices, meta={"priority": [1.0] * count})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, "3", None])
def test_a_bad_priority_is_refused_and_changes_nothing(bad):
    buffer = filled(count=4)
    texts = [item.index for item in buffer]
    attempts = [
        lambda: buffer.update(texts[0], meta={"priority": bad}),
        lambda: buffer.update(texts[:2], meta={"priority": [2.0, bad]}),
        lambda: buffer.update([texts[:2], texts[2:]], meta={"priority": [2.0, bad]}),
    ]
    if bad is not None:  # which means none is given
        attempts += [
            lambda: buffer.push({"n": 4}, {"priority": bad}),
            lambda: buffer.extend([{"n": 4}], meta=[{"priority": bad}]),
            lambda: buffer.extend([{"n": 4}, {"n": 5}], meta={"priority": [1.0, bad]}),
        ]
    for attempt in attempts:
        with pytest.raises(BadPriority):
            attempt()

    assert [1.0] * 4 == steps_of(buffer)
    assert 4 == len(buffer)


def test_a_bad_priority_that_comes_past_the_layer_is_counted_and_not_used():
    buffer = filled(count=3)
    view = buffer.view()
    view.push({"n": 3, "done": False}, {"priority": math.nan})
    view.update([buffer[0].index, buffer[1].index], meta={"priority": [-1.0, 2.0]})

    assert [1.0, 2.0, 1.0, 1.0] == steps_of(buffer)
    assert 2 == buffer.stats()["sequence"]["poisoned"]


def test_beta_rises_to_one():
    buffer = filled(beta=0.5, anneal=4)
    betas = []
    for _ in range(6):
        betas.append(buffer.stats()["sequence"]["beta"])
        buffer.sample(1)

    assert [0.5, 0.625, 0.75, 0.875, 1.0, 1.0] == betas


@pytest.mark.parametrize("storage", STORAGES)
def test_weights_are_normalised_over_all_windows_and_not_over_the_batch(storage):
    buffer = filled(storage, priority=1.0, beta=0.5, eta=1.0)
    buffer.update([buffer[7].index], meta={"priority": [1e9]})
    (window,) = buffer.sample(1)

    assert [6, 7] == [item.data["n"] for item in window]
    assert [pytest.approx(1e9**-0.5)] * 2 == [item.meta["priority_IS"] for item in window]


def test_a_resumed_run_goes_on_with_its_beta_and_its_highest_priority():
    buffer, resumed = (filled(count=4, priority=3.0, beta=0.5, anneal=8) for _ in range(2))
    buffer.push({"n": 4, "done": False}, {"priority": 8.0})
    buffer.delete(buffer[4].index)
    for _ in range(3):
        buffer.sample(1)
    resumed.load_state_dict(buffer.state_dict())

    assert buffer.stats()["sequence"] == resumed.stats()["sequence"]
    assert (8.0, 0.6875) == tuple(resumed.stats()["sequence"][key] for key in ("max_priority", "beta"))


def test_after_clear_it_starts_anew():
    buffer = filled(count=6, priority=9.0)
    buffer.clear()
    with pytest.raises(NotEnoughItems):
        buffer.sample(1)
    for number in range(2):
        buffer.push({"n": number, "done": False})

    assert [1.0, 1.0] == steps_of(buffer)
    assert [(0, 1)] == numbers_of(buffer.sample(1))


def test_windows_that_reached_a_deleted_step_lose_its_priority():
    buffer = filled(count=6, priority=0.0, pad="end", length=3)
    buffer.update([buffer[3].index], meta={"priority": [5.0]})
    buffer.delete(buffer[3].index)

    assert 5 == len({window[0] for window in numbers_of(buffer.sample(60))})
    assert [0.0] * 5 == steps_of(buffer)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("settings", [{}, {"pad": "both", "burn_in": 2}, {"overlap": 1, "length": 3}])
def test_after_any_operations_the_masses_are_those_of_the_steps(storage, settings):
    rng = np.random.default_rng(0)
    buffer = filled(storage, 0, 30, **settings)
    for number in range(300):
        meta = {"env": int(rng.integers(2))} | (
            {"priority": float(rng.integers(9))} if rng.random() < 0.5 else {}
        )
        buffer.push({"n": number, "done": bool(rng.random() < 0.1)}, meta)
        if number % 3 == 0:
            some = [buffer[int(place)].index for place in rng.integers(len(buffer), size=4)]
            buffer.update(some, meta={"priority": rng.random(4)})
        if number % 11 == 0:
            buffer.delete([buffer[int(rng.integers(len(buffer)))].index])
        if number % 50 == 0:
            buffer.load_state_dict(buffer.state_dict())
        if number % 2 == 0:
            steps_of(buffer)
    steps_of(buffer)
    assert 5 == len(buffer.sample(5))
