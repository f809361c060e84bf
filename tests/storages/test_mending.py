"""Whatever a change is broken off at, what is left is whole."""

from __future__ import annotations

import random

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.batch import flat
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages import mending
from ding_buffer.storages.column_storage import ColumnStorage
from tests.storages.broken_off import (
    LAYERS,
    MOST_USES,
    SIZE,
    STORAGES,
    Breaker,
    broken_off,
    check,
    content,
    made,
    step,
    steps,
    uses,
)

_EVERY = 71
"""Each of these lines is tried; which comes first differs from case to case."""

_UPDATED = {"priority": 9.0}


def _update_one(buffer):
    item = buffer[1]
    buffer.update(item.index, data={**item.data, "next_obs": -1.0}, meta={"env": 5, **_UPDATED})


def _update_many(buffer):
    chosen = [buffer[place] for place in (0, 2, 5)]
    buffer.update(
        [item.index for item in chosen],
        data=[{**item.data, "next_obs": -1.0} for item in chosen],
        meta={"env": [5, 5, 6], "priority": [9.0] * 3},
    )


def _update_priorities(buffer):
    buffer.update([buffer[place].index for place in (0, 2, 5)], meta={"priority": [9.0, 8.0, 7.0]})


ACTIONS = {
    "push": lambda buffer: buffer.push(*step(50)),
    "extend": lambda buffer: buffer.extend(*steps(50, 4)),
    "extend beyond the size": lambda buffer: buffer.extend(*steps(50, SIZE + 3)),
    "update one": _update_one,
    "update many": _update_many,
    "update priorities": _update_priorities,
    "delete": lambda buffer: buffer.delete([buffer[1].index, buffer[3].index]),
    "delete the oldest": lambda buffer: buffer.delete([buffer[0].index, buffer[1].index]),
    "delete all": lambda buffer: buffer.delete([item.index for item in buffer]),
    "clear": lambda buffer: buffer.clear(),
    "sample": lambda buffer: [buffer.sample(4) for _ in range(3)],
}


def _agrees(buffer, action, before, whole):
    """Tells that what is there is what was there before an action or what is there after it."""
    now = content(buffer)
    if action in ("push", "extend", "extend beyond the size"):
        # None of the new ones, and of the old ones those that had not given way yet.
        return list(now.items()) == list(before.items())[len(before) - len(now) :] or len(now) == whole
    if action.startswith("update"):
        return list(now) == list(before) and all(
            now[index] == before[index] or now[index][3] in (9.0, 8.0, 7.0) for index in now
        )
    if action == "sample":
        return now.items() <= before.items()
    return now == before or len(now) == whole


def _walk(buffer, rng, count):
    """Does so many actions and expects of each what a list of indices would say."""
    held, number = [item.index for item in buffer], 100
    for _ in range(count):
        what = rng.choice(["push", "push", "extend", "delete", "update", "sample", "sample"])
        number += 10
        if what == "push":
            held.append(buffer.push(*step(number)).index)
        elif what == "extend":
            held += [item.index for item in buffer.extend(*steps(number, rng.randrange(1, 5)))]
        elif what == "delete" and held:
            gone = rng.sample(held, min(len(held), 2))
            assert len(gone) == buffer.delete(gone)
            held = [index for index in held if index not in gone]
        elif what == "update" and held:
            named = rng.sample(held, min(len(held), 3))
            assert buffer.update(named, meta={"priority": [rng.random() for _ in named]}).all()
        elif what == "sample" and held:
            _sample(buffer)
            held = [index for index in held if buffer.store.slot_of(index) >= 0]
        held = held[-SIZE:]
        assert held == [item.index for item in buffer]
        check(buffer)


def _sample(buffer):
    before = {item.index: uses(buffer, item.index) for item in buffer}
    try:
        batch = buffer.sample(2)
    except NotEnoughItems:
        return
    drawn = [item for item in flat(batch) if item.index is not None]
    assert {item.index for item in drawn} <= set(before)
    for index in set(before) - {item.index for item in buffer}:
        assert before[index] + sum(item.index == index for item in drawn) >= MOST_USES


def _try(storage, layers, gaps, action, line):
    """Returns whether the action was broken off at the line; checks everything afterwards."""
    buffer = made(storage, layers, gaps)
    before = content(buffer)
    done = made(storage, layers, gaps)
    ACTIONS[action](done)
    where = broken_off(lambda: ACTIONS[action](buffer), line)
    check(buffer)
    assert _agrees(buffer, action, before, len(done)), where
    copy = made(storage, layers, gaps)
    copy.load_state_dict(buffer.state_dict())
    check(copy)
    assert content(copy) == content(buffer), where
    _walk(buffer, random.Random(line), 6 if line % 5 else 50)
    assert buffer._lock.mutex._is_owned() is False
    return bool(where)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("gaps", [False, True], ids=["dense", "gaps"])
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("storage", STORAGES)
def test_a_change_that_is_broken_off_leaves_everything_in_step(storage, layers, gaps, action):
    line = random.Random(f"{storage} {layers} {gaps} {action}").randrange(1, _EVERY)
    while _try(storage, layers, gaps, action, line):
        line += _EVERY


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("storage", STORAGES)
def test_mending_that_is_itself_broken_off_begins_again(storage, layers, monkeypatch):
    line, where = 5, "somewhere"
    whole = mending._mend
    while where:
        buffer = made(storage, layers, gaps=line % 2)
        before = content(buffer)
        attempts: list[Breaker] = []

        def broken(store, limit, attempts=attempts, line=line):
            attempts.append(Breaker(line))
            if len(attempts) > 1:
                whole(store, limit)
            else:
                with attempts[0]:
                    whole(store, limit)

        monkeypatch.setattr(mending, "_mend", broken)
        monkeypatch.setattr(buffer.store, "tell", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            buffer.extend(*steps(50, 3))
        where = attempts[0].where
        monkeypatch.undo()
        _finish(buffer, before, line)
        line += 43


def _finish(buffer, before, line):
    check(buffer)
    assert _agrees(buffer, "extend", before, -1)
    _walk(buffer, random.Random(line), 10)


def _interrupt(*_):
    raise KeyboardInterrupt


class _Failing(Middleware):
    """Fails at the first item that is told of."""

    def __init__(self):
        self.failed = False

    def on_filled(self, slots):
        if not self.failed:
            self.failed = True
            raise ZeroDivisionError


def test_what_a_layer_fails_on_has_not_been_stored_and_its_index_is_not_given_again():
    buffer = DequeBuffer(3, seed=0).use(use_time_check(max_use=2))
    kept = buffer.push(1)
    later = _Failing()
    buffer.use(later)
    with pytest.raises(ZeroDivisionError):
        buffer.push(2)
    assert [1] == [item.data for item in buffer]
    assert 1 == buffer.stats()["pushed"]
    again = buffer.push(3)
    assert [kept.index, again.index] == [item.index for item in buffer]
    assert [1, 3] == [item.data for item in buffer.get_by_index([kept.index, again.index])]


def test_use_counts_and_the_highest_priority_outlive_what_is_broken_off():
    priorities = PriorityExperienceReplay()
    buffer = DequeBuffer(4, seed=0).use(use_time_check(max_use=3), priorities)
    for number in range(4):
        buffer.push(number, meta={"priority": 5.0})
    buffer.update([item.index for item in buffer], meta={"priority": [1.0] * 4})
    buffer.sample(indices=[item.index for item in buffer])
    buffer.use(_Failing())
    with pytest.raises(ZeroDivisionError):
        buffer.extend([4, 5])
    assert [1, 2, 3] == [item.data for item in buffer]
    assert 5.0 == priorities.max_priority
    buffer.sample(indices=[item.index for item in buffer])
    assert [2, 2, 2] == [item.meta["use_count"] for item in buffer]


def test_what_a_payload_looks_like_is_forgotten_with_the_first_item_that_was_broken_off():
    buffer = DequeBuffer(4, storage=ColumnStorage(), seed=0)
    buffer.use(_Failing())
    with pytest.raises(ZeroDivisionError):
        buffer.push({"a": 1})
    buffer.push({"b": 2.0})
    assert [{"b": 2.0}] == [item.data for item in buffer]
