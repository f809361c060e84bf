"""What a buffer of the pipeline is."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Generic

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.pipeline.field_rows import FieldRows
from ding_buffer.pipeline.persistent_state import PersistentStateMixin
from ding_buffer.pipeline.state_files import restoring_from_disk
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.pipeline.timestamping_queues_dict import TimestampingQueuesDict
from ding_buffer.pipeline.type_parameters import R, T
from ding_buffer.samplers.uniform import distinct, with_replacement
from ding_buffer.structures.clock import Clock

NOT_GIVEN: Any = object()


class DataBuffer(PersistentStateMixin, ABC, Generic[T, R]):
    """Base of all buffers of the pipeline: implement ``add``, ``get_data`` and ``__len__``.

    The first argument decides what an item is. Names, with ``max_size``: a mapping with these fields (the
    field API). A number or None, ``max_queue_size``: anything (the value API); it bounds what may be pending
    between collector and buffer. ``DataBuffer[T]`` is ``DataBuffer[T, Any]``. Source: PAMIQ-Core.
    """

    max_size: int
    max_queue_size: int | None
    field_rows: FieldRows | None = None
    """Makes rows of items with named fields; None where an item is any value."""
    has_own_lock = False
    """Whether it may be read while another thread adds."""
    exact_keys = False
    """Whether a collected mapping may have no other fields."""

    def __init__(
        self,
        collecting_data_names: Iterable[str] | int | None = NOT_GIVEN,
        max_size: int = NOT_GIVEN,
        *,
        max_queue_size: int | None = NOT_GIVEN,
    ) -> None:
        first = collecting_data_names
        if is_size(first):
            given = [size for size in (first, max_size, max_queue_size) if size is not NOT_GIVEN]
            if len(given) > 1:
                raise BadArgument("A buffer without named fields has one size: max_queue_size.")
            pending = given[0] if given else None
        elif not isinstance(first, Iterable):
            raise BadArgument(
                f"Give the names of the fields, or how many items may be pending; got {first!r}."
            )
        elif max_size is NOT_GIVEN:
            raise BadArgument("A buffer with named fields needs max_size.")
        else:
            self.field_rows = FieldRows(first, self.exact_keys)
            self._collecting_data_names = set(self.field_rows.names)
            self._max_size = self.max_size = whole("max_size", max_size)
            pending = self._max_size if max_queue_size is NOT_GIVEN else max_queue_size
        if pending is None:
            warnings.warn(
                "max_queue_size is None. The collector's queue will have unlimited size, which may take all "
                "memory where nobody calls update().",
                RuntimeWarning,
                stacklevel=3,
            )
        self.max_queue_size = None if pending is None else whole("max_queue_size", pending)

    def __class_getitem__(cls, parameters: Any) -> Any:
        """Makes ``DataBuffer[T]``, as it was spelled first, ``DataBuffer[T, Any]``."""
        if cls is DataBuffer and not isinstance(parameters, tuple):
            parameters = (parameters, Any)
        return super().__class_getitem__(parameters)  # type: ignore[misc]

    @property
    def collecting_data_names(self) -> set[str]:
        """The names of the fields, a new set each time; a buffer of any values has none."""
        if self.field_rows is None:
            raise AttributeError(f"This {type(self).__name__} holds values without named fields.")
        return self._collecting_data_names.copy()

    @abstractmethod
    def add(self, step_data: Any) -> None:
        """Stores one item."""

    @abstractmethod
    def get_data(self) -> R:
        """Returns all items, in a container of the caller's own: with named fields a list for each."""

    @abstractmethod
    def __len__(self) -> int:
        """Returns how many items are held."""

    def sample(self, batch_size: int, replace: bool = False) -> Any:
        """Returns as many random items: a list, or one for each field as in ``get_data``.

        Distinct ones, unless with ``replace``. Raises ``NotEnoughItems`` where there are fewer. Unless a
        buffer overrides it they are picked from the copy of all that ``get_data`` makes.
        """
        data: Any = self.get_data()
        columns = list(data.values()) if isinstance(data, Mapping) else [data]
        count = len(columns[0]) if columns else len(self)
        places = (with_replacement if replace else distinct)(self._sampling_rng, count, batch_size).tolist()
        taken = [[column[place] for place in places] for column in columns]
        return dict(zip(data, taken, strict=True)) if isinstance(data, Mapping) else taken[0]

    @cached_property
    def _sampling_rng(self) -> np.random.Generator:
        return np.random.default_rng()

    def _restoring(self) -> AbstractContextManager[None]:
        """Takes back what it holds where the block raises."""
        return restoring_from_disk(self)

    def make_queue(self, clock: Clock = time.time) -> TimestampingQueue[Any]:
        """Returns an empty queue for what is collected and not added yet."""
        if self.field_rows is None:
            return TimestampingQueue(self.max_queue_size, clock=clock)
        return TimestampingQueuesDict(
            self.field_rows.names, self.max_queue_size, exact=self.exact_keys, clock=clock
        )


def is_size(first: Any) -> bool:
    """Tells whether the first argument of a buffer is a size, or left out, rather than names of fields."""
    return first is NOT_GIVEN or first is None or isinstance(first, (int, np.integer))


def whole(name: str, value: Any) -> int:
    """Returns a size as an int; raises ``BadArgument`` for what is none, or negative."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise BadArgument(f"{name} must be an int, got {value!r}.")
    if value < 0:
        raise BadArgument(f"{name} must be non-negative, got {value!r}.")
    return int(value)
