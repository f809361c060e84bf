"""What a buffer of the pipeline is."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Generic

import numpy as np

from ding_buffer.core.errors import BadArgument
from ding_buffer.pipeline.field_rows import FieldRows
from ding_buffer.pipeline.persistent_state import PersistentStateMixin
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
    fields: FieldRows | None = None
    """The fields of an item, None where it is any value."""
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
        if first is NOT_GIVEN or first is None or isinstance(first, (int, np.integer)):
            self._begin_values(
                *(given for given in (first, max_size, max_queue_size) if given is not NOT_GIVEN)
            )
            return
        if not isinstance(first, Iterable):
            raise BadArgument(
                f"Give the names of the fields, or how many items may be pending; got {first!r}."
            )
        if max_size is NOT_GIVEN:
            raise BadArgument("A buffer with named fields needs max_size.")
        self.fields = FieldRows(first, self.exact_keys)
        self._collecting_data_names = set(self.fields.names)
        self._max_size = self.max_size = whole("max_size", max_size)
        self.max_queue_size = self._max_size if max_queue_size is NOT_GIVEN else max_queue_size

    def _begin_values(self, max_queue_size: int | None = None, *more: Any) -> None:
        if more:
            raise BadArgument("A buffer without named fields has one size: max_queue_size.")
        if max_queue_size is None:
            warnings.warn(
                "max_queue_size is None. The collector's queue will have unlimited size, which may take all "
                "memory where nobody calls update().",
                RuntimeWarning,
                stacklevel=4,
            )
        else:
            max_queue_size = whole("max_queue_size", max_queue_size)
        self.max_queue_size = max_queue_size

    def __class_getitem__(cls, parameters: Any) -> Any:
        """Makes ``DataBuffer[T]``, as it was spelled first, ``DataBuffer[T, Any]``."""
        if cls is DataBuffer and not isinstance(parameters, tuple):
            parameters = (parameters, Any)
        return super().__class_getitem__(parameters)  # type: ignore[misc]

    @property
    def collecting_data_names(self) -> set[str]:
        """The names of the fields, a new set each time."""
        return self._collecting_data_names.copy()

    @abstractmethod
    def add(self, step_data: Any) -> None:
        """Stores one item."""

    @abstractmethod
    def get_data(self) -> Any:
        """Returns all items, in a container of the caller's own: with named fields a list for each."""

    @abstractmethod
    def __len__(self) -> int:
        """Returns how many items are held."""

    def sample(self, batch_size: int, replace: bool = False) -> Any:
        """Returns as many random items in the form of ``get_data``; by default made from a copy of all.

        Distinct ones, unless with ``replace``. Raises ``NotEnoughItems`` where there are fewer.
        """
        data = self.get_data()
        columns = list(data.values()) if isinstance(data, Mapping) else [data]
        count = len(columns[0]) if columns else len(self)
        rng = self.__dict__.setdefault("_own_rng", np.random.default_rng())
        places = (with_replacement if replace else distinct)(rng, count, batch_size).tolist()
        taken = [[column[place] for place in places] for column in columns]
        return dict(zip(data, taken, strict=True)) if isinstance(data, Mapping) else taken[0]

    def make_queue(self, clock: Clock = time.time) -> TimestampingQueue[Any]:
        """Returns an empty queue for what is collected and not added yet."""
        if self.fields is None:
            return TimestampingQueue(self.max_queue_size, clock=clock)
        return TimestampingQueuesDict(
            self.fields.names, self.max_queue_size, exact=self.exact_keys, clock=clock
        )


def whole(name: str, value: Any) -> int:
    """Returns a size as an int; raises ``BadArgument`` for what is none, or negative."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise BadArgument(f"{name} must be an int, got {value!r}.")
    if value < 0:
        raise BadArgument(f"{name} must be non-negative, got {value!r}.")
    return int(value)
