"""Windows of consecutive transitions, each within one episode."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ding_buffer.core.annealing import Annealing
from ding_buffer.core.batch import count_of, flat, in_hand, meta_columns, shaped_like
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.errors import BadArgument, BadQuery, ChainError, NotEnoughItems
from ding_buffer.core.fillers import items_there, with_fillers
from ding_buffer.core.number_checks import check_number, check_whole
from ding_buffer.core.weighing import weighed, weighed_columns
from ding_buffer.samplers.prioritized_range import serials_of
from ding_buffer.samplers.window_draw import Within, draw_uniform
from ding_buffer.samplers.window_feedback import feedback
from ding_buffer.samplers.window_priorities import WindowPriorities
from ding_buffer.samplers.window_shape import WindowShape
from ding_buffer.storages.episode_starts import EpisodeStarts
from ding_buffer.storages.store import Store
from ding_buffer.storages.stream_reader import StreamReader
from ding_buffer.structures.legal_starts import LegalStarts

_LOG = logging.getLogger("ding_buffer")
_DECIDED_HERE = frozenset({"replace", "sample_range", "ignore_insufficient"})
_PADS = {"none": (False, False), "start": (True, False), "end": (False, True), "both": (True, True)}

Pad = Literal["none", "start", "end", "both"]
Slots = npt.NDArray[np.int64]


class SequenceReplay(Middleware):
    """Draws windows of consecutive transitions of one episode; every legal start is equally likely.

    ``sample(size)`` returns ``size`` windows of ``burn_in + length`` places, the first ``burn_in`` of which
    only warm up a recurrent state: a list of lists of items, or of columns one batch of shape (B, T, ...). A
    query that names its items or groups (``indices``, ``groupby``) passes.

    What follows what: the next item with the same ``meta[stream]`` and ``meta[episode]``, unless a flag ends
    the episode in between, or the item between them was deleted. Without these keys all items are one stream.
    The flags are fields of the payload, or else of the meta. A flag that is set later cuts; one that is taken
    back joins nothing.

    * ``pad="none"``: all places hold items, so an episode shorter than a window gives none. ``"end"``: at
      least the first learned place does, and the window may run past the newest item of the episode.
      ``"start"``: the learned places do, and the burn-in may reach before its oldest. ``"both"``: every item
      is the first learned one of some window. Where there is no item is a filler: of objects
      ``BufferedData(None, None, None)``, of columns zeros, ``mask`` False, slot -1 and index None.
    * ``overlap=k``: windows begin only every ``length - k`` steps of an episode, so that the learned parts of
      neighbours share k, counted from the first step pushed, evicted since or not, while any of it is held
      (where the burn-in may reach before the start, the first learned step is counted); else anywhere.
    * ``replace=False``: distinct starts, so no more windows than there are. ``sample_range``: windows whose
      items all lie in it.
    """

    name = "sequence"
    hears_late = True
    once = True
    inside: ClassVar = {
        "staleness_check": "it would draw windows with items that staleness_check then takes away",
        "sample_range_view": "it would draw from the whole buffer and miss the range",
        "group_sample": "its windows would be cut",
        "padding": "windows that it pads itself would come padded",
        "rate_limit": "it would draw windows that may be gone by the time rate_limit lets them go",
    }

    def __init__(
        self,
        length: int,
        burn_in: int = 0,
        overlap: int | None = None,
        pad: Pad = "none",
        *,
        stream: str | None = "env",
        episode: str | None = "episode",
        terminated: str | None = "terminated",
        truncated: str | None = "truncated",
        done: str | None = "done",
    ) -> None:
        check_whole("length", length, 1)
        check_whole("burn_in", burn_in, 0)
        if overlap is not None:
            check_whole("overlap", overlap, 0, length - 1)
        if pad not in _PADS:
            raise BadArgument(f"pad must be one of {', '.join(map(repr, _PADS))}, got {pad!r}.")
        self.shape = WindowShape(burn_in, length, *_PADS[pad])
        """How long windows are, and where they may be padded."""
        self._padded = pad == "end" or (pad == "start" and burn_in > 0) or pad == "both"
        self._stride = 1 if overlap is None else length - overlap
        self._names = (stream, episode)
        self._flags = (terminated, truncated, done)
        self._untold = False  # whether the update that is on its way changes no stream and no end
        self._episodes: EpisodeStarts
        self._starts: LegalStarts
        self._store: Store

    def bind(self, buffer: Home) -> None:
        """Takes the items in that are there; no window bridges a place where one was deleted before."""
        self._store = buffer.store
        reader = StreamReader(self._store, *self._names, self._flags)
        self._episodes = EpisodeStarts(self._store, reader, self.shape.need, self._stride)
        self._starts = self._episodes.legal
        self._prepare()
        self.on_loaded()

    def _prepare(self) -> None:
        """Makes what else is kept by slot."""

    def on_filled(self, slots: Sequence[int]) -> None:
        """Links new items to what came before them."""
        self._episodes.filled(slots)

    def on_evicted(self, slots: Sequence[int]) -> None:
        """Takes the oldest out."""
        self._episodes.evicted(slots)

    def on_deleted(self, slots: Sequence[int]) -> None:
        """Breaks their episodes in two."""
        self._episodes.deleted(slots)

    def on_updated(self, slots: Sequence[int]) -> None:
        """Cuts where an item turns out to end its episode or to be of another stream."""
        if not self._untold:
            self._episodes.updated(slots)

    def on_cleared(self) -> None:
        """Forgets everything."""
        self._episodes.cleared()

    def on_loaded(self) -> None:
        """Links the items that are there now."""
        self._episodes.loaded()

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Looks at what is written: mostly it concerns no episode, and then nothing is read again."""
        self._untold = data is None and (
            meta is None
            or (
                isinstance(meta, Mapping)
                and not isinstance(index, str)  # of one item it replaces the whole meta
                and self._episodes.reader.meta_keys.isdisjoint(meta)
            )
        )
        try:
            return chain(index, data=data, meta=meta)
        finally:
            self._untold = False

    # Batches go out.

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws windows, then lets the rest of the chain fetch their items."""
        named = query and any(query.get(key) is not None for key in ("indices", "groupby", "unroll_len"))
        if named or not isinstance(size, (int, np.integer)) or size < 1:
            return chain(size=size, **query)
        rest = {key: value for key, value in query.items() if key not in _DECIDED_HERE} if query else query
        try:
            within = self._within(query["sample_range"]) if query.get("sample_range") is not None else None
            starts, weights = self._draw(int(size), bool(query.get("replace")), within)
        except NotEnoughItems as shortage:
            if not query.get("ignore_insufficient"):
                raise
            _LOG.warning("%s Returning an empty batch, as ignore_insufficient asks.", shortage)
            return []
        windows = self.shape.slots(self._starts.succession, starts)
        if not self._padded:
            asked = windows if self._store.storage.columnar else list(windows)
            batch = chain(size=len(windows), indices=asked, **rest)
            same = weights is None and isinstance(batch, BufferedBatch) and batch.slots.shape == windows.shape
            return batch if same else self._finished(batch, [windows.shape[1]] * len(windows), weights)
        there = windows >= 0
        lengths = there.sum(axis=1).tolist()
        parts = np.split(windows[there], np.cumsum(lengths)[:-1])
        batch = chain(size=len(windows), indices=parts, **rest)
        return with_fillers(self._finished(batch, lengths, weights), there)

    def _within(self, sample_range: Any) -> Within | None:
        """Returns the part of the buffer to draw from, None for all of it."""
        positions = self._store.positions(sample_range)
        if len(positions) == len(self._store):
            return None
        if abs(positions.step) != 1:
            raise BadArgument("Windows are of consecutive items: they need a sample_range without a step.")
        low, high = serials_of(self._store.ring, positions) if len(positions) else (0, 0)
        return Within(self._store.ring, self._starts, self.shape, low, high)

    def _draw(self, size: int, replace: bool, within: Within | None) -> tuple[Slots, Any]:
        """Returns the starts, and a weight of each where there are weights."""
        return draw_uniform(self._store.rng, self._starts, within, size, replace), None

    def _finished(self, batch: Any, lengths: list[int], weights: Any) -> Any:
        """Returns the windows with their weights."""
        columns = isinstance(batch, BufferedBatch)
        found = batch.lengths if columns else [len(group) for group in batch]
        if found is None or not np.array_equal(found, lengths):
            raise ChainError("A layer inside sequence changed the windows: what is where in them?")
        if weights is None:
            return batch
        spread_out = np.repeat(weights, lengths)
        if columns:
            return weighed_columns(batch, spread_out)
        return shaped_like(batch, weighed(flat(batch), spread_out))

    def learned(self, batch: Any) -> npt.NDArray[np.bool_]:
        """Returns which places of a batch of windows are to be learned from, bool, (B, T).

        Those after the burn-in that are no fillers.
        """
        marks = items_there(batch)
        if marks.ndim != 2 or marks.shape[-1] != self.shape.burn_in + self.shape.length:
            raise BadQuery("learned() takes a batch of windows as sample(size) returns them.")
        marks[:, : self.shape.burn_in] = False
        return marks

    # State.

    def state_dict(self) -> dict[str, Any]:
        """Returns what the items do not tell: where episodes were broken, and the order of the starts."""
        return {"starts": self._starts.state_dict(self._store.ring.live())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it back."""
        self._starts.load_state_dict(state["starts"], self._store.ring.live())

    def stats(self) -> dict[str, Any]:
        """Returns how many windows there are, and how many items had a stream that can be none."""
        return {"windows": len(self._starts), "unnamed": self._episodes.reader.unnamed}


class PrioritizedSequenceReplay(SequenceReplay):
    """Draws windows of one episode in proportion to the priorities of their steps, and weighs them.

    The priority of a step is ``meta["priority"]``, given with ``push``, else the highest seen so far;
    ``update(batch.index, meta={"priority": ...})`` changes it: for a batch of windows with one for each place
    (of fillers it does not matter), one for each learned place, or one for each window, which all its learned
    steps then have. A window is as likely as ``(eta * max + (1 - eta) * mean + epsilon) ** alpha`` of its
    learned steps. Draws are with replacement. Each item of a window carries its weight, ``(p / p_min) **
    -beta`` with p_min the least likely of all windows, as with ``PriorityExperienceReplay``.

    NaN, infinite and negative priorities raise ``BadPriority`` and change nothing. Source: Kapturowski et al.
    2019, "Recurrent Experience Replay in Distributed Reinforcement Learning", section 2.3.
    """

    def __init__(
        self,
        length: int,
        burn_in: int = 0,
        overlap: int | None = None,
        pad: Pad = "none",
        *,
        eta: float = 0.9,
        alpha: float = 0.6,
        beta: float = 0.4,
        anneal: int = 0,
        epsilon: float = 1e-5,
        beta_schedule: Callable[[int], float] | None = None,
        **names: str | None,
    ) -> None:
        super().__init__(length, burn_in, overlap, pad, **names)
        for name, value, high in (("eta", eta, 1.0), ("beta", beta, 1.0), ("alpha", alpha, math.inf)):
            check_number(name, value, 0.0, high)
        check_number("anneal", anneal, 0.0)
        check_number("epsilon", epsilon, 0.0)
        self._mix = (eta, alpha, epsilon)
        self._beta = Annealing(beta, anneal, beta_schedule)
        self._windows: WindowPriorities

    def _prepare(self) -> None:
        try:
            self._windows = WindowPriorities(self._starts, self.shape, *self._mix)
        except ValueError as error:
            raise BadArgument(f"alpha does not go with this buffer: {error}.") from error

    # Priorities come in.

    def push(self, chain: Chain, data: Any, meta: dict[str, Any] | None = None) -> Any:
        """Checks a priority that is given."""
        if isinstance(meta, Mapping) and meta.get("priority") is not None:
            self._windows.intake.checked(meta["priority"])
        return chain(data, meta=meta)

    def extend(self, chain: Chain, batch: Any, meta: Any = None) -> Any:
        """Checks the priorities that are given; a bad one refuses all."""
        if meta is not None:
            batch = in_hand(batch)
            given, _ = meta_columns(meta, count_of(batch)).get("priority", ((), None))
            array = isinstance(given, np.ndarray)
            self._windows.intake.checked_all(given if array else [one for one in given if one is not None])
        return chain(batch, meta=meta)

    def update(self, chain: Chain, index: Any, data: Any = None, meta: Any = None) -> Any:
        """Checks priorities before anything changes; those of windows go to their steps."""
        if not isinstance(meta, Mapping) or "priority" not in meta:
            return super().update(chain, index, data, meta)
        if isinstance(index, str):
            return super().update(
                chain, index, data, {**meta, "priority": self._windows.intake.checked(meta["priority"])}
            )
        index, data, meta, meant = feedback(self.shape, self._windows.intake, index, data, meta)
        there = np.zeros(len(meant), dtype=bool)
        there[meant] = super().update(chain, index, data, meta)
        return there

    def on_filled(self, slots: Sequence[int]) -> None:
        """Links new items and gives them a priority."""
        super().on_filled(slots)
        if len(slots) == 1:
            self._windows.filled_one(int(slots[0]), self._store.storage.meta(slots[0]).get("priority"))
        else:
            self._windows.filled(slots, *self._store.storage.metas(slots, "priority"))

    def on_deleted(self, slots: Sequence[int]) -> None:
        """Breaks episodes in two; windows that reached into the gap are padded from now on."""
        self._windows.deleted(self._starts.succession.preceding[slots])
        super().on_deleted(slots)

    def on_updated(self, slots: Sequence[int]) -> None:
        """Takes changed priorities over, whichever view changed them."""
        super().on_updated(slots)
        self._windows.updated(slots, *self._store.storage.metas(slots, "priority"))

    def on_cleared(self) -> None:
        """Starts anew; beta goes on."""
        super().on_cleared()
        self._windows.clear()

    def on_loaded(self) -> None:
        """Links the items that are there now and takes over the priorities in their metas."""
        self._windows.clear()
        super().on_loaded()
        slots = self._store.ring.live()
        self._windows.filled(slots, *self._store.storage.metas(slots, "priority"))

    def _draw(self, size: int, replace: bool, within: Within | None) -> tuple[Slots, Any]:
        windows, beta = self._windows, self._beta.now
        starts = windows.draw(self._store.rng, size, within)
        self._beta.samples += 1
        return starts, (windows.masses(starts) / windows.min_mass) ** -beta

    def state_dict(self) -> dict[str, Any]:
        """Returns also the priorities."""
        priorities = self._windows.state_dict(self._store.ring.live())
        return {**super().state_dict(), "priorities": priorities, "samples": self._beta.samples}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it back; a state without priorities leaves those of the metas."""
        super().load_state_dict(state)
        if "priorities" in state:
            self._windows.load_state_dict(state["priorities"], self._store.ring.live())
            self._beta.samples = int(state["samples"])

    def stats(self) -> dict[str, Any]:
        """Returns also the highest priority, the current beta, and how many bad priorities came past."""
        intake = self._windows.intake
        seen = {"max_priority": intake.max_priority, "poisoned": intake.poisoned}
        return {**super().stats(), "beta": self._beta.now, **seen}


def sequence(
    length: int,
    burn_in: int = 0,
    overlap: int | None = None,
    pad: Pad = "none",
    prioritized: bool = False,
    *,
    eta: float = 0.9,
    alpha: float = 0.6,
    beta: float = 0.4,
    anneal: int = 0,
    epsilon: float = 1e-5,
    stream: str | None = "env",
    episode: str | None = "episode",
    terminated: str | None = "terminated",
    truncated: str | None = "truncated",
    done: str | None = "done",
) -> SequenceReplay:
    """Makes a layer that samples windows of ``burn_in + length`` consecutive transitions of one episode.

    Every window that may be drawn is equally likely, or with ``prioritized`` as likely as ``eta * max +
    (1 - eta) * mean`` of the priorities of its steps, to the power of ``alpha``; see the two classes above.
    """
    names = {
        "stream": stream,
        "episode": episode,
        "terminated": terminated,
        "truncated": truncated,
        "done": done,
    }
    if not prioritized:
        return SequenceReplay(length, burn_in, overlap, pad, **names)
    mix = {"eta": eta, "alpha": alpha, "beta": beta, "anneal": anneal, "epsilon": epsilon}
    return PrioritizedSequenceReplay(length, burn_in, overlap, pad, **mix, **names)  # type: ignore[arg-type]
