"""What the middleware of a task hand each other within one iteration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ding_buffer.learners.learner_errors import MissingContextField

_Self = TypeVar("_Self", bound="Context")


@dataclass(eq=False)
class Context:
    """A set of named values that lives for one iteration; any attribute may be set on it.

    Fields named in ``keep`` pass on to the next iteration, all others start anew. ``ctx["name"]`` reads and
    writes the same fields as ``ctx.name``.
    """

    total_step: int = 0
    _kept_keys: set[str] = field(default_factory=set, init=False, repr=False)

    def keep(self, *keys: str) -> None:
        """Marks fields that pass on to every following iteration."""
        self._kept_keys.update(keys)

    def renew(self: _Self) -> _Self:
        """Returns the context of the next iteration: one step further, with the kept fields and nothing else.

        A subclass must be constructible without arguments.
        """
        ctx = type(self)()
        ctx._kept_keys = set(self._kept_keys)
        for key in self._kept_keys:
            if hasattr(self, key):
                setattr(ctx, key, getattr(self, key))
        ctx.total_step = self.total_step + 1
        return ctx

    def has_attr(self, key: str) -> bool:
        """Tells whether the field has been set."""
        return hasattr(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns a field, or ``default`` if it was never set."""
        return getattr(self, key, default)

    def keys(self) -> Iterator[str]:
        """Yields the names of all fields."""
        return iter(self)

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__ and key != "_kept_keys"

    def __iter__(self) -> Iterator[str]:
        return (key for key in self.__dict__ if key != "_kept_keys")

    def __bool__(self) -> bool:
        return True


@dataclass(eq=False)
class OnlineRLContext(Context):
    """The fields of online training, as DI-engine names them.

    ``train_data`` is a list of payloads (of lists with ``unroll_len``, of dicts for a dict of buffers) or
    None while the buffer waits for more; ``trajectories`` is a list of transitions, in which
    ``trajectory_end_idx`` holds the position of the last one of each env.
    """

    env_step: int = 0
    env_episode: int = 0
    train_iter: int = 0
    train_data: Any = None
    train_output: Any = None
    collect_kwargs: dict[str, Any] = field(default_factory=dict)
    obs: Any = None
    action: Any = None
    inference_output: Any = None
    trajectories: list[Any] | None = None
    episodes: list[Any] | None = None
    trajectory_end_idx: list[int] = field(default_factory=list)
    eval_value: float = -np.inf
    last_eval_iter: int = -1
    last_eval_value: float = -np.inf
    eval_output: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keep("env_step", "env_episode", "train_iter", "last_eval_iter", "last_eval_value")


def filled_field(ctx: Any, name: str, filled_by: str) -> Any:
    """Returns a field of the context; raises ``MissingContextField`` if it is absent or None."""
    value = getattr(ctx, name, None)
    if value is None:
        raise MissingContextField(f"ctx.{name} is None: {filled_by} must come before this middleware")
    return value
