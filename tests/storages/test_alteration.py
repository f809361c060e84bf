"""What changes items that stay where they are."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.core.chain import Middleware
from ding_buffer.storages.column_storage import ColumnStorage
from tests.storages.stores import made


class _Failing(Middleware):
    def on_updated(self, slots):
        raise KeyboardInterrupt


class _Slow(ColumnStorage):
    """Is interrupted at the second write, once."""

    writes = 0

    def write(self, slot, data, meta):
        self.writes += 1
        if self.writes == 2:
            raise KeyboardInterrupt
        super().write(slot, data, meta)


def test_an_update_that_a_layer_breaks_off_has_been_made_and_the_groups_know():
    store = made(3)
    store.grouped("env")
    store.attach(_Failing())
    with pytest.raises(KeyboardInterrupt):
        store.update([0, 1], None, [{"env": 7}, {"env": 8}])
    store.check()
    assert [7, 8, 0] == [store.storage.meta(slot)["env"] for slot in store.live()]
    assert [7, 8, 0] == [group.value for group in store.groups["env"].groups]


def test_an_update_of_many_that_is_broken_off_in_its_midst_is_made_for_all():
    store = made(4, storage=_Slow())
    with pytest.raises(KeyboardInterrupt):
        store.update_many(np.array([0, 2, 3]), [10, 12, 13], {"env": [4, 5, 6]})
    store.check()
    assert [10, 1, 12, 13] == [store.storage.item(slot).data for slot in store.live()]
    assert [4, 1, 5, 6] == [store.storage.meta(slot)["env"] for slot in store.live()]
