"""Measures the parts of the hot paths, each for itself: python -m benchmarks.anatomy writes ANATOMY.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.transitions import columns
from ding_buffer import ColumnStorage, DequeBuffer
from ding_buffer.kernels.chosen import set_priorities
from ding_buffer.middleware import PriorityExperienceReplay, n_step
from ding_buffer.samplers.uniform import distinct

N, B, ROUNDS = 1_000_000, 256, 7
TEXT = Path(__file__).with_name("ANATOMY.md")

Figured = list[tuple[str, float]]
Figures = list[Figured]


class Part(NamedTuple):
    name: str
    work: Callable[[], Any]


def microseconds(work: Callable[[], Any], repeat: int = 1500) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(repeat):
            work()
        best = min(best, time.process_time() - began)
    return best / repeat * 1e6


def filled(*layers: Any) -> DequeBuffer:
    buffer = DequeBuffer(N, storage=ColumnStorage(), seed=0).use(*layers)
    for begin in range(0, N, 100_000):
        buffer.extend(columns(begin, 100_000))
    return buffer


def uniform() -> list[Part]:
    buffer = filled()
    store: Any = buffer.store
    storage: Any = store.storage
    slots = distinct(store.rng, N, B)
    return [
        Part("sample 256 of 1M", partial(buffer.sample, B)),
        Part(
            "drawing 256 distinct numbers (kernel)",
            partial(distinct, store.rng, N, B),
        ),
        Part(
            "gathering the rows into five columns (kernel, and five new arrays)",
            partial(storage._table.take, slots),
        ),
    ]


def prioritised() -> list[Part]:
    layer = PriorityExperienceReplay()
    buffer = filled(layer)
    store: Any = buffer.store
    sampler: Any = layer._sampler
    tree = sampler._tree
    errors = iter(np.random.default_rng(0).random((4096, B)) + 0.01)
    given = [next(errors) for _ in range(64)]
    turn = [0]

    def cycle() -> None:
        turn[0] = (turn[0] + 1) % 64
        buffer.update(buffer.sample(B).index, meta={"priority": given[turn[0]]})

    def draw() -> Any:
        return tree.draw(store.rng, B, True, -0.4)

    def write() -> None:
        slots = sampler.draw(store.rng, B)
        sampler.set(slots, given[0])

    slots = sampler.draw(store.rng, B)
    numbers = (sampler._epsilon, sampler._alpha, sampler._highest)
    return [
        Part("sample 256 of 1M by priority, then update them", cycle),
        Part("random points, draw, weights (kernel)", draw),
        Part(
            "new masses (kernel, the same slots again and again: their memory is near)",
            partial(
                set_priorities, tree._sums[0], sampler._priorities, sampler._live, slots, given[0], *numbers
            ),
        ),
        Part("draw, new masses and sums above them, slots ever new (kernels, their memory is far)", write),
        Part("gathering the rows", partial(store.storage._table.take, slots)),
        Part("reading one meta column", partial(store.storage._metas.take, slots)),
        Part("writing one meta column", partial(store.storage._metas.set, slots, "priority", given[0])),
    ]


def steps() -> list[Part]:
    layer = n_step(5, 0.99, reward="rew")
    buffer = filled(layer)
    view = buffer.view()
    batch = view.sample(B)
    storage: Any = view.store.storage
    return [
        Part("sample 256 over 5 steps", partial(buffer.sample, B)),
        Part("the same sample without the layer", partial(view.sample, B)),
        Part(
            "next observations of the last steps",
            partial(storage.read, batch.slots, ("next_obs",)),
        ),
    ]


def pushes() -> list[Part]:
    buffer, layered = filled(), filled(PriorityExperienceReplay())
    one = {key: column[0] for key, column in columns(0, 1).items()}
    many = columns(0, 64)
    storage: Any = buffer.store.storage
    slots = np.arange(64)
    stacked, _ = storage.stacked(many)
    return [
        Part("push a batch of 64", partial(buffer.extend, many)),
        Part("checking the columns", partial(storage.stacked, many)),
        Part("scattering the rows (kernel)", partial(storage._table.write_many, slots, stacked[1])),
        Part("push one, no layer", partial(buffer.push, one)),
        Part(
            "push one through PriorityExperienceReplay, which hears of many at once",
            partial(layered.push, one),
        ),
    ]


def figures() -> Figures:
    """Returns the name and the microseconds of each part of each path, on the kernels of this process."""
    paths = (uniform, prioritised, steps, pushes)
    return [[(part.name, microseconds(part.work)) for part in of()] for of in paths]


def measured(kernels: str) -> Figures:
    """Returns the figures of a process that has chosen these kernels."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.anatomy", "--figures"],
        env={**os.environ, "DING_BUFFER_KERNELS": kernels},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Figures = json.loads(run.stdout)
    return found


def table(compiled: Figured, twin: Figured) -> str:
    rows = [
        f"| {'**' * (not place)}{name}{'**' * (not place)} | {one:.2f} | {other:.2f} |"
        for place, ((name, one), (_, other)) in enumerate(zip(compiled, twin, strict=True))
    ]
    return "\n".join(["| part | C | numpy |", "| --- | ---: | ---: |", *rows])


def main() -> None:
    if sys.argv[1:] == ["--figures"]:
        print(json.dumps(figures()))
        return
    tables = [table(*pair) for pair in zip(measured("c"), measured("numpy"), strict=True)]
    TEXT.write_text("\n\n".join([INTRODUCTION, *tables, CONCLUSIONS]) + "\n", encoding="utf-8")
    print(TEXT.read_text(encoding="utf-8"))


INTRODUCTION = """# Where the time goes

Written by `python -m benchmarks.anatomy`: CPU time of one thread, the best of several rounds, in
microseconds, on the kernels in C and on those of numpy. A part that runs again and again by itself finds
its memory near, so the parts add up to less than the whole; the rest is what lies between them: Python
frames, the binding of arguments, the lock, the making of batches."""

CONCLUSIONS = """## What follows

* Of a prioritised cycle the kernels take two thirds: drawing and writing far memory, with leaves, sums and
  priorities in float64 and the priority kept in the meta as well, so that nothing drifts and nothing is lost.
  What is left beside them is the binding of arguments, the lock, and some twenty new arrays and objects.
  More would take single precision, or metas that are not stored.
* A uniform sample is one call as well, n-step returns included: numbers from the bits of the generator, made
  distinct, and rows that are under way before it is known which are repeats.
* A push, and an extend of columns, is one call where all layers can say what they do to it. Layers then hear
  of many at once, when next somebody takes the lock: for the four pushes of a PER step that is most of what
  they cost. Any other layer makes a push Python from end to end.
* A process that samples what another pushes takes in every row that arrives before it draws: beside
  millions of rows a second that is most of its time.
* Loading compares a checksum of every byte and writes into fresh memory; a bare read does neither.
* On the numpy kernels each of these is a row of numpy calls with a temporary array each, and the layers run
  one by one: that is what they lose against C."""


if __name__ == "__main__":
    main()
