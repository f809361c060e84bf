"""Buffers as users write them."""

from __future__ import annotations

from typing import Any, TypeVar

from ding_buffer.pipeline.data_buffer import DataBuffer

T = TypeVar("T")


class SimpleBuffer(DataBuffer[T]):
    """The example of PAMIQ-Core's guide, without the syntax of Python 3.12."""

    def __init__(self, collecting_data_names: list[str], max_size: int) -> None:
        super().__init__(collecting_data_names, max_size)
        self._data: dict[str, list[Any]] = {name: [] for name in collecting_data_names}
        self._count = 0

    def add(self, step_data: dict[str, Any]) -> None:
        for name in self._collecting_data_names:
            if name not in step_data:
                raise KeyError(f"Required data '{name}' not found in step_data")
        if self._count < self.max_size:
            for name in self._collecting_data_names:
                self._data[name].append(step_data[name])
            self._count += 1
        else:
            for name in self._collecting_data_names:
                self._data[name].pop(0)
                self._data[name].append(step_data[name])

    def get_data(self) -> dict[str, list[Any]]:
        return {name: data.copy() for name, data in self._data.items()}

    def __len__(self) -> int:
        return self._count


class Values(DataBuffer[int, "list[int]"]):
    """Holds even numbers, and refuses odd ones."""

    def __init__(self, max_queue_size: int | None = 100) -> None:
        super().__init__(max_queue_size)
        self.held: list[int] = []

    def add(self, step_data: int) -> None:
        if step_data % 2:
            raise ValueError(f"{step_data} is odd")
        self.held.append(step_data)

    def get_data(self) -> list[int]:
        return self.held.copy()

    def __len__(self) -> int:
        return len(self.held)
