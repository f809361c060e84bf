from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.learners.halves import close_all, first_half, second_half


def test_a_plain_function_has_no_second_half() -> None:
    assert first_half(lambda ctx: [ctx], 3) is None


def test_a_second_yield_ends_the_generator() -> None:
    trace: list[str] = []

    def yields_twice(ctx: Any) -> Any:
        try:
            yield
            trace.append("second")
            yield
            trace.append("third")
        finally:
            trace.append("closed")

    half = first_half(yields_twice, None)
    assert half is not None
    second_half(half)

    assert ["second", "closed"] == trace


def test_every_generator_is_closed_even_if_one_raises_while_closing() -> None:
    trace: list[str] = []

    def waits(name: str) -> Any:
        def middleware(ctx: Any) -> Any:
            try:
                yield
            finally:
                trace.append(name)
                if name == "b":
                    raise ValueError(name)

        return middleware

    halves = [half for name in "abc" if (half := first_half(waits(name), None)) is not None]
    with pytest.raises(ValueError, match="b"):
        close_all(halves)

    assert ["c", "b", "a"] == trace
