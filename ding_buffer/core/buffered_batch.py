"""A batch whose items lie side by side in arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor
from ding_buffer.core.errors import BadArgument, MissingExtra
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.core.leaves import leaves_of, map_leaves
from ding_buffer.core.ragged import RaggedColumn

_PLAIN = frozenset({np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)})


class BufferedBatch:
    """What a column storage returns for a sample: the columns, and the items where somebody wants them.

    ``data`` has the containers of one payload, and each leaf holds all of them, stacked: arrays of shape
    (n, ...), torch tensors where tensors were pushed, a ``RaggedColumn`` for fields of varying length, object
    arrays for anything else. ``meta`` is a dict of columns, shape (n,); rows that lack a key are marked in
    ``absent[key]``. ``slots`` says where the items lay, ``index`` who they are. All memory is new and the
    caller's: writing to it changes nothing in the buffer, and nothing in the buffer changes it.

    A batch of groups has ``lengths``. Where all groups have one length T, leaves, meta and slots are
    (B, T, ...); otherwise the groups lie behind each other, and ``opened()`` is the same without the groups.
    ``mask`` is None, or False where padding stands instead of an item.

    As a sequence it yields items (or, of groups, one batch each). They are made when asked for and are
    separate: to change a column, change ``meta`` or ``data``.
    """

    __slots__ = ("_wrap", "absent", "data", "index", "lengths", "mask", "meta", "slots")

    def __init__(
        self,
        data: Any,
        slots: np.ndarray,
        index: IndexColumn,
        meta: dict[str, Any],
        absent: dict[str, np.ndarray] | None = None,
        *,
        mask: np.ndarray | None = None,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        self.data = data
        self.slots = slots
        self.index = index
        self.meta = meta
        self.absent = {} if absent is None else absent
        self.mask = mask
        self.lengths: np.ndarray | None = None
        self._wrap = wrap  # what makes a payload of the containers of one row

    # Shapes.

    def grouped(self, lengths: Sequence[int] | np.ndarray) -> BufferedBatch:
        """Returns this flat batch seen as groups of these lengths; memory is shared."""
        sizes = np.asarray(lengths, dtype=np.int64)
        if len(sizes) and (sizes == sizes[0]).all():
            shape = (len(sizes), int(sizes[0]))
            made = self._with(
                lambda column: (
                    column.reshape(shape + column.shape[1:]) if hasattr(column, "reshape") else column
                )
            )
        else:
            made = self._with(lambda column: column)
        made.lengths = sizes
        return made

    def opened(self) -> BufferedBatch:
        """Returns the flat batch of a batch of groups; memory is shared."""
        if self.lengths is None:
            return self
        if self.slots.ndim == 1:
            made = self._with(lambda column: column)
        else:
            rows = self.slots.size
            made = self._reshaped(lambda column: column.reshape(rows, *column.shape[2:]))
        made.lengths = None
        return made

    def without_fillers(self) -> BufferedBatch:
        """Returns the flat batch of the items alone."""
        opened = self.opened()
        return opened if opened.mask is None else opened.pick(np.flatnonzero(opened.mask))

    def _with(self, change: Callable[[Any], Any]) -> BufferedBatch:
        made = BufferedBatch(
            map_leaves(change, self.data),
            change(self.slots),
            self.index,
            {key: change(column) for key, column in self.meta.items()},
            {key: change(column) for key, column in self.absent.items()},
            mask=None if self.mask is None else change(self.mask),
            wrap=self._wrap,
        )
        made.lengths = self.lengths
        return made

    def _reshaped(self, change: Callable[[Any], Any]) -> BufferedBatch:
        return self._with(lambda column: change(column) if hasattr(column, "reshape") else column)

    def pick(
        self,
        places: np.ndarray | slice,
        lengths: Sequence[int] | np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> BufferedBatch:
        """Returns the rows at ``places`` of the opened batch, grouped by ``lengths`` where given.

        An array of places copies, a slice shares memory. Where ``mask`` (shape of places) is False stands a
        filler: its leaves are zeros, its slot is -1, its index None, and it has no meta.
        """
        opened = self.opened()
        if not isinstance(places, slice) or (places.step or 1) < 0:
            # torch knows neither slices nor places that run backwards through memory
            places = np.ascontiguousarray(np.arange(len(opened))[places])
        made = opened._with(lambda column: None if column is None else column[places])
        made.index = opened.index[places]
        if mask is not None and not mask.all():
            made._blank(~mask)
        return made if lengths is None else made.grouped(lengths)

    def _blank(self, fillers: np.ndarray) -> None:
        def blank(column: Any) -> Any:
            if isinstance(column, RaggedColumn):
                return column.blanked(fillers)
            if isinstance(column, np.ndarray):
                column[fillers] = None if column.dtype.hasobject else np.zeros((), column.dtype)
            elif is_tensor(column):
                column[fillers] = 0
            return column

        self.data = map_leaves(blank, self.data)
        self.slots[fillers] = -1
        self.index = IndexColumn(np.where(fillers, -1, self.index.serials), self.index.text)
        self.mask = ~fillers if self.mask is None else self.mask & ~fillers
        self.absent = {key: self.absent.get(key, False) | fillers for key in self.meta}

    def mapped(self, change: Callable[[Any], Any]) -> BufferedBatch:
        """Returns a batch whose columns of ``data`` and ``meta`` are what ``change`` makes of them."""
        made = self.changed(data=map_leaves(change, self.data))
        made.meta = {key: change(column) for key, column in self.meta.items()}
        return made

    def changed(self, *, data: Any = None, meta: Mapping[str, Any] | None = None) -> BufferedBatch:
        """Returns a batch with other ``data`` (in the shape of this one), ``meta`` columns added, or both."""
        made = BufferedBatch(
            self.data if data is None else data,
            self.slots,
            self.index,
            {**self.meta, **(meta or {})},
            {key: rows for key, rows in self.absent.items() if key not in (meta or {})},
            mask=self.mask,
            wrap=self._wrap,
        )
        made.lengths = self.lengths
        return made

    # A sequence of items.

    def __len__(self) -> int:
        return len(self.slots) if self.lengths is None else len(self.lengths)

    def __getitem__(self, place: Any) -> Any:
        """Returns one item, or of groups one flat batch; for a slice or an array of places a batch."""
        if self.lengths is None:
            if isinstance(place, (slice, np.ndarray)):
                return self.pick(place)
            row = range(len(self))[place]
            return self._item(row, self.index[row])
        ends = np.cumsum(self.lengths)
        if isinstance(place, (slice, np.ndarray)):
            wanted = np.arange(len(self))[place]
            rows = [np.arange(ends[one] - self.lengths[one], ends[one]) for one in wanted]
            return self.pick(np.concatenate([np.empty(0, np.int64), *rows]), self.lengths[wanted])
        group = range(len(self))[place]
        return self.pick(slice(int(ends[group] - self.lengths[group]), int(ends[group])))

    def __iter__(self) -> Iterator[Any]:
        if self.lengths is None:
            return (self._item(row, index) for row, index in enumerate(self.index))
        return (self[place] for place in range(len(self)))

    def _item(self, row: int, index: Any) -> BufferedData:
        if self.mask is not None and not self.mask[row]:
            # No item at all: DI-engine's filler has None in every field.
            return BufferedData(None, None, None)  # type: ignore[arg-type]
        data = map_leaves(lambda column: entry(column, row), self.data)
        meta = {
            key: entry(column, row)
            for key, column in self.meta.items()
            if key not in self.absent or not self.absent[key][row]
        }
        return BufferedData(data if self._wrap is None else self._wrap(data), index, meta)

    def __add__(self, other: Any) -> list[Any]:
        """Returns a list of the items of both."""
        return [*self, *other] if isinstance(other, (list, BufferedBatch)) else NotImplemented

    def __radd__(self, other: Any) -> list[Any]:
        return [*other, *self] if isinstance(other, list) else NotImplemented

    def __repr__(self) -> str:
        groups = "" if self.lengths is None else f" in {len(self)} groups"
        return f"BufferedBatch({self.slots.size} items{groups}, meta={list(self.meta)})"

    # Other libraries.

    def to_torch(self, device: Any = None, pin: bool = False) -> BufferedBatch:
        """Returns the batch with torch tensors for arrays, in ``data`` and in ``meta``.

        On the CPU the tensors share the arrays' memory; ``device`` copies. ``pin`` puts them in page-locked
        memory first, so that the copy to a GPU runs beside other work. Columns of objects, and of what
        torch has no dtype for, stay what they are. Raises ``MissingExtra`` without torch.
        """
        torch = _torch()

        def convert(column: Any) -> Any:
            if isinstance(column, np.ndarray):
                if column.dtype.kind not in "biufc" or column.dtype.char in "gG":
                    return column  # torch has no such dtype
                column = torch.from_numpy(column)
            if not is_tensor(column):
                return column
            if pin:
                column = column.pin_memory()
            return column if device is None else column.to(device, non_blocking=pin)

        return self.mapped(convert)

    def to_treetensor(self) -> Any:
        """Returns ``data`` as one tree of tensors that share the batch's memory.

        Made once for the batch, which is hundreds of times cheaper than a tree for each transition. Raises
        ``MissingExtra`` without DI-treetensor, ``BadArgument`` unless ``data`` is a dict that has, by
        their names, columns of numbers, or such dicts.
        """
        if not isinstance(self.data, dict):
            raise BadArgument(f"A tree needs named fields; this batch holds a {type(self.data).__name__}.")
        made = self.to_torch().data
        strange = [name for name, part in _named(made) if not is_tensor(part)]
        if strange:
            raise BadArgument(
                f"A tree holds tensors, by names that are texts; these parts of the batch are none: "
                f"{', '.join(strange)}. Take them out of batch.data first, or use to_torch()."
            )
        try:
            import treetensor.torch as trees
        except ImportError as error:
            raise MissingExtra.of("DI-treetensor", "tree") from error
        return trees.Tensor(made)

    @property
    def nbytes(self) -> int:
        """How many bytes the columns of ``data`` take, object columns by their references."""
        return sum(int(getattr(column, "nbytes", 0)) for column in leaves_of(self.data))


# It is one in all but the method ``index``, whose name the public keys have.
Sequence.register(BufferedBatch)


def entry(column: Any, row: int) -> Any:
    """Returns one row of a column: a Python number of a column of numbers, otherwise a view on the column."""
    part = column[row]
    return part.item() if isinstance(part, np.generic) and part.dtype in _PLAIN else part


def _named(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yields what lies in nested dicts whose keys are texts, each with its path."""
    if isinstance(part, dict) and all(type(key) is str for key in part):
        for key, inner in part.items():
            yield from _named(inner, f"{name}.{key}" if name else key)
    else:
        yield name or "data", part


def _torch() -> Any:
    if "torch" in sys.modules:
        return sys.modules["torch"]
    try:
        import torch
    except ImportError as error:
        raise MissingExtra.of("torch", "torch") from error
    return torch
