"""The collectors of a system, and who has which."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterable, Mapping
from typing import Any

from ding_buffer.core.lock import FairLock
from ding_buffer.pipeline.data_collector import DataCollector
from ding_buffer.pipeline.pipeline_errors import CollectorInUse, UnknownCollector


class DataCollectorsDict(UserDict[str, DataCollector[Any]]):
    """Collectors by name. A component acquires one before use, so no two ever share it.

    While somebody has a collector it cannot be replaced or removed, and its name does not hand it out.
    """

    def __init__(
        self,
        collectors: Mapping[str, DataCollector[Any]] | Iterable[tuple[str, DataCollector[Any]]] | None = None,
        /,
        **more: DataCollector[Any],
    ) -> None:
        self._lock = FairLock()
        self._acquired_collectors: set[str] = set()
        super().__init__(collectors, **more)

    def acquire(self, name: str) -> DataCollector[Any]:
        """Hands a collector out to one component; raises a ``KeyError`` where another has it."""
        with self._lock:
            self._check_free(name)
            collector = self._found(name)
            self._acquired_collectors.add(name)
            return collector

    def release(self, name: str) -> None:
        """Takes a collector back, so that another component may acquire it; what it collected stays pending.

        Raises a ``KeyError`` where nobody has it.
        """
        with self._lock:
            self._found(name)
            if name not in self._acquired_collectors:
                raise UnknownCollector(f"Data collector '{name}' is not acquired.")
            self._acquired_collectors.remove(name)

    def acquired(self) -> frozenset[str]:
        """Returns the names of the collectors that somebody has."""
        with self._lock:
            return frozenset(self._acquired_collectors)

    def __getitem__(self, name: str) -> DataCollector[Any]:
        with self._lock:
            self._check_free(name)
            return super().__getitem__(name)

    def __setitem__(self, name: str, collector: DataCollector[Any]) -> None:
        with self._lock:
            if self.data.get(name) is not collector:
                self._check_free(name)
            super().__setitem__(name, collector)

    def __delitem__(self, name: str) -> None:
        with self._lock:
            self._check_free(name)
            super().__delitem__(name)

    # The originals of these take the error for a collector that somebody has for one that is not there.

    def get(self, name: str, default: Any = None) -> Any:
        """Returns a collector that nobody has, the default where there is none of this name."""
        with self._lock:
            return self[name] if name in self.data else default

    def pop(self, name: str, *default: Any) -> Any:
        """Removes and returns a collector that nobody has."""
        with self._lock:
            self._check_free(name)
            return super().pop(name, *default)

    def clear(self) -> None:
        """Removes all collectors, or none where somebody has one."""
        with self._lock:
            for name in self.data:
                self._check_free(name)
            self.data.clear()

    def _found(self, name: str) -> DataCollector[Any]:
        if name not in self.data:
            raise UnknownCollector(f"Data collector '{name}' not found.")
        return self.data[name]

    def _check_free(self, name: str) -> None:
        if name in self._acquired_collectors:
            raise CollectorInUse(
                f"Data collector '{name}' is already acquired. Who has it must release it first."
            )
