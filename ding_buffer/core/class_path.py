"""Classes by the path they are found under, and back, without causing an import."""

from __future__ import annotations

import sys
from typing import Any

from ding_buffer.core.errors import BadArgument, CorruptSnapshot


def path_of(kind: type) -> str:
    """Returns the path of a class: ``module:Outer.Inner``."""
    return f"{kind.__module__}:{kind.__qualname__}"


def findable_path(kind: type) -> str:
    """Returns the path of a class that will be found by it; raises ``BadArgument`` for one that will not."""
    path = path_of(kind)
    if _loaded(path) is None:
        raise BadArgument(
            f"A {path} cannot be written: no class is found under this name. "
            "Define it at the top of its module."
        )
    return path


def class_at(path: str) -> type:
    """Returns the class of a path; raises ``CorruptSnapshot`` where none is loaded under it."""
    found = _loaded(path)
    if found is None:
        raise CorruptSnapshot(
            f"The file holds objects of {path}. Import {path.partition(':')[0]} before loading it."
        )
    return found


def _loaded(path: str) -> type | None:
    """Returns a class that is loaded already, or None.

    A file may name a class, never cause an import: that would run code, and so would asking a module that
    makes attributes when asked.
    """
    module, _, name = path.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) else None
