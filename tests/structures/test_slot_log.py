from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.slot_log import SlotLog

STEP = st.one_of(
    st.tuples(st.just("push"), st.integers(1, 90)),
    st.tuples(st.just("push many"), st.integers(0, 300)),
    st.tuples(st.just("pop"), st.integers(1, 60)),
    st.tuples(st.just("remove the oldest but"), st.lists(st.integers(0, 9), max_size=3)),
    st.tuples(st.just("remove"), st.lists(st.integers(0, 300), min_size=1, max_size=40)),
)


def made(capacity, count):
    return SlotLog(capacity, np.arange(count) * 2, np.arange(count), np.arange(0), count), [
        (2 * n, n) for n in range(count)
    ]


def agree(log, held):
    slots, serials, count = [slot for _, slot in held], [serial for serial, _ in held], len(held)
    assert slots == log.live().tolist()
    assert serials == log.serials_of(np.array(slots)).tolist()
    assert slots == log.slots_of(np.array(serials)).tolist()
    assert [-1, -1] == log.slots_of(np.array([serials[0] - 1, serials[-1] + 1])).tolist()
    assert slots == log.slots_at(np.arange(count), count).tolist()
    assert slots == [log.slot_at(position, count) for position in range(count)]
    assert list(range(count)) == [log.position_of(slot) for slot in slots]
    assert slots[0] == log.oldest()
    for some in {1, count // 3, count} - {0}:
        assert slots[:some] == log.oldest_many(some).tolist()


@settings(max_examples=60)
@given(st.sampled_from([3, 40, 300]), st.integers(0, 10**6), st.lists(STEP, max_size=12))
def test_it_agrees_with_a_list_of_serials_and_slots(capacity, seed, steps):
    log, held = made(capacity, 1 + seed % capacity)
    serial = 2 * capacity
    for step, what in steps:
        for _ in range(what if step == "push" else 0):
            if len(held) < capacity:
                slot = log.push(serial)
                assert slot not in {slot for _, slot in held}
                held.append((serial, slot))
                serial += 1 + seed % 2
        if step == "push many":
            new = serial + np.arange(min(what, capacity - len(held)))
            slots = log.push_many(new).tolist()
            assert not {*slots} & {slot for _, slot in held}
            held += zip(new.tolist(), slots, strict=True)
            serial += len(new)
        for _ in range(min(what, len(held) - 1) if step == "pop" else 0):
            log.pop_oldest()
            held.pop(0)
        if step.startswith("remove"):
            gone = {held[place % len(held)][1] for place in what} - {held[-1][1]}
            if step == "remove the oldest but":
                gone = {slot for _, slot in held[: min(10, len(held) - 1)]} - gone
            log.remove(np.array(sorted(gone), dtype=np.int64))
            held = [pair for pair in held if pair[1] not in gone]
            log.tidy(len(held))
        agree(log, held)


def test_slots_that_were_let_go_are_used_before_those_that_never_were():
    log, _ = made(6, 4)
    log.remove(np.array([1]))

    assert [1, 4, 5] == [log.push(serial) for serial in (100, 101, 102)]


def test_a_log_of_mostly_holes_is_packed():
    log, held = made(1000, 1000)
    log.remove(np.arange(10, 1000))
    log.tidy(10)

    assert 200 > len(log._slots)
    agree(log, held[:10])


def test_a_log_that_only_moves_on_does_not_grow():
    log, held = made(10, 10)
    for serial in range(100, 1100):
        log.pop_oldest()
        held.pop(0)
        held.append((serial, log.push(serial)))

    assert 100 > len(log._slots)
    agree(log, held)


def test_a_free_slot_has_no_serial_whatever_lay_there_before():
    log, _ = made(2000, 2000)
    log.remove(np.arange(3, 2000))
    log.tidy(3)
    for serial in range(5000, 5100):
        log.pop_oldest()
        log.push(serial)

    free = np.setdiff1d(np.arange(2000), log.live())
    assert {-1} == set(log.serials_of(free).tolist())


@given(st.integers(0, 30), st.lists(st.integers(0, 9), max_size=9, unique=True), st.integers(1, 20))
def test_many_are_given_the_slots_that_one_after_another_would_be(count, gone, spare):
    many, single = (made(10 + count + spare, 11)[0] for _ in range(2))
    for log in (many, single):
        if gone:
            log.remove(np.array(gone))
    serials = np.arange(100, 100 + count)

    assert [single.push(serial) for serial in serials] == many.push_many(serials).tolist()
    assert single.free.tolist() == many.free.tolist()
    assert single.fresh == many.fresh
    assert single.live().tolist() == many.live().tolist()
