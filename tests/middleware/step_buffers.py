"""Buffers of numbered transitions."""

from __future__ import annotations

from typing import Any

from ding_buffer.buffers.deque_buffer import DequeBuffer


def transition(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "obs": float(number),
        "action": number % 3,
        "reward": float(number),
        "next_obs": number + 0.5,
        "terminated": False,
        "truncated": False,
        **changes,
    }


def filled(count: int, *layers: Any, size: int = 20, ends: Any = (), **changes: Any) -> DequeBuffer:
    """Returns a buffer with transitions 0, 1, 2, ... of one stream; ``ends`` are terminal."""
    buffer = DequeBuffer(size, seed=0).use(*layers)
    buffer.extend(
        [transition(number, **{"terminated": number in ends, **changes}) for number in range(count)]
    )
    return buffer


def everything(buffer: DequeBuffer) -> Any:
    """Draws every item, oldest first."""
    return buffer.sample(indices=[item.index for item in buffer]) if len(buffer) else []


def counts(buffer: DequeBuffer) -> list[int]:
    return [item.meta["n_step"] for item in everything(buffer)]
