"""Tells whether calls keep references to what they are given."""

from __future__ import annotations

import gc
import sys

import numpy as np

from tests.kernels.both import outcome


def parts_of(values):
    """The values and what lists, tuples, dicts and arrays of objects among them hold, to any depth."""
    for value in values:
        yield value
        if isinstance(value, dict):
            yield from parts_of(value.values())
        elif isinstance(value, (list, tuple)):
            yield from parts_of(value)
        elif isinstance(value, np.ndarray) and value.dtype.hasobject:
            yield from parts_of(value.ravel())


def counts_of(held):
    """Who holds each of them, in an array: a list of counts would hold numbers itself."""
    return np.fromiter(map(sys.getrefcount, held), np.int64, len(held))


def keeps_references(function, arguments, held=None, calls=50):
    """Whether somebody more, or less, holds an argument, or a part of ``held``, after each call.

    What a call takes and does not give back is one reference each time. Short texts, types and functions
    belong to the whole interpreter, where another may take one meanwhile; None and whole numbers so often
    that they are left out. What earlier tests left in circles holds hundreds: it is not collected meanwhile.
    """
    parts = parts_of(arguments if held is None else held)
    held = [part for part in parts if not isinstance(part, (int, type(None)))]
    gc.freeze()
    try:
        before = counts_of(held)
        for _ in range(calls):
            outcome(function, *arguments)
        change = counts_of(held) - before
    finally:
        gc.unfreeze()
    return bool((abs(change) >= calls).any())
