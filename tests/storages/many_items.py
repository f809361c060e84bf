"""Columns of items in every form, buffers to extend with them, and what there is to compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.kernels.chosen import NAME
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage

SIZE = 10
CHAINS: dict[str, Any] = {
    "none": list,
    "per": lambda: [PriorityExperienceReplay()],
    "per by rank": lambda: [PriorityExperienceReplay(mode="rank")],
    "steps": lambda: [n_step(3, 0.9)],
    "uses": lambda: [use_time_check(max_use=3)],
    "windows": lambda: [sequence(2)],
    "all": lambda: [use_time_check(), PriorityExperienceReplay(), n_step(2, 0.5)],
    "staleness": lambda: [staleness_check()],
}
QUICK = [chain for chain in CHAINS if chain != "staleness"]
only_in_c = pytest.mark.skipif(NAME != "c", reason="only the C kernels have a shorter way")


def columns(first, count):
    """So many transitions by number; fields of every size that is copied in a way of its own."""
    numbers = np.arange(first, first + count)
    return {
        "obs": np.repeat(numbers[:, None], 4, axis=1).astype(np.float32),
        "n": numbers,
        "reward": numbers / 3,
        "small": numbers.astype(np.int16),
        "odd": np.repeat(numbers[:, None], 3, axis=1).astype(np.uint8),
        "image": np.repeat(numbers[:, None], 90, axis=1).astype(np.uint8),
        "done": numbers % 5 == 4,
    }


def with_column(key, change):
    def changed(batch):
        return {**batch, key: change(batch[key])}

    return changed


FORMS: dict[str, Any] = {
    "plain": lambda batch: batch,
    "another order": lambda batch: dict(reversed(batch.items())),
    "rows": lambda batch: [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)],
    "a list": with_column("n", list),
    "another dtype": with_column("n", lambda column: column.astype(np.int32)),
    "the other byte order": with_column("reward", lambda column: column.astype(">f8")),
    "with gaps": with_column("n", lambda column: np.repeat(column, 2)[::2]),
    "read only": with_column("n", lambda column: np.broadcast_to(column, column.shape)),
    "Fortran's": with_column("obs", np.asfortranarray),
    "a subclass": with_column("n", lambda column: column.view(np.matrix).reshape(-1)),
    "another length": with_column("done", lambda column: column[1:]),
    "another shape": with_column("obs", lambda column: column[:, :3]),
    "one number": with_column("n", lambda column: 7),
    "a key too many": lambda batch: {**batch, "more": batch["n"]},
    "a key too few": lambda batch: {key: batch[key] for key in batch if key != "n"},
    "another key": lambda batch: {**{key: batch[key] for key in batch if key != "n"}, 7: batch["n"]},
    "with priorities": lambda batch: {**batch, "priority": batch["reward"]},
    "nothing": lambda batch: {},
    "None": lambda batch: None,
}
METAS: dict[str, Any] = {
    "none": lambda count: None,
    "empty": lambda count: {},
    "env": lambda count: {"env": np.arange(count) % 2},
    "env and when": lambda count: {"when": np.arange(count) / 2, "env": np.arange(count)},
    "bools": lambda count: {"flag": np.arange(count) % 3 == 0},
    "the kind of another": lambda count: {"env": np.arange(count) / 2},
    "a list": lambda count: {"env": [*range(count)]},
    "one for all": lambda count: {"env": 3},
    "objects": lambda count: {"name": np.array([f"item {number}" for number in range(count)], object)},
    "rows": lambda count: [{"env": number} if number % 2 else {} for number in range(count)],
    "priorities": lambda count: {"priority": np.arange(count) + 0.5, "env": np.arange(count)},
    "bad priorities": lambda count: {"priority": -np.ones(count)},
    "another length": lambda count: {"env": np.arange(count + 1)},
    "a key that is no text": lambda count: {3: np.arange(count)},
    "when": lambda count: {"train_iter_data_collected": np.arange(count)},
    "no meta": lambda count: 5,
}
USUAL_METAS = ("none", "env", "env and when", "bools", "priorities", "when")


def extend(buffer, short, *arguments, **named):
    """Does it the short way where there is one, or past it."""
    return buffer.extend(*arguments, **named) if short else type(buffer).extend(buffer, *arguments, **named)


def told(batch):
    """All that a batch says."""
    if isinstance(batch, list):
        return [(repr(item.data), item.meta) for item in batch]
    return (
        [(key, column.dtype, column.tolist()) for key, column in (batch.data or {}).items()],
        [(key, column.dtype, column.tolist()) for key, column in batch.meta.items()],
        {key: rows.tolist() for key, rows in batch.absent.items()},
        (batch.slots.dtype, batch.slots.tolist(), batch.index.serials.tolist()),
        [text[16:] for text in batch.index],
        (None if batch.lengths is None else batch.lengths.tolist(), batch.mask, batch._wrap is None),
    )


def group(buffer):
    with buffer.store.lock:
        return len(buffer.store.grouped("env"))


def held(buffer):
    """All that two buffers can be compared by; takes the lock, so everybody has heard of everything."""
    state = buffer.state_dict()
    layers = [layer.stats() for layer in buffer._middleware if isinstance(layer, Middleware)]
    items = [(repr(item.data), item.meta, item.index[16:]) for item in buffer]
    buffer.store.check()
    return items, repr(state["store"]["order"]), repr(state["layers"]), layers, buffer.stats()


def outcome(call, *arguments):
    try:
        return told(call(*arguments))
    except Exception as error:  # noqa: BLE001  it is compared
        return type(error), str(error)


def filled(chain="none", size=SIZE, storage=ColumnStorage, meta=None, kind=DequeBuffer):
    """A buffer that knows what a payload looks like, and has a column for each meta that comes."""
    buffer = kind(size, storage=storage(), seed=0).use(*CHAINS[chain]())
    buffer.extend(columns(0, 3), meta)
    return buffer
