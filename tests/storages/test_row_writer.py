from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.storages.row_writer import SERIAL_BITS
from tests.storages.mapped_rows import mapped, write, writer_of


def test_rows_are_used_in_turn_and_a_returned_one_after_all_that_were_free():
    writer = writer_of(*mapped(4))
    assert 8 == writer.free
    first = write(writer, 3, give_back=False)
    assert [0, 1, 2] == first.tolist()
    writer.give_back(first[[1, 0]])

    assert [3, 4, 5, 6, 7, 1, 0] == write(writer, 7).tolist()
    assert 7 == writer.free


def test_a_row_is_marked_while_it_is_written_and_found_only_afterwards():
    plan, rows = mapped(4)
    writer = writer_of(plan, rows)
    places, stamps = writer.begin(2)
    assert [(1 << SERIAL_BITS) + 1, (2 << SERIAL_BITS) + 1] == rows.versions[places].tolist()
    assert [0] == rows.written.tolist()
    writer.finish(places, stamps)
    assert [1 << SERIAL_BITS, 2 << SERIAL_BITS] == rows.versions[places].tolist() == stamps.tolist()
    assert places.tolist() == rows.log[:2].tolist()
    assert [2] == rows.written.tolist()

    place, stamp = writer.begin_one()
    assert (3 << SERIAL_BITS) + 1 == rows.versions[place]
    assert [2] == rows.written.tolist()
    writer.finish_one(place, stamp)
    assert 3 << SERIAL_BITS == rows.versions[place] == stamp
    assert place == rows.log[2]
    assert [3] == rows.written.tolist()


def test_a_payload_that_is_replaced_gets_another_version_of_the_same_serial():
    plan, rows = mapped(4)
    writer = writer_of(plan, rows)
    (place,) = write(writer, 1, give_back=False)
    seen = set()
    for _ in range(1 << (SERIAL_BITS - 1)):
        stamp = writer.begin_again(int(place))
        assert rows.versions[place] & 1
        writer.finish_again(int(place), stamp)
        assert stamp == rows.versions[place]
        assert 1 == stamp >> SERIAL_BITS
        seen.add(int(stamp))
    assert 1 << (SERIAL_BITS - 1) == len(seen)
    assert 1 << SERIAL_BITS == rows.versions[place]  # all the way round


def test_the_second_writer_has_rows_of_its_own():
    plan, rows = mapped(8, 2)
    first, second = writer_of(plan, rows, 0), writer_of(plan, rows, 1)
    places = {*write(first, 8).tolist()}, {*write(second, 8).tolist()}

    assert ({*range(8)}, {*range(8, 16)}) == places
    assert [8, 8] == rows.written.tolist()


def test_who_comes_after_another_begins_with_what_died_half_written_then_the_oldest():
    plan, rows = mapped(4)
    writer = writer_of(plan, rows)
    write(writer, 6, give_back=False)
    writer.begin(1)
    heir = writer_of(plan, rows, held=np.array([3, 5]))

    assert 6 == heir.serial
    assert 6 == heir.free
    assert [6, 7, 0, 1, 2, 4] == write(heir, 6).tolist()
    assert 12 == heir.serial
    assert [12] == rows.written.tolist()


@given(st.integers(1, 9), st.lists(st.integers(0, 8), max_size=60))
def test_it_agrees_with_a_queue(capacity, counts):
    plan, rows = mapped(capacity)
    writer, free = writer_of(plan, rows), [*range(plan.starts[1])]
    held: list[int] = []
    log: list[int] = []
    for count in counts:
        count = min(count, len(free))
        if count == 1:
            place, stamp = writer.begin_one()
            writer.finish_one(place, stamp)
            places = [place]
        else:
            places = write(writer, count, give_back=False).tolist()
        assert free[:count] == places
        free, held, log = free[count:], held + places, log + places
        assert len(log) == writer.serial == rows.written[0]
        kept = capacity // 2
        leaving, held = held[: len(held) - kept or len(held)], held[len(held) - kept or len(held) :]
        writer.give_back(np.array(leaving, dtype=np.int64))
        free += leaving
        assert len(free) == writer.free
    size = plan.starts[1]
    for serial in range(max(0, len(log) - size), len(log)):
        assert log[serial] == rows.log[serial % size]
