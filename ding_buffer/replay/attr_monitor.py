"""How used, how stale and of what priority the newest batches were."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument, DingBufferError
from ding_buffer.structures.clock import Clock
from ding_buffer.structures.window_stats import WindowStats


class UnknownAttribute(DingBufferError, AttributeError, KeyError):
    """Nothing of this name was registered with a monitor."""


class Figure:
    """A number of a monitor that is assigned once for each batch; reading gives the last one assigned."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, monitor: SampledDataAttrMonitor | None, owner: type) -> Any:
        if monitor is None:
            return self
        return monitor._last_of(self._name)

    def __set__(self, monitor: SampledDataAttrMonitor, value: float) -> None:
        number = value.item() if isinstance(value, np.generic) else value
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise BadArgument(f"{self._name} must be a number, got {value!r}.")
        monitor._note(self._name, number)


class SampledDataAttrMonitor:
    """Average, largest and smallest of figures about the last ``expire`` batches.

    ``time_`` is an object with a method ``time()``, or a function such as a ``ManualClock``; its time must
    not fall. Assign a figure of a batch, ``monitor.use_avg = 2.5``, move the time on, and read
    ``monitor.avg["use"]()``. The figures are the class attributes below; each takes ints and floats, numpy's
    included. There are ``avg`` and ``max`` of "use", "priority" and "staleness", and ``min`` of "priority",
    each the average, the largest or the smallest of the figure of that name, 0 where nothing counts.
    ``range_values["use_avg"]()`` lists what counts as ``((begin, end), value)``, in units of the time since
    the monitor was made. ``register_attribute_value`` adds more.

    With one batch for each tick of the time the last ``expire`` batches count: what was assigned at time t
    counts until more than ``expire`` has passed since, or a batch of ``t + expire`` was assigned. Against
    the original: that counted one batch more than its documentation says, and the newest only from the next
    tick on; it refused ints for floats and floats for ints. Safe to use from many threads.
    """

    use_max = Figure()
    use_avg = Figure()
    priority_max = Figure()
    priority_avg = Figure()
    priority_min = Figure()
    staleness_max = Figure()
    staleness_avg = Figure()

    def __init__(self, time_: Any, expire: float) -> None:
        clock = getattr(time_, "time", time_)
        if not callable(clock):
            raise BadArgument(f"time_ must have a method time() or be a function, got {time_!r}.")
        if isinstance(expire, bool) or not isinstance(expire, (int, float)) or not expire > 0:
            raise BadArgument(f"expire must be a number above 0, got {expire!r}.")
        self._clock: Clock = clock
        self._time, self._expire = time_, expire
        self._begin = clock()
        self._frozen_at: float | None = None
        self._lock = threading.RLock()
        self._last: dict[str, float] = {}
        self._windows: dict[str, WindowStats] = {}
        self._attributes: dict[str, dict[str, Any]] = {}
        for figure in (
            name for kind in type(self).__mro__ for name, one in vars(kind).items() if isinstance(one, Figure)
        ):
            self._windows[figure] = WindowStats(expire)
            self.register_attribute_value("range_values", figure, partial(self._ranges, figure))
            name, _, attribute = figure.rpartition("_")
            if attribute in ("avg", "max", "min"):
                self.register_attribute_value(attribute, name, partial(self._statistic, figure, attribute))

    # The time.

    @property
    def time(self) -> Any:
        """What the time comes from, as it was given."""
        return self._time

    @property
    def expire(self) -> float:
        """How long a figure counts, in units of the time."""
        return self._expire

    def fixed_time(self) -> float:
        """Returns the time that figures are noted with: where it is frozen, the time it was frozen at."""
        with self._lock:
            return self._clock() if self._frozen_at is None else self._frozen_at

    def current_time(self) -> float:
        """Returns the time, frozen or not."""
        return self._clock()

    def freeze(self) -> None:
        """Lets the time of this monitor stand still; where it does already, at the time it is now."""
        with self._lock:
            self._frozen_at = self._clock()

    def unfreeze(self) -> None:
        """Lets the time of this monitor run on; does nothing where it does."""
        with self._lock:
            self._frozen_at = None

    # What was registered.

    def register_attribute_value(self, attribute_name: str, property_name: str, value: Any) -> None:
        """Makes ``monitor.<attribute_name>[property_name]`` be ``value``, mostly a function."""
        with self._lock:
            self._attributes.setdefault(attribute_name, {})[property_name] = value

    def get_property_attribute(self, property_name: str) -> list[str]:
        """Returns the attributes registered for a property, ``range_values`` aside."""
        with self._lock:
            found = [name for name, values in self._attributes.items() if property_name in values]
        return [name for name in found if name != "range_values"]

    def __getattr__(self, name: str) -> Mapping[str, Any]:
        """Returns what was registered under this attribute, by property."""
        # Before __init__ is through, and while a copy is made, there is none.
        attributes = self.__dict__.get("_attributes", {})
        if name not in attributes:
            raise UnknownAttribute(f"Attribute {name!r} was not registered; there are {list(attributes)}.")
        return MappingProxyType(attributes[name])

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    # The figures.

    def _note(self, name: str, value: float) -> None:
        with self._lock:
            try:
                self._windows[name].add(self.fixed_time(), value)
            except ValueError as error:
                raise BadArgument(f"The time of the monitor fell. {error}") from error
            self._last[name] = value

    def _last_of(self, name: str) -> float:
        if name not in self._last:
            raise BadArgument(f"{name} was not assigned yet.")
        return self._last[name]

    def _counted(self, name: str) -> WindowStats:
        window = self._windows[name]
        window.forget(self.fixed_time() - self._expire)
        return window

    def _statistic(self, name: str, attribute: str) -> float:
        with self._lock:
            found: float | None = getattr(self._counted(name), attribute)
        return 0 if found is None else found

    def _ranges(self, name: str) -> list[tuple[tuple[float, float], float]]:
        with self._lock:
            counted = list(self._counted(name))
            ends = [*(tick for tick, _ in counted[1:]), self.fixed_time()][: len(counted)]
        return [
            ((tick - self._begin, end - self._begin), value)
            for (tick, value), end in zip(counted, ends, strict=True)
        ]
