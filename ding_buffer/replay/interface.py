"""What a worker buffer is to those who push to it and learn from it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar

from easydict import EasyDict


class IBuffer(ABC):
    """Interface of the worker buffers: many at once come in, a list of payloads goes out.

    ``config`` holds every key a config may set, with its default. The seed lists no way to a file and its
    code has one: ``save_data`` and ``load_data`` are part of the interface here.
    """

    config: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def default_config(cls) -> EasyDict:
        """Returns the defaults of every key, as a copy that may be changed."""
        return EasyDict({**copy.deepcopy(dict(cls.config)), "cfg_type": f"{cls.__name__}Dict"})

    @abstractmethod
    def push(self, data: Any, cur_collector_envstep: int) -> None:
        """Stores one item, or each of a list."""

    @abstractmethod
    def update(self, info: Any) -> None:
        """Takes back what the learner found out about sampled items."""

    @abstractmethod
    def sample(self, batch_size: int, cur_learner_iter: int) -> list[Any] | None:
        """Draws a list of ``batch_size``; None where that cannot be had now."""

    @abstractmethod
    def clear(self) -> None:
        """Removes everything."""

    @abstractmethod
    def count(self) -> int:
        """Returns how many items there are to sample."""

    @abstractmethod
    def save_data(self, path: str | PathLike[str]) -> None:
        """Writes the content to a file."""

    @abstractmethod
    def load_data(self, path: str | PathLike[str]) -> None:
        """Replaces the content by that of a file."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Returns everything that brings the buffer back."""

    @abstractmethod
    def load_state_dict(self, _state_dict: Mapping[str, Any]) -> None:
        """Takes such a state over."""
