from __future__ import annotations

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.testing.twin_driver import KINDS, TwinDriver


def driver(size=6, layers=(), **options):
    return TwinDriver(DequeBuffer(size, seed=0).use(list(layers)), **options)


def drive(one):
    for number in range(9):
        one.push(number % 3)
    one.extend([0, None, 1])
    one.extend([0, 1], columns=True)
    one.extend([])
    one.update(12, 2, with_data=True)
    one.update(0, 2)
    one.update_many([12, 12, 0, 10], 1)
    for kind in range(len(one.kinds)):
        for size in (1, 3, 9):
            for step in (1, 2):
                one.sample(kind, size, start=size, length=5, step=step)
    one.delete([11, 11, 0])
    one.delete([9], elsewhere=True)
    one.reload()
    one.move_to_copy()
    one.clear()
    return one


def test_a_right_buffer_agrees_at_every_step():
    one = drive(driver())

    assert one.bare
    assert 15 == len(one.known)
    assert 0 == len(one.buffer)


def test_it_starts_from_what_is_there_already():
    buffer = DequeBuffer(4, seed=0)
    buffer.extend(range(3), {"env": [0, 1, 2]})
    one = TwinDriver(buffer)
    one.agree()
    one.follow()
    one.push(1)

    assert 4 == len(one.twin)


def test_before_anything_is_known_there_is_nothing_to_do():
    one = driver()
    one.update(3, None)
    one.update_many([1], 1)
    one.delete([1])
    for kind in range(6):
        one.sample(kind, 1)

    assert 0 == len(one.twin)


def test_following_twice_is_following_once():
    one = driver()
    one.follow()
    one.follow()
    drive(one)


def test_the_ways_to_sample_can_be_chosen():
    assert ["groups", "windows"] == driver(kinds=["windows", "groups"]).kinds
    assert list(KINDS) == driver().kinds


def test_payloads_metas_and_queries_can_be_given():
    class Wants(Middleware):
        """Wants a keyword and a meta."""

        def sample(self, chain, size=None, *, wanted=None, **query):
            assert wanted == 1
            assert all("note" in self.buffer.get(place).meta for place in range(len(self.buffer)))
            return chain(size=size, **query)

    one = driver(
        layers=[Wants()],
        payload=lambda number: [number],
        meta=lambda number: {"note": number},
        query={"wanted": 1},
        same=lambda left, right: left[0] == right[0],
    )
    drive(one)

    assert not one.bare


class Refuses(Middleware):
    """Takes every other item."""

    def push(self, chain, data, meta=None):
        return chain(data, meta=meta) if data % 2 else None


class Holds(Middleware):
    """Holds an item back and brings it with the next."""

    def __init__(self):
        self.held = []

    def push(self, chain, data, meta=None):
        self.held.append((data, meta))
        if len(self.held) < 2:
            return None
        items = [chain(data, meta=meta) for data, meta in self.held]
        self.held = []
        return items[-1]


@pytest.mark.parametrize(("layer", "known"), [(Refuses, 10), (Holds, 20)])
def test_a_layer_may_refuse_items_or_hold_them_back(layer, known):
    one = driver(layers=[layer()])
    for number in range(20):
        one.push(number % 3)
    one.follow()
    one.delete([3, 4])
    one.sample(0, 2)

    assert known == len(one.known)


def fault(name, change):
    """Makes a buffer whose method of a name does something else."""
    return type("Faulty", (DequeBuffer,), {name: change})


def lose_one(self, size=None, **query):
    return DequeBuffer.sample(self, size, **query)[:-1] or [self[0]]


def twice(self, size=None, **query):
    batch = DequeBuffer.sample(self, size, **query)
    return [batch[0]] * len(batch)


FAULTS = {
    "sample gives too few": ("sample", lose_one),
    "sample gives one object twice": ("sample", twice),
    "sample ignores the range": (
        "sample",
        lambda self, size=None, sample_range=None, **query: DequeBuffer.sample(self, size, **query),
    ),
    "delete tells too many": ("delete", lambda self, indices: DequeBuffer.delete(self, indices) + 1),
    "delete does nothing": ("delete", lambda self, indices: len(list(indices))),
    "clear leaves something": ("clear", lambda self: DequeBuffer.delete(self, self[0].index)),
    "update is never late": (
        "update",
        lambda self, *args, **kwargs: DequeBuffer.update(self, *args, **kwargs) or True,
    ),
    "a push turns the order round": (
        "__iter__",
        lambda self: iter(list(DequeBuffer.__iter__(self))[::-1]),
    ),
}


def drive_many(make):
    for seed in range(4):
        drive(TwinDriver(make(6, seed=seed)))


@pytest.mark.parametrize(("name", "change"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found(name, change):
    with pytest.raises(AssertionError):
        drive_many(fault(name, change))


def test_a_layer_that_hands_out_what_is_gone_is_found():
    class Remembers(Middleware):
        """Returns items it has seen."""

        def __init__(self):
            self.seen = []

        def sample(self, chain, size=None, **query):
            self.seen += chain(size=size, **query)
            return self.seen

    with pytest.raises(AssertionError):
        drive(driver(layers=[Remembers()]))


def test_an_event_that_is_not_told_is_found():
    one = driver()
    one.follow()
    one.push(0)
    tell, one.buffer.store.tell = one.buffer.store.tell, lambda event, *what: None
    with pytest.raises(AssertionError):
        one.push(0)
    one.buffer.store.tell = tell
