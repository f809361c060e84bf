"""Any buffer, with any layers, against a list and linear scans.

Whoever ships a layer or a storage puts it in a buffer and lets this find out::

    def test_my_layer_drops_and_invents_nothing():
        check_buffer(DequeBuffer(20, seed=0).use(MyLayer()), query={"my_keyword": 3})

    TestMyLayer = buffer_machine(lambda: DequeBuffer(5, seed=0).use(MyLayer())).TestCase

The first takes a fixed random walk; the second lets Hypothesis look for a short one that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ding_buffer.testing.twin_driver import TwinDriver

_ENVS = st.one_of(st.none(), st.integers(0, 3))
_CHOICES = st.lists(st.integers(0, 60), max_size=8)


def check_buffer(buffer: Any, *, steps: int = 300, seed: int = 0, **options: Any) -> TwinDriver:
    """Drives a buffer through ``steps`` random operations beside its ``NaiveTwin`` and compares after each.

    ``options`` are those of ``TwinDriver``: ``payload``, ``meta``, ``query``, ``kinds``, ``same``. From the
    middle on a layer in another view follows the events too. Returns the driver, to go on from there.
    """
    rng = np.random.default_rng(seed)
    driver = TwinDriver(buffer, **options)
    for step in range(steps):
        if step == steps // 2:
            driver.follow()
        _MOVES[int(rng.choice(len(_MOVES), p=_SHARES))](driver, _Dice(driver, rng))
    return driver


class _Dice:
    """Random arguments for a driver's operations."""

    def __init__(self, driver: TwinDriver, rng: np.random.Generator) -> None:
        self.rng = rng
        self.known = max(len(driver.known), 1)
        self.size = driver.buffer.size
        self.recent = self.known - 1 - self.below(min(self.known, 2 * self.size))

    def below(self, bound: int) -> int:
        return int(self.rng.integers(bound))

    def flip(self) -> bool:
        return bool(self.below(2))

    def env(self) -> int | None:
        return None if self.rng.random() < 0.2 else self.below(4)

    def envs(self) -> list[int | None]:
        return [self.env() for _ in range(self.below(self.size // 2 + 2))]

    def choices(self) -> list[int]:
        return [self.recent, *(self.below(self.known) for _ in range(self.below(5)))]


_MOVES: list[Callable[[TwinDriver, _Dice], None]] = [
    lambda driver, dice: driver.push(dice.env()),
    lambda driver, dice: driver.extend(dice.envs(), columns=dice.flip()),
    lambda driver, dice: driver.update(dice.recent, dice.env(), with_data=dice.flip()),
    lambda driver, dice: driver.update_many([*dice.choices(), dice.recent], dice.env()),
    lambda driver, dice: driver.delete([*dice.choices(), dice.recent], elsewhere=dice.flip()),
    lambda driver, dice: driver.sample(
        kind=dice.below(100),
        size=1 + dice.below(6),
        start=dice.below(13),
        length=dice.below(8),
        step=1 + dice.below(2),
        unroll_len=1 + dice.below(3),
    ),
    lambda driver, dice: driver.clear(),
    lambda driver, dice: driver.reload(),
    lambda driver, dice: driver.move_to_copy(),
]
_SHARES = [0.3, 0.1, 0.08, 0.07, 0.12, 0.28, 0.015, 0.02, 0.015]


def buffer_machine(make_buffer: Callable[[], Any], **options: Any) -> type[RuleBasedStateMachine]:
    """Returns a Hypothesis state machine over the buffers that ``make_buffer`` makes.

    Its ``TestCase`` is the test; ``options`` are those of ``TwinDriver``.
    """

    class BufferMachine(RuleBasedStateMachine):
        """Any operations in any order."""

        def __init__(self) -> None:
            super().__init__()
            self.driver = TwinDriver(make_buffer(), **options)

        @rule(env=_ENVS)
        def push(self, env: int | None) -> None:
            self.driver.push(env)

        @rule(envs=st.lists(_ENVS, max_size=6), columns=st.booleans())
        def extend(self, envs: list[int | None], columns: bool) -> None:
            self.driver.extend(envs, columns)

        @rule(choice=st.integers(0, 60), env=_ENVS, with_data=st.booleans())
        def update(self, choice: int, env: int | None, with_data: bool) -> None:
            self.driver.update(choice, env, with_data)

        @rule(choices=_CHOICES, env=_ENVS)
        def update_many(self, choices: list[int], env: int | None) -> None:
            self.driver.update_many(choices, env)

        @rule(choices=_CHOICES, elsewhere=st.booleans())
        def delete(self, choices: list[int], elsewhere: bool) -> None:
            self.driver.delete(choices, elsewhere)

        @rule(
            kind=st.integers(0, 5),
            size=st.integers(1, 6),
            start=st.integers(0, 12),
            length=st.integers(0, 7),
            step=st.integers(1, 2),
            unroll_len=st.integers(1, 3),
        )
        def sample(self, kind: int, size: int, start: int, length: int, step: int, unroll_len: int) -> None:
            self.driver.sample(kind, size, start, length, step, unroll_len)

        @precondition(lambda self: len(self.driver.twin) > 0)
        @rule()
        def clear(self) -> None:
            self.driver.clear()

        @rule()
        def reload(self) -> None:
            self.driver.reload()

        @rule()
        def move_to_copy(self) -> None:
            self.driver.move_to_copy()

        @rule()
        def follow(self) -> None:
            self.driver.follow()

    return BufferMachine
