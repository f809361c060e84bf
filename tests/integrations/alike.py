"""What a recorder pushes, and what it ought to, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium.vector import AutoresetMode

from ding_buffer.integrations.gymnasium_vector import VectorRecorder
from tests.integrations.counting_env import choose, plain, true_transitions
from tests.integrations.kept import KeptCalls

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]
LENGTHS: list[list[int]] = [[1], [3, 1, 2], [5], [2, 7], [4, 1, 1]]


def recorded(
    envs: Any, lengths: Sequence[Sequence[int]], kind: str, steps: int, parts: int = 1
) -> list[dict[str, Any]]:
    """What the recorder pushes in ``parts`` runs of ``steps`` steps, as ``renumbered`` sorts it."""
    buffer = KeptCalls()
    recorder = VectorRecorder(envs, buffer)
    for _ in range(parts):
        recorder.run(lambda seen: choose(kind, seen, len(lengths)), steps)
    envs.close()
    assert recorder.transitions == len(buffer.transitions())
    return renumbered(buffer.transitions())


def renumbered(transitions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The transitions sorted by env; episodes, unique before, are numbered from 0 in each env."""
    numbers: dict[int, dict[int, int]] = {}
    owners: dict[int, int] = {}
    for transition in transitions:
        env, episode = int(transition["env"]), int(transition["episode"])
        assert env == owners.setdefault(episode, env)
        known = numbers.setdefault(env, {})
        transition["episode"] = known.setdefault(episode, len(known))
    return [plain(transition) for transition in sorted(transitions, key=lambda each: each["env"])]


def expected(mode: Any, lengths: Sequence[Sequence[int]], kind: str, steps: int) -> list[dict[str, Any]]:
    costly = mode == AutoresetMode.NEXT_STEP
    return [
        plain(transition)
        for number, each in enumerate(lengths)
        for transition in true_transitions(number, each, steps, costly, kind)
    ]
