from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.storages import row_reader
from ding_buffer.storages.row_reader import RowReader
from ding_buffer.storages.row_writer import SERIAL_BITS
from tests.storages.mapped_rows import mapped, write, writer_of


def serials(news):
    return (news.stamps >> SERIAL_BITS) - 1


def looked(reader):
    """Returns the news and takes them in."""
    news = reader.look()
    reader.took(news)
    return news


def test_it_is_behind_until_it_has_looked():
    plan, rows = mapped(8)
    writer, reader = writer_of(plan, rows), RowReader(rows, plan)
    assert not reader.behind()
    write(writer, 3)
    assert reader.behind()
    news = looked(reader)
    assert not reader.behind()

    assert [0, 1, 2] == serials(news).tolist() == news.metas[:, 1].tolist()
    assert [0, 1, 2] == news.rows.tolist() == news.touched.tolist()
    assert [] == news.outlived.tolist()
    assert 0 == reader.missed


def test_what_was_not_taken_in_is_news_again_and_counted_once_it_was():
    plan, rows = mapped(4)
    writer, reader = writer_of(plan, rows), RowReader(rows, plan)
    write_often(writer, 7)
    assert 4 == len(reader.look().rows)
    assert reader.behind()
    write(writer, 1)
    news = reader.look()
    assert [4, 5, 6, 7] == serials(news).tolist()
    assert 0 == reader.missed
    reader.took(news, lost=1)
    reader.took(news, lost=1)
    assert not reader.behind()
    assert 4 + 1 == reader.missed


def test_what_a_successor_did_not_look_at_is_missed():
    plan, rows = mapped(8)
    reader = RowReader(rows, plan)
    write(writer_of(plan, rows), 3)
    reader.succeed(0, 3)
    assert not reader.behind()
    assert 3 == reader.missed


def test_what_one_wrote_oneself_is_no_news():
    plan, rows = mapped(8, 2)
    writer, reader = writer_of(plan, rows), RowReader(rows, plan)
    write(writer, 3)
    reader.note(0, 3)
    assert not reader.behind()


def test_what_had_its_time_before_is_neither_news_nor_missed():
    plan, rows = mapped(8)
    write_often(writer_of(plan, rows), 30)
    reader = RowReader(rows, plan)

    assert list(range(22, 30)) == serials(looked(reader)).tolist()
    assert 0 == reader.missed


def write_often(writer, count):
    while count:
        write(writer, min(count, 3))
        count -= min(count, 3)


def test_more_than_a_share_at_once_is_missed_but_for_the_newest():
    plan, rows = mapped(8)
    writer, reader = writer_of(plan, rows), RowReader(rows, plan)
    write_often(writer, 8)
    looked(reader)
    write_often(writer, 100)
    news = looked(reader)

    assert list(range(100, 108)) == serials(news).tolist()
    assert 92 == reader.missed
    assert {*range(16)} == {*news.touched.tolist()}


def test_rows_that_have_become_too_old_are_named_with_the_least_that_is_not():
    plan, rows = mapped(8)
    writer, reader = writer_of(plan, rows), RowReader(rows, plan)
    write_often(writer, 8)
    before = looked(reader)
    write_often(writer, 3)
    news = looked(reader)

    assert before.rows[:3].tolist() == news.outlived.tolist()
    assert {4 << SERIAL_BITS} == set(news.least.tolist())


def test_of_several_writers_it_is_as_if_they_had_taken_turns():
    plan, rows = mapped(24, 2)
    first, second = writer_of(plan, rows, 0), writer_of(plan, rows, 1)
    reader = RowReader(rows, plan)
    write(first, 2)
    write(second, 6)
    news = looked(reader)

    owners = (news.rows >= plan.starts[1]).astype(int).tolist()
    assert [1, 0, 1, 1, 1, 0, 1, 1] == owners
    for owner in range(2):
        mine = serials(news)[np.array(owners) == owner]
        assert sorted(mine) == mine.tolist()


def test_a_row_that_is_half_written_again_is_missed(monkeypatch):
    plan, rows = mapped(4)
    writer, reader = writer_of(plan, rows), RowReader(rows, plan)
    write(writer, 4)
    write(writer, 4)
    writer.begin(2)  # of those that came first
    rows.versions[writer._queue[(writer._head + 5) % 8]] |= 1
    monkeypatch.setattr(row_reader, "_TRIES", 2)
    news = looked(reader)

    assert len(news.rows) < 4
    assert 8 - len(news.rows) == reader.missed


@settings(max_examples=60)
@given(
    st.integers(2, 12),
    st.integers(1, 2),
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 20), st.booleans()), max_size=30),
)
def test_everything_comes_once_and_in_order_or_is_counted(capacity, writers, steps):
    plan, rows = mapped(capacity, writers)
    reader = RowReader(rows, plan)
    hands = [writer_of(plan, rows, number) for number in range(writers)]
    came = [[] for _ in hands]  # type: ignore[var-annotated]
    for hand, count, look in [*steps, (0, 1, True)]:
        write_often(hands[hand % writers], count)
        if look:
            news = looked(reader)
            for place, serial, number in zip(news.rows, serials(news), news.metas[:, 1], strict=True):
                owner = int(np.searchsorted(plan.starts, place, side="right")) - 1
                assert serial == number
                came[owner].append(int(serial))
    for hand, serials_of_it in zip(hands, came, strict=True):
        assert sorted(set(serials_of_it)) == serials_of_it
        newest = range(max(0, hand.serial - plan.shares[hand.number]), hand.serial)
        assert set(newest) <= set(serials_of_it) or reader.seen[hand.number] < hand.serial
    assert sum(map(len, came)) + reader.missed == reader.seen.sum()
