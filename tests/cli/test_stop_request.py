from __future__ import annotations

import signal

import pytest

from ding_buffer.cli.stop_request import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_wish(number) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.wanted
        signal.raise_signal(number)
        assert stop.wanted

    assert before == signal.getsignal(number)


def test_the_second_interrupt_is_obeyed_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert before == signal.getsignal(signal.SIGINT)
