"""Files of PAMIQ-Core's buffers."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.pipeline.field_rows import FieldRows
from ding_buffer.pipeline.plain_pickle import read_plain_pickle


def original_rows(path: Path, fields: FieldRows | None) -> list[Any]:
    """Returns the rows that PAMIQ-Core saved under ``path``, oldest first.

    Of 0.4 and before, a directory with a pickled list for each field; since 0.5 one pickle, of elements, or
    of mappings with the keys of ``fields``. Raises ``CorruptSnapshot`` for what does not fit together or
    holds more than plain values, ``FileNotFoundError`` where there is nothing.
    """
    if path.is_dir():
        if fields is None or fields.exact:
            raise CorruptSnapshot(
                f"{path} is the directory of a buffer with named fields: give them here too."
            )
        return _rows_of_columns(path, fields)
    file = _one_file(path)
    if fields is not None and not fields.exact:
        raise CorruptSnapshot(f"{file} holds elements without named fields: this buffer has {fields.names}.")
    found = read_plain_pickle(file)
    if fields is not None and isinstance(found, dict):
        return _zipped(file, fields, [found[name] for name in fields.names if name in found])
    elements = _listed(file, found)
    try:
        return elements if fields is None else [fields.row(element) for element in elements]
    except ValueError as error:
        raise CorruptSnapshot(f"{file}: {error}") from error


def _one_file(path: Path) -> Path:
    # The original cut off what it took for an ending, so that v1.0 and v1.5 were one file.
    names = [path.with_name(path.name + ".pkl"), path.with_suffix(".pkl")]
    for file in names:
        if file.is_file():
            return file
    raise FileNotFoundError(f"Nothing was saved as {path}: there is neither such a directory nor {names[0]}.")


def _rows_of_columns(path: Path, fields: FieldRows) -> list[Any]:
    columns = []
    for name in fields.names:
        if Path(name).name != name:
            raise CorruptSnapshot(f"{path} cannot hold a field called {name!r}: that is no name of a file.")
        file = path / f"{name}.pkl"
        columns.append(_listed(file, read_plain_pickle(file)))
    return _zipped(path, fields, columns)


def _zipped(path: Path, fields: FieldRows, columns: list[Any]) -> list[Any]:
    if len(columns) != len(fields.names) or len({len(column) for column in columns}) > 1:
        lengths = [len(column) for column in columns]
        raise CorruptSnapshot(f"{path}: Inconsistent list lengths in loaded data: {lengths}.")
    return list(zip(*columns, strict=True))


def _listed(file: Path, found: Any) -> list[Any]:
    if not isinstance(found, (list, tuple, deque)):
        raise CorruptSnapshot(f"{file}: expected a list, found a {type(found).__name__}.")
    return list(found)
