"""Mappings replaced at random."""

from __future__ import annotations

from collections.abc import Iterable

from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.pipeline.type_parameters import T


class DictRandomReplacementBuffer(RandomReplacementBuffer[T]):
    """Fills up to ``max_size`` mappings with exactly these keys; then a new one replaces a random one.

    Another mapping raises a ``ValueError`` where it is collected. The rest as in ``RandomReplacementBuffer``.
    """

    exact_keys = True

    def __init__(
        self,
        keys: Iterable[str],
        max_size: int,
        replace_probability: float | None = None,
        expected_survival_length: float | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(keys, max_size, replace_probability, expected_survival_length, seed=seed)

    @property
    def keys(self) -> set[str]:
        """The keys of a mapping, a new set each time."""
        return self.collecting_data_names
