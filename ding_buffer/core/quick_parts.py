"""What layers do to a plain push, sample or update, said in parts that one call can do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class PushParts:
    """What becomes of ``push(data, meta)``, where no layer does anything else to it.

    Asked like ``SampleParts``; here every layer that overrides ``push`` must have an answer. The same holds
    for each item of ``extend(columns, meta)``, where ``many`` says so: a payload is a row then, and a meta a
    row of the columns of metas.
    """

    key: str | None = None
    """A meta, or a payload without meta, that holds this key is for the layers."""
    intake: Any = None
    """Whose ``max_priority`` every other item is given under the key; None: it is given none."""
    layers: int = 0
    """How many have answered."""
    many: bool = True
    """Whether they have answered for ``extend`` too."""


@dataclass
class SampleParts:
    """What becomes of ``sample(size)``, where no layer does anything else to it.

    The layers that override ``sample`` are asked from the innermost outwards (``Middleware.quick_sample``);
    each writes down its part, once.
    """

    choose: Callable[[int], tuple[np.ndarray, np.ndarray | None] | None] | None = None
    """Draws that many live slots (int64) and weighs them (float64 or None).

    None in place of both: this case is for the layers, nothing has been drawn. What is asked for comes last,
    so that whoever says None has used no random number.
    """
    weighs: bool = False
    """Whether the weights go to ``meta["priority_IS"]`` and, float32 of shape (n, 1), to the payload's."""
    uses: np.ndarray | None = None
    """Where uses are counted by slot, int64; they also go to ``meta["use_count"]``."""
    limit: float = math.inf
    """At so many uses ``worn`` is called, with the slots drawn and their counts."""
    worn: Callable[[np.ndarray, np.ndarray], object] | None = None
    steps: Any = None
    """A ``FastSteps``, which makes each row one over several steps."""
    steps_last: bool = False
    """Whether the layer that says so stands around the one that weighs: then its columns come last."""


@dataclass
class UpdateParts:
    """What becomes of ``update(batch.index, meta={key: numbers})`` while all these items are still there."""

    key: str | None = None
    """The meta key that is written; its numbers must lie in [0, ``most``]."""
    most: float = math.inf
    intake: Any = None
    """Whose ``max_priority`` rises with the numbers."""
    follow: Callable[[np.ndarray, np.ndarray], object] | None = None
    """Called with the slots and what now stands in their metas; of a slot named twice the same twice."""
    quiet: dict[Any, Any] | None = None
    """While it holds anything, the layers do the update."""
