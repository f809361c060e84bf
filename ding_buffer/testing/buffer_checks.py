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

    ``options`` are those of ``TwinDriver``: ``payload``, ``meta``, ``query``, ``kinds``, ``same``. From the middle on a layer in
    another view follows the events too. Returns the driver, to go on from there.
    """
    rng = np.random.default_rng(seed)
    driver = TwinDriver(buffer, **options)

    def some(bound: int, most: int) -> list[int]:
        return [int(one) for one in rng.integers(bound, size=int(rng.integers(most + 1)))]

    def env() -> int | None:
        return None if rng.random() < 0.2 else int(rng.integers(4))

    for step in range(steps):
        if step == steps // 2:
            driver.follow()
        known = max(len(driver.known), 1)
        recent = known - 1 - int(rng.integers(min(known, 2 * buffer.size)))
        match int(rng.choice(9, p=[0.3, 0.1, 0.08, 0.07, 0.12, 0.28, 0.015, 0.02, 0.015])):
            case 0:
                driver.push(env())
            case 1:
                driver.extend([env() for _ in some(1, buffer.size // 2 + 1)], columns=bool(rng.integers(2)))
            case 2:
                driver.update(recent, env(), with_data=bool(rng.integers(2)))
            case 3:
                driver.update_many([recent, *some(known, 4)], env())
            case 4:
                driver.delete([recent, recent, *some(known, 4)], elsewhere=bool(rng.integers(2)))
            case 5:
                numbers = rng.integers([100, 6, 13, 8, 2, 3]).tolist()
                driver.sample(numbers[0], 1 + numbers[1], *numbers[2:4], 1 + numbers[4], 1 + numbers[5])
            case 6:
                driver.clear()
            case 7:
                driver.reload()
            case _:
                driver.move_to_copy()
    return driver


def buffer_machine(make_buffer: Callable[[], Any], **options: Any) -> type[RuleBasedStateMachine]:
    """Returns a Hypothesis state machine over the buffers that ``make_buffer`` makes; its ``TestCase`` is the test.

    ``options`` are those of ``TwinDriver``.
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
