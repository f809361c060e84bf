"""Whatever an action on shared rows is broken off at, everybody goes on."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import Overtaken
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from tests.storages.broken_off import Breaker
from tests.storages.shared_processes import numbers, pair, reader_of, row, storage_of

SIZE = 12
_EVERY = 211
"""Each of these lines is tried; which comes first differs from case to case."""


class _Breaker(Breaker):
    """Leaves out the lock, whose ``with`` has a gap between lines that Ctrl-C does not strike in."""

    def _call(self, frame, event, argument):
        lock = frame.f_code.co_filename.endswith("arrival_lock.py")
        return None if lock else super()._call(frame, event, argument)


def _broken_off(action, line):
    breaker = _Breaker(line)
    with contextlib.suppress(KeyboardInterrupt), breaker:
        action()
    return breaker.where


def _rows(start, count):
    metas = {"number": np.arange(start, start + count), "priority": 1.0 + np.arange(count) % 3}
    return [row(start + place) for place in range(count)], metas


def _push(buffer, number):
    buffer.push(row(number), {"number": number, "priority": 2.0})


class _World:
    """Two writers and a reader who have pushed for a while, and deleted something."""

    def __init__(self, writers, gaps):
        self.one, self.other = pair(SIZE, writers=writers)
        self.one.use(use_time_check(max_use=50), PriorityExperienceReplay())
        self.two = reader_of(self.one, writer=1) if writers > 1 else self.other
        self.mine, self.theirs = (self.one, self.two) if writers > 1 else (self.one, self.one)
        self.reader = self.other if writers == 1 else self.one
        self.buffers = [self.one, self.other] if writers == 1 else [self.one, self.two, self.other]
        _push(self.one, 0)
        for number in range(1, 40, 4):
            self.theirs.extend(*_rows(number, 3))
            _push(self.one, number + 3)
        if gaps:
            for buffer in (self.one, self.two):
                buffer.delete([buffer[1].index, buffer[4].index])
        self.theirs.extend(*_rows(50, 2))
        for buffer in self.buffers:
            len(buffer)

    def check(self):
        for buffer in self.buffers:
            assert not buffer._lock.mutex._is_owned()
            buffer.store.check()
            for item in buffer:
                (seen,) = {*item.data["obs"].tolist()}
                assert item.data["n"] == item.meta["number"] == int(seen)
            batch = buffer.sample(8, replace=True, ignore_insufficient=True)
            if len(batch):
                assert batch.data["n"].tolist() == batch.meta["number"].tolist()
            _check_rows(storage_of(buffer)._shared)
            stats = buffer.stats()
            assert len(buffer) == stats["pushed"] - stats["evicted"] - stats["deleted"] - stats["cleared"]

    def written(self):
        return int(storage_of(self.one)._shared._mapped.written.sum())

    def walk(self, rng):
        """Goes on, and expects that what is pushed arrives."""
        for step in range(rng.randrange(4, 16)):
            number = 1000 + 10 * step
            buffer = rng.choice([self.mine, self.theirs])
            if rng.random() < 0.5:
                _push(buffer, number)
                count = 1
            else:
                count = rng.randrange(1, 5)
                buffer.extend(*_rows(number, count))
            for each in self.buffers:
                assert number + count - 1 == each[-1].data["n"]
                if rng.random() < 0.2:
                    each.delete(each[len(each) // 2].index)
        self.check()


def _check_rows(rows):
    """Raises where a row is in use twice, or neither in use nor free."""
    held = rows._rows[rows._rows >= 0].tolist()
    assert len({*held}) == len(held)
    writer = rows._writer
    if writer is not None:
        places = np.arange(writer._head, writer._head + writer.free) % len(writer._queue)
        own = [place for place in held if writer.owns(place)]
        assert sorted([*writer._queue[places].tolist(), *own]) == list(range(writer.start, writer.stop))


def _overtaken(world):
    """Samples where what is drawn is written over at that moment."""
    storage, tried = storage_of(world.reader), list[Any]()
    take = storage.take

    def late(slots, repeats=True):
        if not tried:
            tried.append(slots)
            for step in range(4):
                world.theirs.extend(*_rows(200 + 6 * step, 6))
        return take(slots, repeats)

    storage.take = late
    try:
        world.reader.sample(6)
    finally:
        del storage.take


def _update(world):
    """Replaces payloads that this process pushed; in whole they can be told from those before."""
    rows = storage_of(world.mine)._shared
    own = [slot for slot in world.mine.store.live() if rows._own().owns(rows._rows.item(slot))]
    (item,) = world.mine.store.items(own[-1:])
    world.mine.update(item.index, data={**item.data, "obs": item.data["obs"] + 0.5}, meta=item.meta)


ACTIONS = {
    "push": lambda world: _push(world.mine, 100),
    "extend": lambda world: world.mine.extend(*_rows(100, 4)),
    "extend beyond the share": lambda world: world.mine.extend(*_rows(100, SIZE + 3)),
    "update": lambda world: _update(world),
    "delete": lambda world: world.mine.delete([world.mine[1].index, world.mine[5].index]),
    "clear": lambda world: world.mine.clear(),
    "arrive": lambda world: len(world.reader),
    "sample": lambda world: world.reader.sample(5),
    "sample what is overtaken": _overtaken,
}


def _try(writers, gaps, action, line):
    world = _World(writers, gaps)
    if action in ("arrive", "sample"):
        world.theirs.extend(*_rows(100, 6))
        if writers > 1:
            world.theirs.extend(*_rows(106, 3))
    before = world.written()
    where = _broken_off(lambda: ACTIONS[action](world), line)
    if action in ("arrive", "sample"):
        for buffer in world.buffers:
            len(buffer)
            # Everything came or was missed, once: nothing that was broken off was pushed here.
            assert before == buffer.stats()["pushed"] + buffer.stats()["missed"] == world.written(), where
    world.check()
    world.walk(random.Random(line))
    return bool(where)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("gaps", [False, True], ids=["dense", "gaps"])
@pytest.mark.parametrize("writers", [1, 2])
def test_an_action_that_is_broken_off_leaves_everybody_in_step(writers, gaps, action):
    line = random.Random(f"{writers} {gaps} {action}").randrange(1, _EVERY)
    while _try(writers, gaps, action, line):
        line += _EVERY


class _Refusing(Middleware):
    """Fails on whatever comes until it is told not to."""

    def __init__(self):
        self.refuses = True

    def on_filled(self, slots):
        if self.refuses:
            raise ZeroDivisionError


def test_what_a_layer_fails_on_when_it_arrives_is_missed_once():
    one, other = pair(8)
    layer = _Refusing()
    other.use(layer)
    one.extend(*_rows(0, 3))
    with pytest.raises(ZeroDivisionError):
        len(other)
    assert 0 == len(other)
    assert 3 == other.stats()["missed"]
    layer.refuses = False
    one.extend(*_rows(3, 2))
    assert [3, 4] == numbers(other)
    assert 3 == other.stats()["missed"]


def test_a_push_that_was_broken_off_does_not_arrive_where_it_was_made():
    one, other = pair(8)
    layer = _Refusing()
    one.use(layer)
    with pytest.raises(ZeroDivisionError):
        one.push(row(1))
    assert [] == numbers(one)
    assert [1] == numbers(other)
    layer.refuses = False
    one.push(row(2))
    assert [2] == numbers(one)
    assert [1, 2] == numbers(other)


def test_who_takes_over_a_number_has_missed_what_it_did_not_look_at():
    one, other = pair(8)
    _push(one, 1)
    assert [1] == numbers(other)
    with other.store.lock:
        _push(one, 2)
        storage_of(one).close()
        storage_of(other).claim()
        _push(other, 3)
    assert [1, 3] == numbers(other)
    assert 1 == other.stats()["missed"]


def test_overtaken_items_go_with_older_ones_and_the_order_stays_arithmetic():
    one, other = pair(8)
    one.extend(*_rows(0, 8))
    with other.store.lock:
        one.extend(*_rows(8, 12))  # the spare rows, then those of the four oldest
        slots = other.store.ring.live()
        with pytest.raises(Overtaken) as raised:
            storage_of(other).take(slots[[2, 6]])
        other.store.overtaken(raised.value.slots)
        assert [4, 5, 6, 7] == numbers(other)
        assert other.store.ring.dense
    assert list(range(12, 20)) == numbers(other)
    assert other.store.ring.dense


def test_of_a_writer_who_deletes_only_what_was_overwritten_goes():
    one, other = pair(8)
    one.extend(*_rows(0, 8))
    one.delete([one[6].index])
    with other.store.lock:
        slots = other.store.ring.live()
        one.extend(*_rows(8, 9))  # the spare rows, then the one it deleted
        with pytest.raises(Overtaken) as raised:
            storage_of(other).take(slots)
        other.store.overtaken(raised.value.slots)
        assert [0, 1, 2, 3, 4, 5, 7] == numbers(other)
