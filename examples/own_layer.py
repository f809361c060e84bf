"""How to add a feature of one's own: write a layer.

It overrides the actions it changes and passes on the rest. Run it: python examples/own_layer.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ding_buffer import DequeBuffer, Middleware

Chain = Callable[..., Any]


class RewardClip(Middleware):
    """Clips rewards on the way in."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def push(self, chain: Chain, data: Any, meta: Any = None) -> Any:
        """Passes a changed copy down the chain, which returns the item."""
        return chain({**data, "reward": max(-self.limit, min(self.limit, data["reward"]))}, meta=meta)


class OnlyNews(Middleware):
    """Refuses an observation that was pushed before."""

    def __init__(self) -> None:
        self.known: set[int] = set()

    def push(self, chain: Chain, data: Any, meta: Any = None) -> Any:
        """Ends the action by not calling the chain."""
        if data["obs"] in self.known:
            return None
        self.known.add(data["obs"])
        return chain(data, meta=meta)


def count_calls(calls: dict[str, int]) -> Chain:
    def layer(action: str, chain: Chain, *args: Any, **kwargs: Any) -> Any:
        """Counts the calls of every action: the short form of a layer is a function."""
        calls[action] = calls.get(action, 0) + 1
        return chain(*args, **kwargs)

    return layer


def main(pushes: int = 100) -> dict[str, Any]:
    calls: dict[str, int] = {}
    # First used is outermost: the counter sees every push, the clip only what is news.
    buffer = DequeBuffer(size=50, seed=0).use(count_calls(calls)).use(OnlyNews()).use(RewardClip(1.0))
    for step in range(pushes):
        buffer.push({"obs": step % 20, "reward": float(step)})
    rewards = sorted(item.data["reward"] for item in buffer.sample(4))
    print(buffer.explain())
    print(f"Of {pushes} pushes {len(buffer)} were news; four of them have the rewards {rewards}.")
    print("Calls by action:", calls)
    return {"held": len(buffer), "calls": calls, "rewards": rewards}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
