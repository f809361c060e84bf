from __future__ import annotations

import pytest

from ding_buffer.learners.shortage import ShortageNotice

ROOM = "ding_buffer.learners.shortage"


def test_waiting_is_said_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    notice = ShortageNotice()
    with caplog.at_level("INFO", ROOM):
        for _ in range(3):
            notice.waiting("2 of 4 items")
        notice.over()
        notice.over()
        notice.waiting("3 of 4 items")

    expected = [
        "training waits for more data: 2 of 4 items",
        "enough data: training goes on after 3 skipped attempts",
        "training waits for more data: 3 of 4 items",
    ]
    assert expected == caplog.messages


def test_waiting_is_said_every_time_on_request(caplog: pytest.LogCaptureFixture) -> None:
    notice = ShortageNotice(every_time=True)
    for _ in range(3):
        notice.waiting("too little")

    assert 3 == len(caplog.messages)
