"""A buffer and its naive twin, driven together."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.batch import flat, stored
from ding_buffer.core.chain import Middleware, overrides
from ding_buffer.core.errors import NotEnoughItems, UnknownIndex
from ding_buffer.storages.store import Store
from ding_buffer.testing.naive_twin import NaiveTwin

KINDS = ("uniform", "replace", "range", "indices", "groups", "windows")
"""The ways to sample that a driver knows."""
GROUPS = ("groups", "windows")
KEY = "env"


class Follower(Middleware):
    """Knows which item lies where from the events alone, as any layer with state by slot does."""

    def __init__(self) -> None:
        self.live: dict[int, str] = {}
        self._leaving: set[int] = set()
        self._store: Store

    def bind(self, buffer: Any) -> None:
        """Takes the items in that are there."""
        self._store = buffer.store
        self.on_loaded()

    def on_filled(self, slots: Sequence[int]) -> None:
        """Looks who came."""
        for slot in slots:
            assert slot not in self.live, f"slot {slot} was filled twice"
            self.live[slot] = self._store.storage.item(slot).index

    def on_removing(self, slots: Sequence[int]) -> None:
        """Looks who is about to go: they are still known by their indices."""
        where = np.asarray(slots, dtype=np.int64)
        self._leaving = set(where.tolist())
        assert len(where) == len(self._leaving), f"of slots {list(slots)} one is to be emptied twice"
        assert [self.live[slot] for slot in where.tolist()] == list(self._store.names(where))

    def on_evicted(self, slots: Sequence[int]) -> None:
        """Strikes who went, as was announced."""
        assert set(slots) == self._leaving, f"slots {list(slots)} were emptied, {self._leaving} announced"
        for slot in slots:
            del self.live[slot]

    def on_deleted(self, slots: Sequence[int]) -> None:
        """Strikes who went."""
        self.on_evicted(slots)

    def on_updated(self, slots: Sequence[int]) -> None:
        """Asks only that whoever was updated is there."""
        assert set(slots) <= set(self.live), f"of slots {list(slots)} not all hold an item"

    def on_cleared(self) -> None:
        """Strikes everybody, as was announced."""
        assert set(self.live) == self._leaving, f"all went, {self._leaving} were announced"
        self.live.clear()

    def on_loaded(self) -> None:
        """Looks who is there."""
        self.live.clear()
        self.on_filled(self._store.live())


class TwinDriver:
    """Does the same to a buffer and to a ``NaiveTwin``, and compares them after each step.

    Whatever its layers are, a buffer holds what was pushed, oldest first, less what was evicted or deleted,
    and hands out nothing else. A buffer whose layers leave ``sample`` alone must return exactly what was
    asked for.

    * ``payload(n)`` makes the n-th payload, compared by ``same``; ``meta(n)`` is what layers need to know.
    * ``query`` goes with every sample; ``kinds`` are the ways to sample that layers allow (all: ``KINDS``).
    """

    def __init__(
        self,
        buffer: Any,
        *,
        payload: Callable[[int], Any] = int,
        meta: Callable[[int], Mapping[str, Any]] | None = None,
        query: Mapping[str, Any] | None = None,
        kinds: Collection[str] = KINDS,
        same: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        self.buffer = buffer
        self.twin = NaiveTwin(buffer.size)
        self.kinds = [kind for kind in KINDS if kind in kinds]
        self.known: list[str] = []
        """Every index seen so far, the gone ones too."""
        self._payload, self._meta, self._query = payload, meta, dict(query or {})
        self._same = same or (lambda left, right: bool(left == right))
        self._made = 0
        self._follower: Follower | None = None
        self._view: Any = None
        self._take_in(None)

    @property
    def bare(self) -> bool:
        """Whether no layer changes what is sampled."""
        return not any(overrides(layer, "sample") for layer in self.buffer._middleware)

    def follow(self) -> None:
        """Lets a layer of another view follow the events from now on."""
        if self._follower is None:
            self._follower = Follower()
            self._view = self.buffer.view().use(self._follower)

    def push(self, env: int | None = None) -> None:
        """Pushes one item."""
        data, meta = self._next(env)
        item = self.buffer.push(data, meta=dict(meta))
        self._take_in({} if item is None else {item.index: meta})
        self.agree()

    def extend(self, envs: Sequence[int | None], columns: bool = False) -> None:
        """Pushes many items at once, the metas as dicts or as columns."""
        made = [self._next(env) for env in envs]
        metas: Any = [dict(meta) for _, meta in made]
        if columns and metas:
            metas = {key: [meta.get(key) for meta in metas] for key in metas[0].keys() | {KEY}}
        items = self.buffer.extend([data for data, _ in made], meta=metas)
        assert len(made) == len(items), "extend must return one entry for each payload"
        self._take_in(
            {item.index: meta for item, (_, meta) in zip(items, made, strict=True) if item is not None}
        )
        self.agree()

    def update(self, choice: int, env: int | None, with_data: bool = False) -> None:
        """Replaces the meta of one item, which may be gone."""
        if not self.known:
            return
        index = self.known[choice % len(self.known)]
        data, meta = self._next(env)
        given = data if with_data else None
        there = self.buffer.update(index, data=given, meta=dict(meta))
        assert self.twin.update(index, given, meta) == there
        self.agree()

    def update_many(self, choices: Sequence[int], env: int | None) -> None:
        """Sets the group of many items at once, gone ones and repeated ones included."""
        indices = self._choose(choices)
        there = self.buffer.update(indices, meta={KEY: [env] * len(indices)})
        assert [self.twin.update(index, None, {KEY: env}, merge=True) for index in indices] == list(there)
        self.agree()

    def delete(self, choices: Sequence[int], elsewhere: bool = False) -> None:
        """Deletes items, gone ones and repeated ones included, here or through another view."""
        indices = self._choose(choices)
        buffer = self.buffer.view() if elsewhere else self.buffer
        assert self.twin.delete(indices) == buffer.delete(iter(indices))
        self.agree()

    def clear(self) -> None:
        """Removes everything."""
        self.buffer.clear()
        self.twin.clear()
        self.agree()

    def reload(self) -> None:
        """Lets the buffer load its own state."""
        self.buffer.load_state_dict(self.buffer.state_dict())
        self.agree()

    def move_to_copy(self) -> None:
        """Goes on with a deep copy of the buffer; the original must not notice."""
        original, before = self.buffer, self.buffer.count()
        self.buffer = copy.deepcopy(original)
        followed = self._follower is not None
        self._follower = self._view = None
        if followed:
            self.follow()
        self.push()
        assert before == original.count(), "a push into the copy changed the original"
        original.store.check()

    def sample(
        self, kind: int, size: int, start: int = 0, length: int = 4, step: int = 1, unroll_len: int = 2
    ) -> None:
        """Draws a batch of one of ``kinds`` and looks at everything in it."""
        how = self.kinds[kind % len(self.kinds)]
        asked: dict[str, Any] = {"size": size}
        if how == "indices":
            held = self.twin.indices()
            asked = (
                {"indices": [held[(start + place * 3) % len(held)] for place in range(size)]}
                if held
                else asked
            )
        if how == "range" or (how in GROUPS and step > 1):
            asked["sample_range"] = slice(start - 6, start - 6 + length or None, step if self.bare else 1)
        if how in GROUPS:
            asked |= {"groupby": KEY, "replace": bool(start % 2)}
        if how == "windows":
            asked["unroll_len"] = unroll_len
        asked |= {"replace": True} if how == "replace" else {}
        before = {item.index: item.data for item in self.twin.items}
        try:
            batch = self.buffer.sample(**{**asked, **self._query})
        except NotEnoughItems:
            assert not self.bare or self._short(asked), f"{asked} is no shortage"
        except UnknownIndex:
            assert not self.bare, f"{asked} asks for what is there"
        else:
            self._look(batch, before)
            if self.bare:
                assert not self._short(asked), f"{asked} is a shortage"
                self._compare(batch, asked)
        self.twin.delete(set(before) - {item.index for item in self.buffer})
        self.agree()

    def agree(self) -> None:
        """Compares what the two hold; whatever is kept for speed must fit together as well."""
        buffer, twin = self.buffer, self.twin
        buffer.store.check()
        held = list(buffer)
        assert twin.indices() == [item.index for item in held]
        assert len(twin) == len(buffer) == buffer.count() == len(buffer.indices)
        for mine, item in zip(twin.items, held, strict=True):
            assert self._same(mine.data, item.data), f"{mine.data!r} became {item.data!r}"
            assert mine.meta == {key: item.meta.get(key, mine) for key in mine.meta}
        for key, column in buffer.meta_index.items():
            assert [item.meta.get(key) for item in held] == list(column)
        if self._follower is not None:
            assert sorted(twin.indices()) == sorted(self._follower.live.values())

    def _next(self, env: int | None) -> tuple[Any, dict[str, Any]]:
        number = self._made
        self._made += 1
        meta = dict(self._meta(number)) if self._meta is not None else {}
        return self._payload(number), meta if env is None else {**meta, KEY: env}

    def _take_in(self, given: Mapping[str, Mapping[str, Any]] | None) -> None:
        """Lets the twin have what is new: a layer may refuse an item, hold it back, or bring several."""
        known = set(self.known)
        for item in self.buffer:
            if item.index not in known:
                self.known.append(item.index)
                self.twin.push(item.data, item.index, (given or {}).get(item.index, item.meta))

    def _choose(self, choices: Sequence[int]) -> list[str]:
        return [self.known[choice % len(self.known)] for choice in choices] if self.known else []

    def _look(self, batch: Any, before: Mapping[str, Any]) -> None:
        items = stored(batch)
        assert len({id(item) for item in flat(batch)}) == len(flat(batch)), (
            "one object stands in the batch twice"
        )
        for item in items:
            assert item.index in before, f"{item.index} was not in the buffer"
            assert self._same(before[item.index], item.data), (
                f"{before[item.index]!r} came out as {item.data!r}"
            )

    def _short(self, asked: Mapping[str, Any]) -> bool:
        if "indices" in asked:
            return False
        if "groupby" in asked:
            groups = self.twin.groups(KEY, asked.get("sample_range"))
            count = sum(len(group) >= asked.get("unroll_len", 1) for group in groups.values())
        else:
            count = len(self.twin.in_range(asked.get("sample_range")))
        wanted: int = 1 if asked.get("replace") else asked["size"]
        return bool(count < wanted)

    def _compare(self, batch: Any, asked: Mapping[str, Any]) -> None:
        if "indices" in asked:
            assert asked["indices"] == [item.index for item in batch]
            return
        assert asked["size"] == len(batch)
        if "groupby" not in asked:
            drawn = [item.index for item in batch]
            assert set(drawn) <= set(self.twin.in_range(asked.get("sample_range")))
            assert asked.get("replace") or len(set(drawn)) == len(drawn)
            return
        groups = self.twin.groups(KEY, asked.get("sample_range"))
        home = {index: group for group in groups.values() for index in group}
        firsts = []
        for sampled in batch:
            drawn = [item.index for item in sampled]
            group = home[drawn[0]]
            start, length = group.index(drawn[0]), asked.get("unroll_len", 0) or len(group)
            assert group[start : start + length] == drawn
            assert length == len(drawn)
            firsts.append(group[0])
        assert asked.get("replace") or len(set(firsts)) == len(firsts)
