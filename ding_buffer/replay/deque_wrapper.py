"""The face of a serial pipeline on a ``DequeBuffer``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.chain import Middleware
from ding_buffer.core.copies import takes_entries, with_entry, without_entry
from ding_buffer.core.errors import BadArgument, NotEnoughItems
from ding_buffer.core.item import BufferedData
from ding_buffer.core.number_checks import check_number
from ding_buffer.core.weighing import KEY as WEIGHT
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.replay.worker_buffer import WorkerBuffer, checked_info
from ding_buffer.replay.worker_config import Rules, finite, number


def _weights_have_priorities(cfg: Mapping[str, Any]) -> None:
    """Refuses weights that nothing would give."""
    if cfg["priority_IS_weight"] and not cfg["priority"]:
        raise ValueError("priority_IS_weight: there are no weights without priorities; set priority too")


class DequeBufferWrapper(WorkerBuffer):
    """Draws lists of payloads, uniformly or by ``priority``, and gives the last batch its new priorities.

    ``max_use``: an item is gone after so many draws. ``priority_IS_weight``: each sampled dict has its weight
    in ``IS``. ``priority_max_limit``: higher priorities in an update are taken as this one. Every
    ``train_iter_per_log`` training iterations it reports ``{instance_name}_iter/`` ``use_count_avg``,
    ``priority_avg``, ``priority_max`` and ``buffer_data_count``, to the log where there is no ``tb_logger``.

    Updates mean the batch that was sampled last: DI-engine takes only those that follow a report, which loses
    nearly all.
    """

    config: ClassVar[Mapping[str, Any]] = {
        "type": "deque_wrapper",
        "replay_buffer_size": 10000,
        "max_use": math.inf,
        "train_iter_per_log": 100,
        "priority": False,
        "priority_IS_weight": False,
        "priority_power_factor": 0.6,
        "IS_weight_power_factor": 0.4,
        "IS_weight_anneal_train_iter": 100_000,
        "priority_max_limit": 1000,
        "seed": None,
    }

    _rules: ClassVar[Rules] = {
        **WorkerBuffer._rules,
        "": _weights_have_priorities,
        "max_use": number(1),
        "train_iter_per_log": number(0),
        "priority_power_factor": finite(0),
        "IS_weight_power_factor": number(0, 1),
        "IS_weight_anneal_train_iter": finite(0),
        "priority_max_limit": number(0),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._priorities: PriorityExperienceReplay | None = None
        super().__init__(*args, **kwargs)
        self._last_report: int | None = None
        self._last_batch: list[str] = []

    def _layers(self) -> Sequence[Middleware]:
        cfg = self.cfg
        layers: list[Middleware] = []
        if cfg.max_use != math.inf:
            layers.append(use_time_check(max_use=cfg.max_use))
        if cfg.priority:
            self._priorities = PriorityExperienceReplay(
                IS_weight=cfg.priority_IS_weight,
                priority_power_factor=cfg.priority_power_factor,
                IS_weight_power_factor=cfg.IS_weight_power_factor,
                IS_weight_anneal_train_iter=cfg.IS_weight_anneal_train_iter,
            )
            layers.append(self._priorities)
        return layers

    def _thruput_config(self) -> None:
        """Has no such monitor."""
        return

    @property
    def beta(self) -> float:
        """The exponent of the weights of the next sample; 0 without priorities."""
        return 0.0 if self._priorities is None else self._priorities.IS_weight_power_factor

    def push(self, data: Any, cur_collector_envstep: int = -1) -> None:
        """Stores one item, or each of a list.

        With ``priority``, that of a dict is moved out of what is stored; the caller's dict keeps it.
        """
        items = data if isinstance(data, list) else [data]
        if not self.cfg.priority:
            super().push(items, cur_collector_envstep)
            return
        metas: list[dict[str, Any]] = [
            {"priority": item["priority"]} if takes_entries(item) and "priority" in item else {}
            for item in items
        ]
        bare = [
            without_entry(item, "priority") if meta else item for item, meta in zip(items, metas, strict=True)
        ]
        with self._lock:
            self.buffer.extend(bare, meta=metas)
            self._note(pushed=len(bare))

    def sample(self, size: int, train_iter: int = 0) -> list[Any] | None:
        """Draws ``size`` payloads; None where fewer are held, which is logged."""
        if size == 0:
            return []
        check_number("train_iter", train_iter, -1)
        with self._lock:
            try:
                if hasattr(size, "__index__") and len(self.buffer) < size:
                    raise NotEnoughItems(f"{len(self.buffer)} items are held, {size} are asked for.")
                batch = self.buffer.sample(size)
            except NotEnoughItems as shortage:
                self._refuse(shortage, size)
                return None
            self._last_batch = [item.index for item in batch]
            last = self._last_report
            if last is None or train_iter - last >= self.cfg.train_iter_per_log:
                self._last_report = train_iter
                self._tell(batch, train_iter)
            return [self._payload(item) for item in batch]

    def _payload(self, item: BufferedData) -> Any:
        if self.cfg.priority_IS_weight and takes_entries(item.data):
            return with_entry(item.data, "IS", item.meta[WEIGHT])
        return item.data

    def _tell(self, batch: Sequence[BufferedData], train_iter: int) -> None:
        if not self._reports:
            return
        numbers: dict[str, float] = {}
        if self.cfg.max_use != math.inf:
            numbers["use_count_avg"] = float(np.mean([item.meta["use_count"] for item in batch]))
        if self.cfg.priority:
            priorities = [item.meta["priority"] for item in batch]
            numbers["priority_avg"], numbers["priority_max"] = float(np.mean(priorities)), max(priorities)
        numbers["buffer_data_count"] = len(self.buffer)
        told = ", ".join(f"{name} {value:.6g}" for name, value in numbers.items())
        tagged = {f"{self.instance_name}_iter/{name}": value for name, value in numbers.items()}
        self._sink.write(tagged, train_iter, f"{self.instance_name} at iteration {train_iter}: {told}")

    def update(self, info: Mapping[str, Any]) -> None:
        """Gives the items of the last batch the priorities in ``info["priority"]``, one each, once.

        Without ``priority``, in the config or in ``info``, nothing is done. Items that are gone are counted
        as late; an entry with None is passed over. A bad one raises ``BadPriority`` and changes nothing.
        """
        given = checked_info(info).get("priority")
        if self._priorities is None or given is None:
            return
        try:
            priorities = [self._limited(priority) for priority in given]
        except TypeError as error:
            raise BadArgument(f"update() takes a list of priorities, also of one: {error}.") from error
        with self._lock:
            batch = self._last_batch
            if not batch:
                return
            if len(priorities) != len(batch):
                raise BadArgument(f"update() got {len(priorities)} priorities for {len(batch)} items.")
            told = [pair for pair in zip(batch, priorities, strict=True) if pair[1] is not None]
            if told:
                indices, chosen = zip(*told, strict=True)
                self.buffer.update(list(indices), meta={"priority": list(chosen)})
            self._last_batch = []

    def _limited(self, priority: Any) -> Any:
        limit = float(self.cfg.priority_max_limit)
        try:
            return min(priority, limit)  # in this order NaN stays what it is
        except (TypeError, ValueError):  # no number, which the layer of priorities tells
            return priority

    def clear(self) -> None:
        """Removes everything."""
        with self._lock:
            super().clear()
            self._last_batch = []
