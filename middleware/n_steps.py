"""Returns over several steps, made of single transitions when a batch is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ding_buffer.core.batch import flat, is_nested, note, shaped_like
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Chain, Home, Middleware
from ding_buffer.core.copies import is_tensor, takes_entries
from ding_buffer.core.flag_forms import Flags, flag_column, flags_of
from ding_buffer.core.item import BufferedData
from ding_buffer.core.leaves import map_leaves
from ding_buffer.core.number_checks import check_number, check_whole
from ding_buffer.core.number_forms import column_in_form_of, in_form_of, number_column, numbers_of
from ding_buffer.core.payload_fields import field_of, fields_found, fields_of, has_field, with_fields
from ding_buffer.core.quick_parts import SampleParts
from ding_buffer.kernels.chosen import FastSteps, fold_rewards
from ding_buffer.storages.container import take_apart
from ding_buffer.storages.step_fields import StepFields
from ding_buffer.storages.store import Store
from ding_buffer.storages.stream_reader import StreamReader
from ding_buffer.structures.succession import Succession

Slots = npt.NDArray[np.int64]

_DISCOUNT, _STEPS = "discount", "n_step"


class NStep(Middleware):
    """Turns each drawn transition into one over up to ``n`` steps; what is stored stays single transitions.

    With k the number of steps taken, an item that is returned has

    * ``reward``: the sum of ``gamma ** i * reward`` over the k steps, in the form the reward has,
    * ``next_obs`` and the flags of the last of them, and the observation and action of the first,
    * ``discount``: ``gamma ** k``, 0 where the last step is terminal, in the form of the reward; for
      payloads that are mappings or trees, or have such a field,
    * ``meta["discount"]``, the same as a float, and ``meta["n_step"]``, which is k,

    so the target is ``reward + discount * value(next_obs)``. The steps of a transition are what was pushed
    after it with the same ``meta[stream]`` (and the same ``meta[episode]``); without these keys all items are
    one stream. They end with the first that is terminated, truncated or done, with the newest item, before
    one that was deleted, and never reach what has been evicted. A truncated episode bootstraps.

    Items are new; of an object storage, their parts are shared with what is stored.
    """

    name = "n_step"
    hears_late = True
    once = True
    inside: ClassVar = {
        "clone_object": "the next observations that it fetches would be no copies",
        "use_time_check": "it would look for what follows items that use_time_check has just deleted",
    }

    def __init__(
        self,
        n: int,
        gamma: float,
        *,
        reward: str = "reward",
        next_obs: str | None = "next_obs",
        terminated: str | None = "terminated",
        truncated: str | None = "truncated",
        done: str | None = "done",
        stream: str | None = "env",
        episode: str | None = "episode",
    ) -> None:
        check_whole("n", n, 1)
        check_number("gamma", gamma, 0, 1)
        self._n, self._gamma = int(n), float(gamma)
        self._powers = self._gamma ** np.arange(n + 1)
        self._reward, self._next_obs = reward, next_obs
        self._terminated, self._truncated, self._done = terminated, truncated, done
        self._keys = (stream, episode)
        self._chains: Succession
        self._reader: StreamReader
        self._store: Store
        self._table: Any = None
        self._read: StepFields | None = None  # of that table

    def __getstate__(self) -> dict[str, Any]:
        """A copy looks at its own table."""
        return {**super().__getstate__(), "_table": None, "_read": None}

    def bind(self, buffer: Home) -> None:
        """Takes the items in that are there; nothing follows where one was deleted before."""
        self._store = buffer.store
        self._chains = Succession(self._store.capacity)
        self._reader = StreamReader(self._store, *self._keys, ends=())
        self.on_loaded()

    # The store says who came and went. Episodes are not ended here: the flags may be changed by an update,
    # and are looked at when they count.

    def on_filled(self, slots: Sequence[int]) -> None:
        """Links new items to what came before them."""
        if len(slots) == 1:
            slot = int(slots[0])
            self._chains.append_one(slot, *self._reader.read_one(slot))
        else:
            many = np.asarray(slots, dtype=np.int64)
            self._chains.append(many, *self._reader.read(many))

    def on_evicted(self, slots: Sequence[int]) -> None:
        """Cuts what goes on from them."""
        if len(slots) == 1:
            self._chains.remove_one(int(slots[0]))
        else:
            self._chains.remove(slots)

    def on_deleted(self, slots: Sequence[int]) -> None:
        """Cuts what leads to them and goes on from them."""
        self._chains.remove(slots)

    def on_cleared(self) -> None:
        """Forgets everything."""
        self._chains.clear()

    def on_loaded(self) -> None:
        """Links the items that are there now."""
        ring = self._store.ring
        slots = ring.live()
        self._chains.rebuild(slots, ring.serials_of(slots), ring.next, *self._reader.read(slots))

    # Batches go out.

    def sample(self, chain: Chain, size: int | None = None, **query: Any) -> Any:
        """Draws, then goes on from what was drawn; fillers of padding stay what they are."""
        batch = chain(size=size, **query)
        if isinstance(batch, BufferedBatch):
            return self._columns(batch)
        if is_nested(batch) and isinstance(batch[0], BufferedBatch):
            return [self._columns(group) for group in batch]
        items = flat(batch)
        drawn = [item for item in items if item.index is not None]
        made = iter(self._items(drawn) if drawn else ())
        return shaped_like(batch, [item if item.index is None else next(made) for item in items])

    def quick_sample(self, parts: SampleParts) -> bool:
        """Says so in parts."""
        if parts.steps is not None or parts.uses is not None:  # whoever counts uses may delete what was drawn
            return False
        parts.steps, parts.steps_last = FastSteps(self._chains, self._powers, self._plan), parts.weighs
        return True

    def _plan(self) -> tuple[Any, ...] | None:
        fields = self._fields()
        return None if fields is None else fields.plan(self._next_obs, _DISCOUNT)

    def _items(self, drawn: list[BufferedData]) -> list[BufferedData]:
        slots = self._store.slots_of([item.index for item in drawn])
        # What a layer further in has deleted meanwhile has slot -1: nothing follows it.
        steps = self._chains.walk(slots, self._n)
        there = steps >= 0
        later = there[:, 1:]
        followers = self._store.items(steps[:, 1:][later].tolist())
        payloads = [item.data for item in (*drawn, *followers)]
        places = np.zeros(steps.shape, dtype=np.int64)  # of each step in payloads
        places[:, 0] = np.arange(len(drawn))
        places[:, 1:][later] = np.arange(len(drawn), len(payloads))

        found = {name: fields_found(payloads, name) for name in self._flags}
        found = {name: values for name, values in found.items() if {*map(type, values)} != {type(None)}}
        flags = {name: flags_of(values, name) for name, values in found.items()}
        terminated, over = self._ends(flags, len(payloads))
        counts = _counts(there, over[places])
        last = places[np.arange(len(drawn)), counts - 1]
        rewards = fields_of(payloads, self._reward)
        totals = self._totals(numbers_of(rewards, self._reward)[places], counts)
        discounts = np.where(terminated[last], 0.0, self._powers[counts])

        forms, ends = rewards[: len(drawn)], last.tolist()
        fields = {self._reward: in_form_of(forms, totals)}
        if self._next_obs is not None:
            fields[self._next_obs] = fields_of([payloads[end] for end in ends], self._next_obs)
        for name, values in found.items():
            fields[name] = [values[end] for end in ends]
        fields[_DISCOUNT] = in_form_of(forms, _spread(discounts, totals))
        patchy = [name for name, values in found.items() if type(None) in set(map(type, values))]
        made = []
        rows = zip(*fields.values(), strict=True)
        told = zip(discounts.tolist(), counts.tolist(), strict=True)
        for place, (item, row, (discount, count)) in enumerate(zip(drawn, rows, told, strict=True)):
            changes = dict(zip(fields, row, strict=True))
            for name in patchy:
                if found[name][place] is None or changes[name] is None:
                    del changes[name]
            if not _takes_discount(item.data):
                del changes[_DISCOUNT]
            meta = {**item.meta, _DISCOUNT: discount, _STEPS: count}
            made.append(BufferedData(with_fields(item.data, **changes), item.index, meta))
        return made

    def _columns(self, batch: BufferedBatch) -> BufferedBatch:
        """Makes returns of a batch of columns, which is the caller's: its columns are replaced."""
        data, fields = batch.data, self._fields()
        if fields is None or batch.mask is not None or type(data) is not dict or not fields.are_in(data):
            return self._other_columns(batch)
        slots = batch.slots
        shape = slots.shape
        last, counts, discounts, made = fields.follow(
            self._chains.following, slots.reshape(-1), self._powers, _DISCOUNT
        )
        if self._next_obs is not None:
            made[self._next_obs] = self._next(data, last)
        if len(shape) > 1:
            made = map_leaves(lambda column: _arranged(column, shape, None), made)
        data.update(made)
        note(batch, _DISCOUNT, discounts)
        note(batch, _STEPS, counts)
        return batch

    def _fields(self) -> StepFields | None:
        """Returns what the kernel reads of a column storage; None where it cannot."""
        table = getattr(self._store.storage, "table", None)
        if table is not self._table:
            flags = (self._terminated, self._truncated, self._done)
            self._read = None if table is None else StepFields.of(table, self._reward, flags)
            self._table = table
        return self._read

    def _next(self, data: Any, ends: Slots) -> Any:
        """Returns the next observations of other slots, in the form in which a batch has them."""
        read: Any = self._store.storage.read  # type: ignore[attr-defined]
        column = field_of(data, str(self._next_obs))
        if type(column) is np.ndarray:
            return read(ends, (self._next_obs,))
        paths = _paths(column, (self._next_obs,))
        return map_leaves(lambda _: read(ends, next(paths)), column)

    def _other_columns(self, batch: BufferedBatch) -> BufferedBatch:
        """Does the same where there are fillers, tensors, rewards of many parts, or no dict."""
        slots = batch.slots.reshape(-1)
        fillers = None if batch.mask is None else slots < 0
        if fillers is not None and fillers.any():
            if fillers.all():
                return batch
            slots = np.where(fillers, slots[fillers.argmin()], slots)  # to be blanked again
        steps = self._chains.walk(slots, self._n)
        held = np.maximum(steps, 0)  # what is read where nothing follows does not count

        storage: Any = self._store.storage
        data, read = batch.data, storage.read
        form = field_of(data, self._reward)
        found = {name: read(held, (name,)) for name in self._flags if has_field(data, name)}
        flags = {name: flag_column(column, held.shape, name) for name, column in found.items()}
        terminated, over = self._ends(flags, held.shape)
        counts = _counts(steps >= 0, over)
        last = np.arange(0, held.size, self._n) + counts - 1  # of the opened steps
        totals = self._totals(number_column(read(held, (self._reward,)), self._reward), counts)
        discounts = np.where(terminated.reshape(-1)[last], 0.0, self._powers[counts])

        fields = {name: column.reshape(-1, *column.shape[2:])[last] for name, column in found.items()}
        fields[self._reward] = column_in_form_of(form, totals)
        if _takes_discount(data):
            fields[_DISCOUNT] = column_in_form_of(form, _spread(discounts, totals))
        if self._next_obs is not None:
            fields[self._next_obs] = self._next(data, held.reshape(-1)[last])
        if fillers is not None or batch.slots.ndim > 1:
            fields = map_leaves(lambda column: _arranged(column, batch.slots.shape, fillers), fields)
        made = batch.changed(data=with_fields(data, **fields))
        note(made, _DISCOUNT, discounts)
        note(made, _STEPS, counts)
        return made

    @property
    def _flags(self) -> list[str]:
        return [name for name in (self._terminated, self._truncated, self._done) if name is not None]

    def _ends(self, flags: Mapping[str, tuple[Flags, Flags | bool]], shape: Any) -> tuple[Flags, Flags]:
        """Returns which steps are terminal, and which are the last of their episode.

        ``flags`` has for each field its values and which of them are known. Where nothing else says whether
        an episode was terminated or truncated, what is done is terminated.
        """
        over = np.zeros(shape, dtype=bool)
        for flag, _ in flags.values():
            over |= flag
        terminated, known = flags.get(self._terminated or "", (over, False))
        if known is True:
            return terminated, over
        never = np.zeros(shape, dtype=bool), False
        done, truncated = (flags.get(name or "", never)[0] for name in (self._done, self._truncated))
        return np.where(known, terminated, done & ~truncated), over

    def _totals(self, rewards: npt.NDArray[np.float64], counts: Slots) -> npt.NDArray[np.float64]:
        """Returns the discounted sums of (B, n, ...) rewards over the first ``counts`` steps."""
        taken = np.arange(self._n) < counts[:, None]
        if rewards.ndim == 2:
            return fold_rewards(rewards, taken, self._gamma)
        lines = np.moveaxis(rewards.reshape(*taken.shape, -1), 2, 1)
        folded = fold_rewards(lines.reshape(-1, self._n), np.repeat(taken, lines.shape[1], 0), self._gamma)
        return folded.reshape(-1, *rewards.shape[2:])

    def state_dict(self) -> dict[str, Any]:
        """Returns who follows whom, which the items that are left cannot always tell."""
        return {"chains": self._chains.state_dict(self._store.live()), "unnamed": self._reader.unnamed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it back for the items that were loaded, which are the newest of those saved."""
        self._chains.load_state_dict(state["chains"], self._store.live())
        self._reader.unnamed = int(state["unnamed"])

    def stats(self) -> dict[str, Any]:
        """Returns how many items nothing follows, because their stream has no name one can compare."""
        return {"unnamed": self._reader.unnamed}


def _counts(there: Flags, over: Flags) -> Slots:
    """Returns how many steps are taken: as long as they are there, up to the first that ends an episode."""
    stops = np.ones(there.shape, dtype=bool)
    np.logical_or(over[:, :-1], ~there[:, 1:], out=stops[:, :-1])
    counts: Slots = stops.argmax(axis=1) + 1
    return counts


def _spread(discounts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Returns the discount of each row in the shape of its reward, in new memory."""
    spread = np.empty_like(totals)
    spread[...] = discounts.reshape(-1, *[1] * (totals.ndim - 1))
    return spread


def _takes_discount(payload: Any) -> bool:
    return type(payload) is dict or takes_entries(payload) or has_field(payload, _DISCOUNT)


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yields where the leaves of a field lie, in the order of ``map_leaves``."""
    apart = take_apart(value)
    if apart is None:
        yield path
        return
    for key, part in zip(apart[2], apart[3], strict=True):
        yield from _paths(part, (*path, key))


def _arranged(column: Any, shape: tuple[int, ...], fillers: Flags | None) -> Any:
    """Returns a new column of a flat batch in the shape of the batch, blank where fillers are."""
    if not isinstance(column, np.ndarray) and not is_tensor(column):
        return column
    if fillers is not None:
        column[fillers] = None if isinstance(column, np.ndarray) and column.dtype.hasobject else 0
    return column.reshape(*shape, *column.shape[1:])


def n_step(
    n: int,
    gamma: float,
    *,
    reward: str = "reward",
    next_obs: str | None = "next_obs",
    terminated: str | None = "terminated",
    truncated: str | None = "truncated",
    done: str | None = "done",
    stream: str | None = "env",
    episode: str | None = "episode",
) -> NStep:
    """Makes a layer that returns transitions over up to ``n`` steps, made of single ones as they are drawn.

    The target is ``reward + discount * value(next_obs)``: see ``NStep``. ``reward`` ... ``done`` are the
    names of fields; flags that are absent, or None here, never end an episode. ``stream`` and ``episode`` are
    meta keys: push with ``meta={"env": number}`` where several environments fill one buffer.
    """
    return NStep(
        n,
        gamma,
        reward=reward,
        next_obs=next_obs,
        terminated=terminated,
        truncated=truncated,
        done=done,
        stream=stream,
        episode=episode,
    )
