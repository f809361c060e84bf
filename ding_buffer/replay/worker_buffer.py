"""What all worker buffers share."""

from __future__ import annotations

import copy
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.snapshot import open_snapshot, write_snapshot
from ding_buffer.core.chain import Middleware
from ding_buffer.core.copies import clone
from ding_buffer.core.errors import BadArgument, CorruptSnapshot, NotEnoughItems
from ding_buffer.core.number_checks import is_at_least
from ding_buffer.core.report_sink import ReportSink
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.removals import track_removed
from ding_buffer.replay.interface import IBuffer
from ding_buffer.replay.rank import is_first_rank
from ding_buffer.replay.thruput_monitor import PeriodicThruputMonitor
from ding_buffer.replay.used_data import UsedData
from ding_buffer.replay.used_data_remover import UsedDataRemover
from ding_buffer.replay.worker_config import Rules, merged, number, optional, that, whole
from ding_buffer.structures.clock import Clock

_LOG = logging.getLogger("ding_buffer")
Self = TypeVar("Self", bound="WorkerBuffer")


class WorkerBuffer(IBuffer):
    """A ``DequeBuffer`` with the face of a worker buffer; subclasses say what ``sample`` returns.

    ``cfg`` is any mapping with some of the keys of ``default_config()``. ``tb_logger`` is anything with
    ``add_scalar(tag, value, step)``; it stays the caller's, so it is flushed and never closed.
    ``instance_name`` names the buffer in messages, tags and ids; ``exp_name``, for DI-engine the folder of
    its logs, is only kept: nothing is written to disk.

    ``buffer`` is the ``DequeBuffer`` beneath, whose lock every method here holds for the whole of its work,
    so checks, draws, saves and counters agree, whichever threads call. It is made for threads, not (as the
    seed says) for processes.
    """

    _rules: ClassVar[Rules] = {
        "replay_buffer_size": whole(1),
        "seed": optional(whole(0)),
        "periodic_thruput_seconds": number(0, above=True),
        "used_data_directory": optional(that(lambda path: isinstance(path, (str, PathLike)), "a path")),
    }
    """What the settings may be, as far as their defaults do not tell."""
    _counted: ClassVar[tuple[str, ...]] = ("refused_samples",)
    """What ``stats`` tells beside what the buffer beneath counts."""

    def __init__(
        self,
        cfg: Mapping[str, Any] | None = None,
        tb_logger: Any = None,
        exp_name: str | None = "default_experiment",
        instance_name: str | None = "buffer",
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self.cfg = merged(self.default_config(), cfg, type(self).__name__, self._rules)
        self.exp_name = exp_name or "default_experiment"
        self.instance_name = instance_name or "buffer"
        self._clock = clock
        self._reports = is_first_rank()
        self._tb_logger = tb_logger if self._reports else None
        self._sink = ReportSink(self._tb_logger)
        self._counts: Counter[str] = Counter(dict.fromkeys(self._counted, 0))
        self.buffer = DequeBuffer(self.cfg.replay_buffer_size, seed=self.cfg.seed)
        self._store = self.buffer.store
        self._lock = self._store.lock
        self._used_data: UsedData | None = None
        self.buffer.use(self._outer_layers(), self._layers())
        self._thruput = self._make_thruput_monitor()
        self._gone = 0
        self._closed = False
        self._clean = False  # closed, and nothing has come since

    @classmethod
    def from_settings(
        cls: type[Self],
        *,
        tb_logger: Any = None,
        exp_name: str | None = "default_experiment",
        instance_name: str | None = "buffer",
        **cfg: Any,
    ) -> Self:
        """Makes a buffer from the keys of a config, given one by one."""
        return cls(cfg, tb_logger, exp_name, instance_name)

    def _outer_layers(self) -> list[Middleware]:
        layers: list[Middleware] = []
        if self.cfg.get("enable_track_used_data"):
            remover = UsedDataRemover(self.cfg.used_data_directory)
            self._used_data = UsedData(self.replay_buffer_size, remover)
            layers.append(track_removed(self._used_data.left))
        if self.cfg.get("deepcopy"):
            layers.append(clone_object())
        return layers

    def _layers(self) -> Sequence[Middleware]:
        """Returns the layers of this kind of buffer, the outermost first."""
        return ()

    def _thruput_config(self) -> Mapping[str, Any] | None:
        """Returns the settings of the monitor of what comes and goes, None where there is none."""
        return {"seconds": self.cfg.periodic_thruput_seconds}

    def _make_thruput_monitor(self) -> PeriodicThruputMonitor | None:
        config = self._thruput_config()
        if config is None or not self._reports:
            return None
        return PeriodicThruputMonitor(self.instance_name, config, _LOG, self._tb_logger, clock=self._clock)

    # Life.

    def start(self) -> None:
        """Starts the thread that removes files of used data, if there is to be one; again after ``close``."""
        with self._lock:
            if self._closed:
                self._closed = self._clean = False
                self._thruput = self._make_thruput_monitor()
        if self._used_data is not None:
            self._used_data.remover.start()

    def close(self) -> None:
        """Clears the buffer, waits until the files of used data are gone, reports and flushes.

        Whatever was called before, no thread is left behind. The seed says of the monitor's thread that it is
        joined; here it has none. Called again it does nothing.

        As in DI-engine a closed buffer is an empty one that still takes and gives. The first push is warned
        of: until the next ``start`` nothing is reported and no file removed. ``close`` then has something to
        do again, as it has where it was broken off.
        """
        # No lock but the buffer's, and that not while files are waited for: a signal handler or a writer of
        # figures may close what this thread, or another, is just closing.
        with self._lock:
            if self._clean and not len(self.buffer):
                return
            self._clean = False
            self.clear()
            self._closed = True
            if self._thruput is not None:
                self._thruput.close()
            self._sink.flush()
            pushed = self._store.ring.next
        if self._used_data is not None:
            self._used_data.close()
        with self._lock:
            self._clean = self._closed and pushed == self._store.ring.next

    def __enter__(self: Self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What comes and goes.

    def push(self, data: Any, cur_collector_envstep: int = -1) -> None:
        """Stores one item, or each item of a list: an item that is a list itself stands in another list.

        Kept by reference, unless ``deepcopy`` is set; when there is no room, the oldest give way.
        """
        items = data if isinstance(data, list) else [data]
        with self._lock:
            self._check_tracked(items)
            self.buffer.extend(items)
            self._note(pushed=len(items))

    def update(self, info: Any) -> None:
        """Does nothing: there is nothing to learn of an item here."""
        with self._lock:
            self._counts["ignored_updates"] += 1
            first = self._counts["ignored_updates"] == 1
        if first:
            _LOG.warning("%s: %s has nothing to update.", self.instance_name, type(self).__name__)

    def clear(self) -> None:
        """Removes everything."""
        with self._lock:
            self.buffer.clear()
            self._note()

    def count(self) -> int:
        """Returns how many items there are to sample."""
        return len(self.buffer)

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        """Is always true: ``len`` tells whether it holds anything."""
        return True

    @property
    def replay_buffer_size(self) -> int:
        """How many items there is room for."""
        return self.buffer.size

    @property
    def push_count(self) -> int:
        """How many items were pushed."""
        return int(self._store.ring.next)

    def stats(self) -> dict[str, Any]:
        """Returns the counters of the buffer and its layers, and of what was refused here.

        ``refused_samples`` are the items that were asked for in vain; ``refused_pushes`` and ``rejected`` are
        items as well, ``ignored_updates`` calls.
        """
        with self._lock:
            stats = {**self.buffer.stats(), **self._counts}
            if self._used_data is not None:
                stats["used_data"] = {**self._used_data.remover.stats(), "refused": self._used_data.refused}
            return stats

    def _check_tracked(self, items: Sequence[Any]) -> None:
        if self._used_data is not None:
            self._used_data.check(items)

    def _payloads(self, size: int, **query: Any) -> list[Any] | None:
        """Draws items as they were pushed, or None after saying what was missing."""
        if size == 0:
            return []
        with self._lock:
            try:
                batch = self.buffer.sample(size, **query)
            except NotEnoughItems as shortage:
                self._refuse(shortage, size)
                return None
            self._note(sampled=len(batch))
            return [item.data for item in batch]

    def _refuse(self, why: NotEnoughItems, count: int) -> None:
        self._counts["refused_samples"] += int(count)
        _LOG.info("%s: no sample. %s", self.instance_name, why)

    def _note(self, pushed: int = 0, sampled: int = 0) -> None:
        """Tells monitors and the remover what has just happened; what left follows from serials."""
        if pushed and self._clean:
            self._clean = False
            _LOG.warning(
                "%s: push() after close(). The items are kept, but nothing is reported and no file removed "
                "before the next start() or close().",
                self.instance_name,
            )
        if self._used_data is not None and pushed:
            self._used_data.pushed(pushed)
        gone = self._store.ring.next - len(self.buffer)
        removed, self._gone = gone - self._gone, gone
        if self._thruput is not None:
            self._thruput.count(pushed=pushed, sampled=sampled, removed=removed, held=len(self.buffer))

    # State.

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that brings the buffer back, the generator included.

        Payloads are shared with the buffer, what is noted of them is not.
        """
        with self._lock:
            return {"type": self.config["type"], "buffer": self.buffer.state_dict(), **self._numbers()}

    def load_state_dict(self, _state_dict: Mapping[str, Any], deepcopy: bool = False) -> None:
        """Replaces the content by a state, or pushes the items of one that has ``data`` alone.

        The own capacity stays: of more items than fit the newest are kept. Among ``data``, None is a hole
        that DI-engine saved, and no item. Raises ``CorruptSnapshot``, and changes nothing, for a key that is
        not known here (DI-engine would set an attribute of that name) and for what does not fit together.
        ``deepcopy`` takes a copy over.
        """
        if not isinstance(_state_dict, Mapping):
            raise BadArgument(f"The state of a buffer is a dict, got {type(_state_dict).__name__}.")
        state = clone(dict(_state_dict)) if deepcopy else _state_dict
        if set(state) == {"data"}:
            data = state["data"]
            if not isinstance(data, Sequence) or isinstance(data, (str, bytes)):
                raise CorruptSnapshot(f"data of a state is a list of items, got {data!r}.")
            self._bring([item for item in data if item is not None])
            return
        numbers = self._checked(state)
        with self._lock:
            self.buffer.load_state_dict(state["buffer"])
            self._take(numbers)
            self._gone = self._store.ring.next - len(self.buffer)
            self._note()

    def _bring(self, items: list[Any]) -> None:
        """Pushes the items of a state that has nothing else."""
        self.push(items)

    def _numbers(self) -> dict[str, int]:
        """Returns what a state holds beside the buffer: whole numbers by name."""
        return {}

    def _take(self, numbers: Mapping[str, int]) -> None:
        """Takes such numbers back."""

    def _checked(self, state: Mapping[str, Any]) -> dict[str, int]:
        names, kind = self._numbers(), self.config["type"]
        if "type" in state and state["type"] != kind:
            raise CorruptSnapshot(f"This is the state of a buffer of type {state['type']!r}, not {kind!r}.")
        known = ["type", "buffer", *names]
        unknown = [key for key in state if key not in known]
        missing = [key for key in known if key not in state]
        if unknown or missing:
            raise CorruptSnapshot(
                f"This is no state of {type(self).__name__}: unknown keys {unknown}, missing keys {missing}. "
                "A state of DI-engine comes in as {'data': [...]}, its items alone."
            )
        for name in names:
            if isinstance(state[name], bool) or not is_at_least(0, state[name]):
                raise CorruptSnapshot(
                    f"{name} of a state is a whole number of at least 0, got {state[name]!r}."
                )
        return {name: int(state[name]) for name in names}

    def save_data(self, path: str | PathLike[str]) -> None:
        """Writes the state to one file, whole or not at all; makes missing folders.

        Nothing but data is in it: see ``ding_buffer.buffers.snapshot`` for what can be written.
        """
        write_snapshot(path, self.state_dict())

    def load_data(self, path: str | PathLike[str]) -> None:
        """Replaces the content by that of a file, as ``load_state_dict``; nothing in a file is executed.

        DI-engine adds what it loads to what is there.
        """
        with open_snapshot(path) as state:
            self.load_state_dict(state)

    # Copies.

    def __deepcopy__(self: Self, memo: dict[int, Any]) -> Self:
        """Makes a buffer with the same settings and state, and payloads of its own; see ``state_dict``.

        It reports to the same ``tb_logger``. What the monitors and the throughput control have seen, and the
        counters of refusals, begin anew.
        """
        self._refuse_a_second_remover()
        made = type(self)(self.cfg, self._tb_logger, self.exp_name, self.instance_name, clock=self._clock)
        memo[id(self)] = made
        made.load_state_dict(copy.deepcopy(self.state_dict(), memo))
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Goes into a pickle as settings and state, without ``tb_logger`` and clock."""
        self._refuse_a_second_remover()
        return _revived, (type(self), self.cfg, self.exp_name, self.instance_name, self.state_dict())

    def _refuse_a_second_remover(self) -> None:
        if self._used_data is not None:
            raise BadArgument(
                f"A {type(self).__name__} with enable_track_used_data is not copied: both would remove the "
                "same files. Take its state_dict() to a buffer without."
            )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.instance_name!r}, {len(self)} of {self.replay_buffer_size} items)"
        )


def checked_info(info: Any) -> Mapping[str, Any]:
    """Returns what ``update`` got; raises ``BadArgument`` for a batch in its place."""
    if not isinstance(info, Mapping):
        raise BadArgument(f"update() takes a dict of lists, such as priority, got {type(info).__name__}.")
    return info


def _revived(
    face: type[WorkerBuffer], cfg: Any, exp_name: str, instance_name: str, state: Any
) -> WorkerBuffer:
    """Makes the buffer that was pickled."""
    made = face(cfg, None, exp_name, instance_name)
    made.load_state_dict(state)
    return made
