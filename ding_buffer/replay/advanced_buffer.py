"""The worker buffer with priorities, limits of use and age, control of its throughput, and monitors."""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, NotEnoughItems
from ding_buffer.core.item import BufferedData
from ding_buffer.core.number_checks import check_number
from ding_buffer.core.weighing import KEY as WEIGHT
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.replay.data_age import COLLECTED, DataAge, collected_iter
from ding_buffer.replay.named_items import PLACE, UNIQUE_ID, NamedItems
from ding_buffer.replay.sample_gate import SampleGate
from ding_buffer.replay.sample_report import SampleReport
from ding_buffer.replay.thruput_controller import ThruputController
from ding_buffer.replay.worker_buffer import WorkerBuffer, checked_info
from ding_buffer.replay.worker_config import Rules, below, finite, number, whole

_LOG = logging.getLogger("ding_buffer")


class AdvancedReplayBuffer(WorkerBuffer):
    """Draws by priority, with replacement; forgets what was used or kept too long; reports what it hands out.

    The seed derives it from ``NaiveReplayBuffer``; as in DI-engine's code the two share a base only. Items
    are dicts: others are logged, counted as ``rejected`` and not stored. The mass of an item is ``(priority +
    1e-5) ** alpha``, its weight ``(p / p_min) ** -beta`` with p_min the least likely of all items held.

    * ``max_use``: an item is gone after so many draws. ``max_staleness``: gone once
      ``cur_learner_iter - data["collect_iter"]`` has reached it; what has no ``collect_iter`` stays.
    * ``beta`` rises to 1 over ``anneal_step`` samples; 0: it stays.
    * ``thruput_controller``: ``push_sample_rate_limit`` bounds items pushed for each one sampled, of about
      the last ``window_seconds``: a push that would lift the ratio above ``max`` is refused and a sample that
      would drop it below ``min`` is None (the comment in DI-engine's config has it the other way round).
      A sample is None as well while fewer than ``sample_min_limit_ratio`` times its size are held.
    * ``monitor``: every ``print_freq`` samples, what was drawn of late, over ``average_range`` samples; every
      ``seconds`` what came and went.
    * ``deepcopy``, ``enable_track_used_data``, ``used_data_directory``, ``seed``: see ``NaiveReplayBuffer``.
    """

    config: ClassVar[Mapping[str, Any]] = {
        "type": "advanced",
        "replay_buffer_size": 4096,
        "max_use": math.inf,
        "max_staleness": math.inf,
        "alpha": 0.6,
        "beta": 0.4,
        "anneal_step": 100_000,
        "enable_track_used_data": False,
        "used_data_directory": None,
        "deepcopy": False,
        "seed": None,
        "thruput_controller": ThruputController.config,
        "monitor": {
            "sampled_data_attr": {"average_range": 5, "print_freq": 200},
            "periodic_thruput": {"seconds": 60},
        },
    }

    _rules: ClassVar[Rules] = {
        **WorkerBuffer._rules,
        "max_use": number(1),
        "max_staleness": number(0, above=True),
        "alpha": number(0, 1),
        "beta": number(0, 1),
        "anneal_step": finite(0),
        **below("thruput_controller", ThruputController.rules),
        "monitor.sampled_data_attr.average_range": number(1),
        "monitor.sampled_data_attr.print_freq": whole(1),
        "monitor.periodic_thruput.seconds": number(0, above=True),
    }
    _counted: ClassVar[tuple[str, ...]] = (*WorkerBuffer._counted, "refused_pushes", "rejected")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._controller: ThruputController | None = None
        super().__init__(*args, **kwargs)
        self._envstep = -1
        self._report: SampleReport | None = None
        if self._reports:
            sampled = self.cfg.monitor.sampled_data_attr
            self._report = SampleReport(
                self.instance_name, sampled.average_range, sampled.print_freq, self._tb_logger
            )

    def _layers(self) -> Sequence[Middleware]:
        cfg = self.cfg
        control = cfg.thruput_controller
        limits = control.push_sample_rate_limit
        if limits.max != math.inf or limits.min != 0:
            self._controller = ThruputController(control, clock=self._clock)
        self._priorities = PriorityExperienceReplay(
            priority_power_factor=cfg.alpha,
            IS_weight_power_factor=cfg.beta,
            IS_weight_anneal_train_iter=cfg.anneal_step,
        )
        self._names = NamedItems(self.instance_name)
        return [
            DataAge(cfg.max_staleness),
            SampleGate(control.sample_min_limit_ratio, self._controller),
            use_time_check(max_use=cfg.max_use),
            self._names,
            self._priorities,
        ]

    def _thruput_config(self) -> Mapping[str, Any]:
        config: Mapping[str, Any] = self.cfg.monitor.periodic_thruput
        return config

    @property
    def alpha(self) -> float:
        """The exponent of priorities."""
        return float(self.cfg.alpha)

    @property
    def beta(self) -> float:
        """The exponent of the weights of the next sample."""
        return self._priorities.IS_weight_power_factor

    def push(self, data: Any, cur_collector_envstep: int | None = -1) -> None:
        """Stores one dict, or each of a list; a ``priority`` in it is its own, else the highest so far.

        A dict is kept by reference, unless ``deepcopy`` is set, and never written to. What the controller
        refuses is logged and counted as ``refused_pushes``. One bad priority refuses the whole list.
        ``cur_collector_envstep`` is what figures are reported by; None or -1: it is not known.
        """
        items = data if isinstance(data, list) else [data]
        envstep = -1 if cur_collector_envstep is None else cur_collector_envstep
        check_number("cur_collector_envstep", envstep, -1)
        with self._lock:
            self._envstep = envstep
            taken = self._dicts(items)
            if self._controller is not None:
                allowed, why = self._controller.can_push(len(taken))
                if not allowed:
                    self._counts["refused_pushes"] += len(taken)
                    _LOG.info("%s: %d items not taken. %s", self.instance_name, len(taken), why)
                    return
            self._keep(taken)
            if self._controller is not None:
                self._controller.history_push_count += len(taken)

    def _bring(self, items: list[Any]) -> None:
        with self._lock:
            self._keep(self._dicts(items))  # the controller has no say: what it refused would be lost

    def _dicts(self, items: list[Any]) -> list[dict[str, Any]]:
        taken = [item for item in items if isinstance(item, dict)]
        if len(taken) < len(items):
            self._counts["rejected"] += len(items) - len(taken)
            _LOG.warning(
                "%s: %d of %d items are no dicts and are not taken.",
                self.instance_name,
                len(items) - len(taken),
                len(items),
            )
        return taken

    def _keep(self, items: list[dict[str, Any]]) -> None:
        self._check_tracked(items)
        self.buffer.extend(items, meta=[self._meta(item) for item in items])
        self._note(pushed=len(items))

    def _meta(self, item: Mapping[str, Any]) -> dict[str, Any]:
        meta: dict[str, Any] = {"priority": item.get("priority")}
        collected = collected_iter(item)
        if collected is not None:
            meta[COLLECTED] = collected
        return meta

    def sample(
        self, size: int, cur_learner_iter: int, sample_range: slice | None = None
    ) -> list[dict[str, Any]] | None:
        """Draws ``size`` dicts; None where that is refused, which is logged.

        Each is a shallow copy of what was pushed (one drawn again a deep one), with ``replay_unique_id``,
        ``replay_buffer_idx`` (where it lies), ``priority``, ``IS`` (its weight), ``use`` (how often it was
        drawn) and ``staleness`` (-1 where it does not tell when it was collected). ``sample_range`` is a
        slice of positions, oldest first: ``slice(-10, None)`` is the last 10 items (DI-engine draws from the
        places of its memory, or from all others). The seed promises a list of length ``size``, and calls
        ``IS`` and ``priority`` optional: a shortage is None, and all six are always there. Should a payload
        have one of them, or ``priority_IS``, the copy loses it.
        """
        if size == 0:
            return []
        check_number("cur_learner_iter", cur_learner_iter, -1)
        with self._lock:
            try:
                batch = self.buffer.sample(
                    size, sample_range=sample_range, train_iter_sample_data=cur_learner_iter
                )
            except NotEnoughItems as shortage:
                self._note()  # stale items may have gone
                self._refuse(shortage, size)
                return None
            drawn = [self._told(item) for item in batch]
            if self._controller is not None:
                self._controller.history_sample_count += len(drawn)
            self._note(sampled=len(drawn))
            if self._report is not None:
                self._report.sampled(drawn, self.beta, cur_learner_iter, self._envstep)
            return drawn

    def _told(self, item: BufferedData) -> dict[str, Any]:
        """Returns the payload of a drawn item, a copy already, with what is known of it."""
        data, meta = item.data, item.meta
        data.pop(WEIGHT)
        data[UNIQUE_ID], data[PLACE] = meta[UNIQUE_ID], meta[PLACE]
        data["priority"], data["IS"] = meta["priority"], meta[WEIGHT]
        data["use"], data["staleness"] = int(meta["use_count"]), meta.get("staleness", -1)
        made: dict[str, Any] = data
        return made

    def update(self, info: Mapping[str, Any]) -> None:
        """Takes new priorities of sampled items.

        ``info`` holds lists of one length: ``replay_buffer_idx`` says where an item lies and
        ``replay_unique_id`` that it is still the same; ``priority`` is at least 0. What is gone meanwhile is
        left out and counted as ``late_updates``; an entry with None is passed over, and so is all where a
        list is None. Without ``priority`` nothing is done. A bad one raises ``BadPriority`` and changes
        nothing.
        """
        info = checked_info(info)
        missing = [key for key in (PLACE, UNIQUE_ID) if key not in info]
        if missing and info.get("priority") is not None:
            raise BadArgument(
                f"update() got priorities without {' and '.join(missing)}: sampled dicts have them, one each."
            )
        columns = [info.get(key) for key in (PLACE, UNIQUE_ID, "priority")]
        if columns[2] is None or columns[0] is None or columns[1] is None:
            return
        try:
            places, names, priorities = [list(column) for column in columns if column is not None]
        except TypeError as error:
            raise BadArgument(f"update() takes lists, also of one entry: {error}.") from error
        if not len(places) == len(names) == len(priorities):
            raise BadArgument(
                f"update() got {len(places)} places, {len(names)} ids and {len(priorities)} priorities."
            )
        rows = [
            row
            for row in zip(places, names, priorities, strict=True)
            if all(part is not None for part in row)
        ]
        try:
            slots = np.array([operator.index(place) for place, _, _ in rows], dtype=np.int64)
        except (TypeError, OverflowError) as error:
            raise BadArgument(f"{PLACE} holds something that is no place: {error}.") from error
        with self._lock:
            there = self._names.still_there(slots, [name for _, name, _ in rows])
            self._store.counts["late_updates"] += len(rows) - int(np.count_nonzero(there))
            chosen = [priority for (_, _, priority), known in zip(rows, there.tolist(), strict=True) if known]
            if chosen:
                self.buffer.update(slots[there], meta={"priority": chosen})
