"""The defects of DI-engine 0.5.3's buffer itself, each by its number, and that ours lacks them.

Those of its layers are in ``test_layer_defects.py``, those of its pipeline in ``test_pipeline_defects.py``.
"""

from __future__ import annotations

import ast
import io
import itertools
import json
import math
import pickle
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ding_buffer
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, CorruptSnapshot
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from tests.buffers.array_parts import parts, sealed


def filled(count: int, size: int | None = None, **columns) -> DequeBuffer:
    buffer = DequeBuffer(size or count, seed=0)
    buffer.extend(range(count), meta=columns)
    return buffer


def test_w1_delete_keeps_every_index_right() -> None:
    buffer = filled(10)
    indices = [item.index for item in buffer]

    assert 1 == buffer.delete(indices[4])

    assert 9 == len(buffer.indices) == len(buffer)
    new = buffer.push("new")
    for number in (0, 1, 2, 3, 5, 6, 7, 8, 9):
        assert number == buffer.get_by_index(indices[number]).data
        assert buffer.update(indices[number], data=f"mine {number}") is True
    assert "new" == new.data == buffer.get_by_index(new.index).data
    assert buffer.update(indices[4], data="late") is False
    assert [f"mine {n}" for n in (0, 1, 2, 3, 5, 6, 7, 8, 9)] + ["new"] == [item.data for item in buffer]
    assert 2 == buffer.delete([indices[9], indices[0]])
    assert [f"mine {n}" for n in (1, 2, 3, 5, 6, 7, 8)] + ["new"] == [item.data for item in buffer]


def test_w1_scattered_stale_items_all_go() -> None:
    buffer = DequeBuffer(10, seed=0).use(staleness_check(max_staleness=3))
    buffer.extend(range(10), meta={"train_iter_data_collected": [0, 9] * 5})

    batch = buffer.sample(5, train_iter_sample_data=10)

    assert {1, 3, 5, 7, 9} == {item.data for item in batch} == {item.data for item in buffer}


def test_w1_two_views_with_a_use_limit_delete_what_they_used() -> None:
    buffer = DequeBuffer(3, seed=0)
    policy, value = (buffer.view().use(use_time_check(max_use=1)) for _ in range(2))
    buffer.extend("abc")

    (used,) = policy.sample(1)
    (also_used,) = value.sample(1)

    assert {"a", "b", "c"} - {used.data, also_used.data} == {item.data for item in buffer}


def test_w2_a_deleted_group_is_gone() -> None:
    buffer = filled(6, env=[0, 0, 1, 1, 2, 2])
    buffer.sample(1, groupby="env")
    buffer.delete([item.index for item in buffer if item.meta["env"] == 1])

    for _ in range(30):
        assert {0, 2} == {group[0].meta["env"] for group in buffer.sample(2, groupby="env")}
    with pytest.raises(ValueError, match="groups"):
        buffer.sample(3, groupby="env")
    buffer.update(buffer[-1].index, meta={"env": 7})
    assert [0, 0, 2, 7] == list(buffer.meta_index["env"]) == [item.meta["env"] for item in buffer]


def test_w3_views_do_not_drift_apart() -> None:
    buffer = DequeBuffer(10, sliced=True, seed=0)
    view = buffer.view()
    buffer.extend(range(10), meta={"env": [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]})
    view.sample(1, groupby="env")
    indices = [item.index for item in buffer]

    view.delete(indices[:5])
    assert 7 == buffer.get_by_index(indices[7]).data == view.get_by_index(indices[7]).data
    assert [[5, 6, 7, 8, 9]] == [[item.data for item in group] for group in buffer.sample(1, groupby="env")]
    buffer.clear()
    assert 0 == len(view) == len(view.indices)
    view.push("a", {"env": 3})
    assert [["a"]] == [[item.data for item in group] for group in buffer.sample(1, groupby="env")]
    assert view.sliced is True


def test_w3_a_push_through_a_view_reaches_the_priorities_of_the_other() -> None:
    buffer = DequeBuffer(4, seed=0).use(PriorityExperienceReplay())
    for number in range(9):
        buffer.view().push(number)

    assert {5, 6, 7, 8} == {item.data for item in buffer.sample(200)}


@pytest.mark.parametrize("with_priorities", [True, False])
def test_w5_the_last_window_of_an_episode_is_drawn(with_priorities) -> None:
    buffer = DequeBuffer(10, seed=0).use(*([PriorityExperienceReplay()] if with_priorities else []))
    buffer.extend(range(10), meta={"env": 0})

    starts = {group[0].data for _ in range(300) for group in buffer.sample(1, groupby="env", unroll_len=4)}

    assert {0, 1, 2, 3, 4, 5, 6} == starts


def test_w19_a_loaded_file_does_not_change_the_capacity(tmp_path) -> None:
    filled(99, size=99_999).save_data(tmp_path / "big")
    buffer = DequeBuffer(3, seed=0)

    buffer.load_data(tmp_path / "big")

    assert (3, 3, 3) == (buffer.size, buffer.capacity, len(buffer))
    assert [96, 97, 98] == [item.data for item in buffer]
    for number in range(10):
        buffer.push(number)
    assert [7, 8, 9] == [item.data for item in buffer]


class RunsWhenUnpickled:
    """What an attacker would put into a file."""

    def __reduce__(self):
        return (exec, ("import sys; sys.executed_from_a_file = True",))


def executed() -> bool:
    """Tells whether one was unpickled since the last time somebody asked."""
    return bool(vars(sys).pop("executed_from_a_file", False))


def test_s1_nothing_in_a_file_is_executed(tmp_path) -> None:
    evil = pickle.dumps(RunsWhenUnpickled())
    bare, packed = tmp_path / "bare", tmp_path / "packed"
    bare.write_bytes(evil)
    filled(3).save_data(packed)
    told, arrays = parts(packed.read_bytes())
    numbers = range(len(told["arrays"]))
    evil = evil.ljust(-(-len(evil) // 64) * 64, b"\0")
    for number, dtype in itertools.product(numbers, ["'|O'", "'|V1'", f"'|S{len(evil)}'"]):
        entries = [dict(entry) for entry in told["arrays"]]
        place = sum(-(-length_of(entry) // 64) * 64 for entry in entries[:number])
        end = place + -(-length_of(entries[number]) // 64) * 64
        shape = [1] if "S" in dtype else [len(evil)]
        entries[number] = {"dtype": dtype, "shape": shape, "sums": [zlib.crc32(evil)]}
        text = json.dumps({**told, "arrays": entries}).encode()
        packed.write_bytes(sealed(text, arrays[:place] + evil + arrays[end:]))
        with pytest.raises(CorruptSnapshot):
            filled(2).load_data(packed)
    with pytest.raises(CorruptSnapshot):
        filled(2).load_data(bare)

    assert len(numbers) > 1
    assert not executed()


def length_of(entry) -> int:
    """How many bytes an array of a file has."""
    return math.prod(entry["shape"]) * np.dtype(ast.literal_eval(entry["dtype"])).itemsize


def test_s1_the_file_of_this_test_would_execute_if_it_were_unpickled() -> None:
    np.load(io.BytesIO(np_pickled(pickle.dumps(RunsWhenUnpickled()))), allow_pickle=True)

    assert executed()


def np_pickled(evil: bytes) -> bytes:
    """An array file whose content is a pickle, as ``numpy.save`` writes one of objects."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + evil


def test_s1_a_payload_that_could_only_be_pickled_is_refused_when_saved(tmp_path) -> None:
    buffer = DequeBuffer(2)
    buffer.push({"obs": RunsWhenUnpickled()})

    with pytest.raises(BadArgument):
        buffer.save_data(tmp_path / "file")
    assert [] == list(tmp_path.iterdir())


def test_s2_nothing_of_ours_runs_a_shell() -> None:
    """Not applicable: S2 is `rm -rf {data_id}` through os.popen, and no module of ours starts a process."""
    package = Path(ding_buffer.__file__).parent
    sources = [*package.rglob("*.py"), *(package / "middleware").resolve().rglob("*.py")]
    starts = []
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Attribute) and node.attr in {"popen", "system", "Popen", "execv"}
            imported = isinstance(node, ast.Import | ast.ImportFrom) and "subprocess" in ast.dump(node)
            if isinstance(node, ast.expr | ast.stmt) and (called or imported):
                starts.append(f"{source.name}:{node.lineno}")

    assert len(sources) > 50
    assert [] == starts


def test_s3_a_state_sets_no_attribute_of_its_own_choosing() -> None:
    buffer = filled(3).use(use_time_check(max_use=5), PriorityExperienceReplay())
    state = buffer.state_dict()
    lock, names = buffer._lock, set(vars(buffer))
    for where in (state, state["store"], *(entry["state"] for entry in state["layers"])):
        where.update({"_lock": None, "lock": None, "_sampler": None, "push": None, "evil": 1})

    buffer.load_state_dict(state)

    assert lock is buffer._lock is buffer.store.lock
    assert names == set(vars(buffer))
    for holder in (buffer, buffer.store, *buffer._middleware):
        assert not hasattr(holder, "evil")
        assert getattr(holder, "push", 1) is not None
    assert 2 == len(buffer.sample(2))


class Threads:
    """Starts what it is given all at once and keeps whatever is raised."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self.errors: list[BaseException] = []
        start = threading.Barrier(len(works))

        def run(work: Callable[[], None]) -> None:
            try:
                start.wait()
                work()
            except BaseException as error:  # noqa: BLE001  kept for the assertion
                self.errors.append(error)

        threads = [threading.Thread(target=run, args=(work,)) for work in works]
        for each in threads:
            each.start()
        for each in threads:
            each.join()


def test_t1_two_pushers_and_a_sampler_lose_nothing_and_raise_nothing() -> None:
    buffer = DequeBuffer(400, seed=0).use(PriorityExperienceReplay())
    plain = buffer.view()
    buffer.extend(range(-400, 0), meta={"env": 0})
    pushed: list[list[str]] = [[], []]
    deleted: list[int] = []

    def push(which: int) -> None:
        for number in range(1200):
            pushed[which].append(buffer.push((which, number), meta={"env": number // 30}).index)

    def sample() -> None:
        for _ in range(150):
            plain.sample(3, groupby="env", unroll_len=2, replace=True)
            batch = buffer.sample(8)
            buffer.update([item.index for item in batch], meta={"priority": np.arange(8.0)})
            plain.sample(8)
            assert len(list(plain)) <= 400
            with buffer._lock:
                indices = [item.index for item in plain[:5]]
                assert indices == [item.index for item in plain.sample(indices=indices)]

    def delete() -> None:
        deleted.extend(plain.delete([plain[number % 50].index]) for number in range(150))

    threads = Threads(lambda: push(0), lambda: push(1), sample, delete)

    assert [] == threads.errors
    assert 2400 == len({*pushed[0], *pushed[1]})
    stats = buffer.stats()
    assert (2800, sum(deleted)) == (stats["pushed"], stats["deleted"])
    assert 2800 == len(buffer) + stats["evicted"] + stats["deleted"]
    for which in (0, 1):
        kept = [item.data[1] for item in buffer if isinstance(item.data, tuple) and item.data[0] == which]
        assert sorted(kept) == kept
    for position, item in enumerate(buffer):
        assert position == buffer.indices.get(item.index)
        assert item is buffer.get_by_index(item.index)
    buffer.store.check()
