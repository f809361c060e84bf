from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.shared_segment import SharedSegment
from ding_buffer.storages.writer_seat import WriterSeat


@pytest.fixture
def segments():
    one = SharedSegment.create(None, 4096, lambda segment: None)
    other = SharedSegment.attach(one.name)
    yield one, other
    one.leave()
    other.leave()


def test_the_first_number_that_is_free_is_taken_when_one_is_needed(segments):
    one, other = (WriterSeat(segment, 2, open_to=True) for segment in segments)
    assert (None, None) == (one.number, other.number)

    assert (0, 0, 1) == (one.needed(), one.needed(), other.needed())
    assert (0, 1) == (one.number, other.number)
    assert 1 == other.claim() == other.claim(1)


def test_who_only_reads_has_to_claim_a_number_first(segments):
    seat = WriterSeat(segments[0], 2, open_to=False)
    with pytest.raises(BadArgument, match=r"This process only reads .*writer=0.*storage\.claim\(\)"):
        seat.needed()
    assert 1 == seat.claim(1)
    assert 1 == seat.needed()


def test_numbers_that_are_taken_or_do_not_exist_are_refused(segments):
    one, other = (WriterSeat(segment, 1, open_to=True) for segment in segments)
    one.claim(0)
    with pytest.raises(BadArgument, match=r"Writer 0 of .* is taken, by a process that is alive"):
        other.claim(0)
    with pytest.raises(BadArgument, match=r"All 1 writers of .* are taken\. Make it with more: writers=2"):
        other.claim()
    beyond: list[Any] = [1, -1, True, "0"]
    for wrong in beyond:
        with pytest.raises(BadArgument, match=f"writer must be a number from 0 to 0, got {wrong!r}"):
            other.claim(wrong)
    with pytest.raises(BadArgument, match="This process is writer 0 already, and cannot be writer 3 too"):
        one.claim(3)


def test_a_number_is_free_again_when_its_owner_leaves(segments):
    one, other = (WriterSeat(segment, 1, open_to=True) for segment in segments)
    one.claim()
    segments[0].leave()

    assert one.number is None
    with pytest.raises(BadArgument, match="was closed in this process"):
        one.claim()
    assert 0 == other.claim(0)


def test_a_number_that_was_taken_when_claiming_was_broken_off_is_ones_own(segments, monkeypatch):
    seat, claim = WriterSeat(segments[0], 2, open_to=True), segments[0].claim

    def interrupted(number):
        claim(number)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(segments[0], "claim", interrupted)
        with pytest.raises(KeyboardInterrupt):
            seat.claim()
    assert seat.number is None
    assert 0 == seat.claim()


def test_a_child_made_by_fork_is_nobody(segments):
    seat = WriterSeat(segments[0], 2, open_to=True)
    seat.claim()
    segments[0]._forked()  # what happens in the child

    assert seat.number is None
    assert seat.needed() in (0, 1)
