"""What is timed: a call, and a check made once beforehand that the call does what its row says."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.transitions import (
    BATCH,
    CHUNK,
    EPISODE,
    GAMMA,
    PUSHED,
    SLICE,
    SLICES,
    STEPS,
    columns_of,
    numbers_of,
)

Draw = Callable[[], Any]
PATIENCE = 60.0  # seconds after which another process is given up
PUSHES = 4  # before each batch of a step
SMALL = 2_000  # what takes many calls to check is checked up to this size


class Wrong(Exception):
    """A contestant did not do what its row says, so there is nothing to time."""


class Absent(Exception):
    """A contestant has no such thing; the message says why."""


class Work(NamedTuple):
    """``call`` is timed (a rate's call gets the seconds it may take); ``check`` raises ``Wrong``."""

    call: Callable[..., Any]
    check: Callable[[], None]


def pushing(push: Callable[[], Any], draw: Draw, size: int) -> Work:
    """Pushes transition ``PUSHED``; ``draw`` samples the same buffer."""

    def check() -> None:
        if size > SMALL:
            return
        for _ in range(size + STEPS):
            push()
        _same(numbers_of(draw()), PUSHED, "what was pushed is not what is held")

    return Work(push, check)


def counting(push: Callable[[], Any], count: Callable[[], int], size: int) -> Work:
    """Pushes into a full buffer, which stays full."""

    def check() -> None:
        push()
        _same(count(), size, "another number of transitions is held")

    return Work(push, check)


def in_step(draw: Draw, batch: int) -> Work:
    """Draws lists of ``batch`` values by field; action is minus the state, reward half of it."""

    def check() -> None:
        fields = draw()
        _same(len(set(fields["state"])), batch, "another number of items was drawn")
        _same([-number for number in fields["state"]], fields["action"], "fields of others")
        _same([number / 2 for number in fields["state"]], fields["reward"], "fields of others")

    return Work(draw, check)


def sampling(draw: Draw, size: int, batch: int = BATCH) -> Work:
    """Draws whole transitions out of numbers 0 to ``size``."""
    return Work(draw, lambda: check_spread(draw, size, batch))


def prioritized(
    draw: Callable[[], tuple[Any, Any]],
    give: Callable[[Any, Any], Any],
    size: int,
    push: Callable[[], Any] | None = None,
) -> Work:
    """Draws, then gives new priorities to what was drawn; with ``push`` that is called four times before.

    ``draw`` returns the fields and the handle that ``give`` takes together with the priorities, which vary
    from call to call.
    """
    rng = np.random.default_rng(0)
    priorities = cycle([rng.random(BATCH, dtype=np.float32) + 0.1 for _ in range(64)])

    def call() -> None:
        give(draw()[1], next(priorities))

    def step(push: Callable[[], Any]) -> None:
        for _ in range(PUSHES):
            push()
        give(draw()[1], next(priorities))

    def check() -> None:
        check_spread(lambda: draw()[0], size, BATCH)
        if size <= SMALL:
            _check_priorities(draw, give)

    return Work(partial(step, push) if push else call, check)


def _check_priorities(draw: Callable[[], tuple[Any, Any]], give: Callable[[Any, Any], Any]) -> None:
    """Gives half of a batch a hundred times the priority of the rest: 0.6 as exponent makes that 16 times."""
    batch, handle = draw()
    numbers = numbers_of(batch)
    favoured = numbers < np.median(numbers)
    give(handle, np.where(favoured, 100.0, 1.0).astype(np.float32))
    again = np.concatenate([numbers_of(draw()[0]) for _ in range(40)])
    high = np.isin(again, numbers[favoured]).sum() / len(np.unique(numbers[favoured]))
    low = np.isin(again, numbers[~favoured]).sum() / len(np.unique(numbers[~favoured]))
    if not 8 < high / max(low, 0.01) < 32:
        raise Wrong(f"priorities moved the draws {high / max(low, 0.01):.1f} times, not 16")


def returning(draw: Draw) -> Work:
    """Draws ``rew`` as the return over ``STEPS`` transitions and ``next_obs`` as where they lead."""

    def check() -> None:
        batch = draw()
        numbers = numbers_of(batch)
        wanted, alive = np.zeros(BATCH), np.ones(BATCH, bool)
        for step in range(STEPS):
            reward = columns_of(numbers + step)["rew"]
            wanted += np.where(alive, GAMMA**step * reward, 0)
            alive &= ~columns_of(numbers + step)["done"]
        whole = numbers + STEPS < numbers.max()  # the newest may have no successors yet
        if not np.allclose(wanted[whole], batch["rew"].reshape(-1)[whole], atol=1e-4):
            raise Wrong("the n-step returns are others")
        going = whole & alive  # after a terminal nobody looks at next_obs
        _same(
            batch["next_obs"].reshape(-1, 4)[going, 0],
            numbers[going] + STEPS,
            "next_obs is not where it leads",
        )

    return Work(draw, check)


def slicing(draw: Draw) -> Work:
    """Draws ``SLICES`` runs of ``SLICE`` consecutive transitions, each within one episode."""

    def check() -> None:
        numbers = numbers_of(check_fields(draw(), SLICES * SLICE)).reshape(SLICES, SLICE)
        _same(np.diff(numbers, axis=1), 1, "a slice is not consecutive")
        _same(numbers[:, 0] // EPISODE, numbers[:, -1] // EPISODE, "a slice crosses an episode's end")

    return Work(draw, check)


def payload(number: int) -> dict[str, Any]:
    """Makes the object that the rows of objects store."""
    return {"obs": float(number), "action": number % 5}


def pushing_objects(push: Callable[[], Any], sample: Callable[[int], Any], size: int) -> Work:
    """Pushes ``payload(0)``."""

    def check() -> None:
        if size > SMALL:
            return
        for _ in range(size):
            push()
        _same([item.data["obs"] for item in sample(size)], 0.0, "what was pushed is not what is held")

    return Work(push, check)


def sampling_objects(draw: Draw, size: int) -> Work:
    def check() -> None:
        items = [item for _ in range(4) for item in draw()]
        numbers = np.array([item.data["obs"] for item in items])
        _same(len(numbers), 4 * BATCH, "the batch has another length")
        _same([item.data["action"] for item in items], numbers % 5, "an item is not what was pushed")
        if numbers.min() > size * 0.2 or numbers.max() < size * 0.8:
            raise Wrong("the draws are not spread over all that is held")

    return Work(draw, check)


def finding(draw: Draw, indices: list[str]) -> Work:
    return Work(
        draw, lambda: _same([item.index for item in draw()], indices, "other items than were asked for")
    )


def grouping(draw: Draw) -> Work:
    """Draws ``SLICES`` groups of ``EPISODE`` objects."""

    def check() -> None:
        numbers = np.array([[item.data["obs"] for item in group] for group in draw()])
        _same(numbers.shape, (SLICES, EPISODE), "the groups have another shape")
        _same(np.diff(numbers, axis=1), 1, "a group is not consecutive")

    return Work(draw, check)


def storing(
    write: Callable[[], Any], read: Callable[[], Any], count: Callable[[Any], int], size: int
) -> tuple[Work, Work]:
    """Returns saving and loading; ``read`` returns what was loaded, and ``count`` how much that is."""
    write()

    def check() -> None:
        write()
        _same(count(read()), size, "what was saved does not come back")

    return Work(write, check), Work(read, check)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def scratch(name: str) -> str:
    """Returns a path in a folder that is gone when this process ends."""
    return str(Path(_folder().name) / name)


def rating(*loops: Callable[[], Any]) -> Work:
    """Runs each loop in a thread of its own; the call returns how often a second each went round."""
    return Work(lambda seconds: together(seconds, *loops), lambda: None)


def crowding(loop: Callable[[], Any], count: int) -> Work:
    """Runs one loop in that many threads; the call returns how often a second they went round together."""
    return Work(lambda seconds: [sum(together(seconds, *[loop] * count))], lambda: None)


def together(seconds: float, *loops: Callable[[], Any]) -> list[float]:
    rates = [0.0] * len(loops)
    gate = threading.Barrier(len(loops))

    def run(place: int, loop: Callable[[], Any]) -> None:
        loop()
        gate.wait()
        rates[place] = per_second(seconds, loop)

    threads = [threading.Thread(target=run, args=entry) for entry in enumerate(loops)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rates


def per_second(seconds: float, loop: Callable[[], Any]) -> float:
    start = perf_counter()
    end, now, count = start + seconds, start, 0
    while now < end:
        loop()
        count += 1
        now = perf_counter()
    return count / (now - start)


def crossing(
    context: Any, writer: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...], draw: Draw
) -> Work:
    """Adds in another process while this one draws; the call returns how often a second each went round.

    ``writer(*arguments)`` makes, over there, the call that adds.
    """

    def call(seconds: float) -> list[float]:
        here, there = context.Pipe(False)
        start = context.Barrier(2, timeout=PATIENCE)
        other = context.Process(target=_add, args=(writer, arguments, start, there, seconds), daemon=True)
        other.start()
        start.wait()
        drawn = per_second(seconds, draw)
        if not here.poll(PATIENCE):
            raise Wrong("the writing process did not answer")
        added = here.recv()
        other.join()
        return [added, drawn]

    def check() -> None:
        call(0.05)
        for _ in range(10):
            check_fields(draw(), CHUNK)

    return Work(call, check)


def _add(writer: Callable[..., Draw], arguments: Any, start: Any, answer: Any, seconds: float) -> None:
    add = writer(*arguments)
    add()
    start.wait()
    answer.send(per_second(seconds, add))


def growing(fill: Callable[[int], Any], size: int) -> Work:
    """Measures the memory that ``fill`` leaves resident, in bytes per transition; in a fresh process only."""

    def call() -> float:
        fill(min(size, 20_000))  # what is needed once, like modules, is not counted
        before = resident()
        held = fill(size)
        grown = resident() - before
        del held
        return grown / size

    return Work(call, lambda: None)


def resident() -> int:
    """Returns the bytes of this process that lie in memory (Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        raise Absent("resident memory is read from /proc") from None
    import resource

    return pages * resource.getpagesize()


def check_spread(draw: Draw, size: int, batch: int) -> None:
    numbers = np.concatenate([numbers_of(check_fields(draw(), batch)) for _ in range(4)])
    if (
        numbers.min() > size * 0.2
        or numbers.max() < size * 0.8
        or len(np.unique(numbers)) < min(size, batch) / 2
    ):
        raise Wrong("the draws are not spread over all that is held")


def check_fields(batch: Any, length: int) -> Any:
    """Raises ``Wrong`` unless every row of a batch is a transition that was pushed, whole."""
    numbers = numbers_of(batch)
    _same(len(numbers), length, "the batch has another length")
    for name, wanted in columns_of(numbers).items():
        _same(np.asarray(batch[name]).reshape(wanted.shape), wanted, f"{name} is not what was pushed")
    return batch


def check_images(batch: Any) -> None:
    _same(batch["obs"].shape[0], BATCH, "the batch has another length")
    first, second = batch["obs"][:, 0, 0, 0].astype(int), batch["next_obs"][:, 0, 0, 0].astype(int)
    _same((first + 1) % 251, second, "next_obs is not the next stack")
    _same(batch["obs"].reshape(BATCH, -1).max(axis=1), first, "a stack is not one that was pushed")


def _same(actual: Any, wanted: Any, message: str) -> None:
    if not np.array_equal(actual, np.broadcast_to(wanted, np.shape(actual))):
        raise Wrong(message)
