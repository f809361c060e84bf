"""What changes items that stay where they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.storages.group_value import check_group_value
from ding_buffer.storages.mending import mend
from ding_buffer.storages.telling import Telling


class Alteration(Telling):
    """Replaces payloads and metas, for one item or many; broken off, the change is made all the same."""

    @abstractmethod
    def check_item(self, data: Any, meta: Mapping[str, Any]) -> None:
        """Raises what ``push`` would raise for an item; changes nothing."""

    def update(self, slots: Sequence[int], data: Sequence[Any] | None, metas: Sequence[Any] | None) -> None:
        """Replaces payloads (None keeps one) and whole metas (None keeps all) of live slots."""
        payloads = [None] * len(slots) if data is None else data
        changes = [(payload, metas[place] if metas else None) for place, payload in enumerate(payloads)]
        if self.groups or self.storage.strict:
            for slot, (payload, meta) in zip(slots, changes, strict=True):
                held = self.storage.item(slot)
                self.check_item(
                    held.data if payload is None else payload, held.meta if meta is None else meta
                )
        try:
            self._write(slots, changes)
            if metas is not None:
                self._regroup(
                    np.array(slots), {key: [meta.get(key) for meta in metas] for key in self.groups}
                )
            self.tell("on_updated", slots)
        except BaseException:
            mend(self, again=lambda: self._write(slots, changes))
            raise

    def _write(self, slots: Sequence[int], changes: Sequence[tuple[Any, Any]]) -> None:
        for slot, (payload, meta) in zip(slots, changes, strict=True):
            self.storage.write(slot, payload, meta)

    def update_many(self, slots: np.ndarray, data: Sequence[Any] | None, metas: Mapping[str, Any]) -> None:
        """Replaces payloads (None keeps all) and writes single meta keys, a value each, of live slots.

        Of a slot named twice the last value stays.
        """
        for key in self.groups:
            for value in metas.get(key, ()):
                check_group_value(key, value)
        payloads = [] if data is None else list(data)
        if self.storage.strict:
            for payload in payloads:
                self.storage.check(payload, {})
        try:
            self._write_many(slots, payloads, metas)
            self._regroup(slots, {key: metas[key] for key in self.groups if key in metas})
            self.tell("on_updated", slots)
        except BaseException:
            mend(self, again=lambda: self._write_many(slots, payloads, metas))
            raise

    def _write_many(self, slots: np.ndarray, payloads: Sequence[Any], metas: Mapping[str, Any]) -> None:
        for slot, payload in zip(slots.tolist(), payloads, strict=False):  # all of them or none
            self.storage.write(slot, payload, None)
        if self.storage.columnar:
            for key, values in metas.items():
                self.storage.set_metas(slots, key, values)
        else:
            # Each gets a new dict: several items may have been pushed with the same.
            rows = zip(*map(_listed, metas.values()), strict=True) if metas else ()
            for slot, row in zip(slots.tolist(), rows, strict=bool(metas)):
                meta = {**self.storage.meta(slot), **dict(zip(metas, row, strict=True))}
                self.storage.write(slot, None, meta)

    def _regroup(self, slots: np.ndarray, changed: Mapping[str, Any]) -> None:
        serials = self.ring.serials_of(slots).tolist() if changed else []
        for key, values in changed.items():
            for slot, serial, value in zip(slots.tolist(), serials, _listed(values), strict=True):
                self.groups[key].move(slot, serial, value)


def _listed(values: Any) -> list[Any]:
    """Returns the values of a meta key as Python's."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
