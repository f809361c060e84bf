from __future__ import annotations

import os
import signal

import pytest

from ding_buffer.cli.stop_request import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_wish(number) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.wanted
        os.kill(os.getpid(), number)
        assert stop.wanted

    assert before == signal.getsignal(number)


def test_the_second_interrupt_is_obeyed_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)

    assert before == signal.getsignal(signal.SIGINT)
