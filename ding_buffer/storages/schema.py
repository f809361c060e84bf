"""What the payloads of a column storage look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ding_buffer.core.copies import is_tensor, is_tree
from ding_buffer.core.errors import SchemaError
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.kernels.chosen import Stacker
from ding_buffer.storages.container import KEYED, Container, container_of, take_apart
from ding_buffer.storages.field import Field, path_name, shown
from ding_buffer.storages.schema_spec import spec_leaf, take_spec_apart
from ding_buffer.storages.schema_state import read_state, write_state

_PLAIN = "?bBhHiIlLqQefd"  # what the kernels write


class Schema:
    """The containers of a payload and their leaves, the fields; immutable.

    Learnt from the first payload (``of``, ``of_columns``) or told (``from_spec``). A list belongs to the
    structure like a tuple: its length is fixed.
    """

    __slots__ = ("_fits", "_flat_keys", "_pick", "_trees", "_width", "at_once", "fields", "root")

    fields: tuple[Field, ...]
    """The leaves, in the order of the first payload."""
    at_once: Callable[[Any], tuple[np.ndarray, ...] | None]
    """Returns what ``stacked`` would, where that takes one look and no conversion; None says nothing."""

    def __init__(self, root: Container | Field) -> None:
        self.root = root
        self.fields = (root,) if isinstance(root, Field) else tuple(root.fields())
        self._fits = [field.fitter() for field in self.fields]
        self._flat_keys = self.keys
        self.at_once = _never
        plain = self.plain
        if plain:
            self.at_once = Stacker(plain).columns
        self._trees = _has_trees(root)
        self._width = -1
        self._pick: Callable[[Any], Iterable[Any]] = tuple
        if isinstance(root, Container) and root.kind in KEYED and _is_flat(root) and len(root.keys) > 1:
            # The common payload, a dict of arrays, is taken apart in one call.
            self._width, self._pick = len(root.keys), itemgetter(*root.keys)

    @classmethod
    def of(cls, payload: Any) -> Schema:
        """Returns the schema that the first payload makes.

        Arrays and numpy scalars give their dtype and shape, Python numbers bool, int64, float64 or
        complex128, torch tensors become tensors again; anything that is no container is an object.
        """
        return cls._made(payload, _first_leaf)

    @classmethod
    def of_columns(cls, columns: Any) -> Schema:
        """Returns the schema that a first stack of columns makes: each leaf has a leading dimension more.

        A list of numbers, texts or other single objects is a column, a list of arrays or containers a list of
        columns.
        """
        return cls._made(columns, _column_leaf)

    @classmethod
    def from_spec(cls, spec: Any) -> Schema:
        """Returns the schema of a spec: see ``schema_spec.spec_leaf``."""
        return cls._made(spec, spec_leaf, take_spec_apart)

    @classmethod
    def _made(cls, value: Any, leaf: Callable[..., Field | None], apart: Any = take_apart) -> Schema:
        try:
            return cls(container_of(value, leaf, apart))
        except RecursionError:
            raise SchemaError("the payload: expected fields, got a container that holds itself.") from None

    def leaves(self, payload: Any) -> list[Any]:
        """Returns the leaves of a payload in the order of ``fields``, as they are.

        Raises ``SchemaError`` where a key is missing or too many, a container is another or of another
        length.
        """
        if type(payload) is dict and len(payload) == self._width:
            try:
                return [*self._pick(payload)]
            except KeyError:
                pass
        if isinstance(self.root, Field):
            return [payload]
        found: list[Any] = []
        self.root.leaves(payload, found)
        return found

    def fit(self, payload: Any) -> list[Any]:
        """Returns the leaves as ``ColumnTable.write`` takes them.

        Raises ``SchemaError`` where containers differ or a value does not fit.
        """
        return [fit(leaf) for fit, leaf in zip(self._fits, self.leaves(payload), strict=True)]

    def check(self, payload: Any) -> None:
        """Raises ``SchemaError`` for a payload that does not fit."""
        self.fit(payload)

    def build(self, leaves: Iterable[Any], trees: bool = False) -> Any:
        """Puts leaves in the containers of the first payload.

        Trees become nested dicts, or with ``trees`` trees.
        """
        if self._flat_keys is not None:
            return dict(zip(self._flat_keys, leaves, strict=True))
        return next(iter(leaves)) if isinstance(self.root, Field) else self.root.build(iter(leaves), trees)

    def wrapped(self, payload: Any) -> Any:
        """Returns a payload made by ``build`` with its trees made trees; entries added to it since stay."""
        known = self.root.keys if isinstance(self.root, Container) and self.root.kind in KEYED else ()
        added = {key: part for key, part in payload.items() if key not in known} if known else {}
        if not added:
            return self.build(self.leaves(payload), trees=True)
        made = self.build(self.leaves({key: payload[key] for key in known}), trees=True)
        return type(made)({**dict(made.items()), **added})

    @property
    def has_trees(self) -> bool:
        """Whether ``wrapped`` changes anything."""
        return self._trees

    def stacked(self, batch: Any) -> list[Any]:
        """Returns the columns of many payloads in the order of ``fields``; raises ``SchemaError``.

        ``batch`` is a list (or other iterable) of payloads, or columns: a mapping, tree, named tuple or
        dataclass as the payload is one, whose leaves have a leading dimension more. A column of numbers is a
        contiguous array of the field's dtype, others are lists.
        """
        return self.stacked_columns(batch) if self.is_columns(batch) else self.stacked_rows(batch)

    def is_columns(self, batch: Any) -> bool:
        """Tells whether a batch is columns rather than an iterable of payloads."""
        kind: Any = type(batch)
        if isinstance(self.root, Field):
            array = isinstance(batch, np.ndarray) and not batch.dtype.hasobject
            return array or is_tensor(batch) or isinstance(batch, RaggedColumn)
        return isinstance(batch, Mapping) or is_tree(batch) or kind is self.root.made

    def stacked_rows(self, payloads: Iterable[Any]) -> list[Any]:
        """Returns the columns of a list of payloads; a refusal names the row."""
        rows = [self._leaves_of_row(payload, row) for row, payload in enumerate(payloads)]
        if not rows:
            return [field.fit_rows([]) for field in self.fields]
        columns = zip(*rows, strict=True)
        return [field.fit_rows(values) for field, values in zip(self.fields, columns, strict=True)]

    def _leaves_of_row(self, payload: Any, row: int) -> list[Any]:
        try:
            return self.leaves(payload)
        except SchemaError as error:
            raise SchemaError(f"Row {row}: {error}") from None

    def stacked_columns(self, columns: Any) -> list[Any]:
        """Returns the columns of stacked payloads; arrays may share memory with what was given."""
        leaves = self.leaves(columns)
        length = self.length(leaves)
        return [field.fit_column(leaf, length) for field, leaf in zip(self.fields, leaves, strict=True)]

    def delivered(self, columns: Sequence[Any]) -> list[Any]:
        """Returns what ``stacked`` returned as a batch shows it, tensors where there were; shares memory."""
        return [field.delivered(column) for field, column in zip(self.fields, columns, strict=True)]

    def length(self, leaves: Sequence[Any]) -> int:
        """Returns how many rows all columns have; raises ``SchemaError`` where they differ."""
        length = -1
        for field, leaf in zip(self.fields, leaves, strict=True):
            try:
                rows = len(leaf)
            except TypeError:
                raise SchemaError(f"{field.name}: expected a column, got {shown(leaf)}.") from None
            if length < 0:
                length = rows
            elif rows != length:
                first = self.fields[0].name
                raise SchemaError(f"{field.name}: expected {length} rows, as {first} has, got {rows}.")
        return max(length, 0)

    @property
    def keys(self) -> tuple[Any, ...] | None:
        """The keys of a payload that is a flat dict, otherwise None."""
        root = self.root
        if isinstance(root, Field) or root.kind != "dict":
            return None
        return root.keys if _is_flat(root) else None

    @property
    def plain(self) -> tuple[tuple[Any, ...], ...] | None:
        """Of a payload that is a flat dict of numbers and arrays, by texts, what each field is; else None.

        For each (key, dtype char, bytes of a number, numbers, shape).
        """
        made = []
        for key, field in zip(self.keys or (), self.fields, strict=False):
            if type(key) is not str or field.kind != "array" or field.dtype.char not in _PLAIN:
                return None
            made.append((key, field.dtype.char, field.dtype.itemsize, field.count, field.shape))
        return None if self.keys is None else tuple(made)

    def state(self) -> dict[str, Any]:
        """Returns a description that JSON can hold.

        Raises ``BadArgument`` for classes that would not be found again and keys that JSON has not.
        """
        return write_state(self.root)

    @classmethod
    def from_state(cls, state: Any) -> Schema:
        """Returns the schema of a description; raises ``CorruptSnapshot`` where it describes none."""
        return cls(read_state(state))

    def describe(self) -> str:
        """Returns one line for each field: its path, and what it takes."""
        width = max((len(field.name) for field in self.fields), default=0)
        return "\n".join(f"{field.name:<{width}}  {_described(field)}" for field in self.fields)

    def __eq__(self, other: object) -> bool:
        return self.root == other.root if isinstance(other, Schema) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.root)

    def __reduce__(self) -> tuple[Any, ...]:
        return Schema, (self.root,)

    def __repr__(self) -> str:
        return f"Schema({', '.join(f'{field.name}: {_described(field)}' for field in self.fields)})"


def _never(_: Any) -> None:
    return None


def _is_flat(root: Container) -> bool:
    return all(isinstance(part, Field) for part in root.parts)


def _described(field: Field) -> str:
    return f"{'ragged ' if field.kind == 'ragged' else ''}{field.expected}"


def _has_trees(part: Container | Field) -> bool:
    return isinstance(part, Container) and (part.kind == "tree" or any(map(_has_trees, part.parts)))


def _first_leaf(path: tuple[Any, ...], value: Any) -> Field | None:
    return None if take_apart(value) is not None else Field.of(path, value)


def _column_leaf(path: tuple[Any, ...], column: Any) -> Field | None:
    if isinstance(column, RaggedColumn):
        return Field.of_dtype(path, column.values.dtype, (None, *column.values.shape[1:]))
    if type(column) is list:
        if any(take_apart(part) is not None or getattr(part, "ndim", 0) > 0 for part in column):
            return None
        made = {Field.of(path, part) for part in column}
        return made.pop() if len(made) == 1 else Field(path, "object")
    if take_apart(column) is not None:
        return None
    field = Field.of(path, column)
    if isinstance(column, np.ndarray) and column.ndim and field.kind == "object":
        return field
    if field.kind == "object" or not field.shape:
        raise SchemaError(f"{path_name(path)}: expected a column, got {shown(column)}.")
    return Field(path, field.kind, field.dtype, field.shape[1:], field.torch)
