"""Items replaced at random."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.middleware.replacement import random_replacement
from ding_buffer.pipeline.data_buffer import NOT_GIVEN, is_size
from ding_buffer.pipeline.stored_buffer import StoredBuffer, size_of
from ding_buffer.pipeline.type_parameters import T
from ding_buffer.samplers.survival import given_chance, replacement_chance
from ding_buffer.structures.ring_index import serials_in

_QUEUES = 16
"""How many times as much as is held may be pending: a tiny probability would ask for all memory."""


class RandomReplacementBuffer(StoredBuffer[T]):
    """Fills up to ``max_size``; then a new item replaces a random one, with ``replace_probability``.

    ``RandomReplacementBuffer(names, max_size, ...)`` holds mappings with these fields,
    ``RandomReplacementBuffer(max_size, ...)`` anything. ``expected_survival_length`` gives the probability at
    which all that is held at some moment is replaced after so many ``add``s on average; see
    ``random_replacement``, the layer that does it. ``get_data`` is in the order of the places.

    Without ``seed`` Python's global ``random`` decides, as in PAMIQ-Core; with one the buffer's own
    generator, which is saved with the state.
    """

    def __init__(
        self,
        collecting_data_names: Iterable[str] | int = NOT_GIVEN,
        max_size: float | None = NOT_GIVEN,
        replace_probability: float | None = None,
        expected_survival_length: float | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        values = is_size(collecting_data_names)
        if values and collecting_data_names is not NOT_GIVEN and max_size is not NOT_GIVEN:
            # RandomReplacementBuffer(max_size, replace_probability, expected_survival_length), by position
            if expected_survival_length is None:
                replace_probability, expected_survival_length = max_size, replace_probability
            elif replace_probability is None:
                replace_probability = max_size
            else:
                raise BadArgument("Without names of fields there is one size: max_size.")
            max_size = NOT_GIVEN
        size = size_of(type(self).__name__, collecting_data_names, max_size)
        chance = given_chance(replace_probability, expected_survival_length)
        if expected_survival_length is not None:
            chance = replacement_chance(size, expected_survival_length)
        self._replace_probability = chance
        draw, pick = (_draw, _pick) if seed is None else (None, None)
        super().__init__(
            collecting_data_names,
            max_size,
            [random_replacement(chance, draw=draw, pick=pick)],
            max_queue_size=_queue_size(size, chance) if values or self.exact_keys else NOT_GIVEN,
            seed=seed,
        )

    @staticmethod
    def compute_replace_probability_from_expected_survival_length(
        max_size: int, survival_length: float
    ) -> float:
        """Returns the probability at which the longest survivor lives so many ``add``s on average."""
        return replacement_chance(max_size, survival_length)

    @property
    def is_full(self) -> bool:
        """Whether the next item replaces one or is left out."""
        return len(self) >= self.max_size

    def _order(self) -> list[int]:
        return sorted(super()._order())

    def _kept(self, rows: list[Any]) -> list[Any]:
        return rows[: self.max_size]

    def _take_back(self, state: Mapping[str, Any]) -> None:
        store = state["store"]
        try:
            if store["order"]["capacity"] != self.max_size:
                # With other room items would come to lie by age. They are to keep the order of their places.
                store = {**store, **_by_place(store["order"], store["storage"], self.max_size)}
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise CorruptSnapshot(f"The saved order does not fit the items: {error}.") from error
        super()._take_back({**state, "store": store})


def _by_place(order: Mapping[str, Any], held: Mapping[str, Any], room: int) -> dict[str, Any]:
    """Returns order and storage as if items had come in the order of their places, the first of them."""
    count = len(serials_in(order))
    if "slots" in order:
        places = [int(slot) for slot in order["slots"]]
    else:
        begin = order["first"] - order["base"]
        places = [(begin + number) % order["capacity"] for number in range(len(held["data"]))]
    if not count == len(places) == len(held["data"]):
        raise ValueError(f"{count} items are ordered, {len(held['data'])} are held")
    kept = sorted(range(count), key=places.__getitem__)[:room]
    first = order["next"] - len(kept)
    return {
        "order": {"capacity": room, "next": order["next"], "first": first, "base": first},
        "storage": {key: [held[key][number] for number in kept] for key in ("data", "meta")},
    }


def _queue_size(size: int, chance: float) -> int:
    return min(int(size / chance), _QUEUES * size) if chance * _QUEUES > 1 else _QUEUES * size


def _draw() -> float:
    return random.random()


def _pick(count: int) -> int:
    return random.randint(0, count - 1)
