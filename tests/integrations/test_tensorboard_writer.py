from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, MissingExtra
from ding_buffer.integrations.tensorboard_writer import summary_writer
from ding_buffer.middleware.monitoring import monitor


def test_without_the_package_the_extra_is_named_at_once(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(MissingExtra, match=r"ding_buffer\[tensorboard\]"):
        summary_writer(tmp_path)


@pytest.mark.parametrize("path", [3, None, b"runs"], ids=repr)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(BadArgument, match="path"):
        summary_writer(path)


class TestWithThePackage:
    @pytest.fixture(autouse=True)
    def _package(self) -> None:
        pytest.importorskip("tensorboard")

    def points(self, folder: Path) -> dict[str, list[tuple[int, float]]]:
        """What TensorBoard reads: step and value by tag."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(folder), size_guidance={"tensors": 0})  # 0: all of them
        found.Reload()
        return {
            tag: [(event.step, event.tensor_proto.float_val[0]) for event in found.Tensors(tag)]
            for tag in found.Tags()["tensors"]
        }

    def test_nothing_is_on_the_disk_before_the_first_scalar(self, tmp_path):
        folder = tmp_path / "runs" / "one"
        writer = summary_writer(folder)
        writer.flush()
        assert not folder.parent.exists()
        writer.add_scalar("a", 1.0, 0)
        writer.close()

        assert 1 == len(list(folder.iterdir()))

    def test_scalars_arrive_with_their_steps(self, tmp_path):
        with summary_writer(tmp_path) as writer:
            for step in (3, 4):
                writer.add_scalar("buffer/size", step * 10, step)
            writer.add_scalar("buffer/age", 0.5, 4)

        assert {"buffer/size": [(3, 30.0), (4, 40.0)], "buffer/age": [(4, 0.5)]} == self.points(tmp_path)

    def test_closing_ends_the_thread_that_writes_and_may_be_done_twice(self, tmp_path):
        before = set(threading.enumerate())  # which may end at any time
        writer = summary_writer(str(tmp_path))
        writer.close()
        writer.add_scalar("a", 1, 1)
        assert set(threading.enumerate()) - before
        writer.close()
        writer.close()

        assert not set(threading.enumerate()) - before

    def test_after_closing_a_further_scalar_joins_the_same_curve(self, tmp_path):
        writer = summary_writer(tmp_path)
        for step in (1, 2):
            writer.add_scalar("a", step, step)
            writer.close()

        assert {"a": [(1, 1.0), (2, 2.0)]} == self.points(tmp_path)

    def test_a_pickled_copy_writes_to_the_same_folder(self, tmp_path):
        writer = summary_writer(tmp_path)
        writer.add_scalar("a", 1, 1)
        twin = pickle.loads(pickle.dumps(writer))
        assert str(tmp_path) in repr(twin)
        twin.add_scalar("a", 2, 2)
        for one in (writer, twin):
            one.close()

        assert {"a": [(1, 1.0), (2, 2.0)]} == self.points(tmp_path)

    def test_many_threads_may_write(self, tmp_path):
        writer = summary_writer(tmp_path)

        def write(number: int) -> None:
            for step in range(50):
                writer.add_scalar(f"t{number}", step, step)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.close()

        expected = [(step, float(step)) for step in range(50)]
        assert {f"t{number}": expected for number in range(4)} == self.points(tmp_path)

    def test_a_monitor_writes_its_curves(self, tmp_path):
        with summary_writer(tmp_path) as writer:
            layer = monitor(writer, name="replay", clock=iter(range(0, 1000, 10)).__next__)
            buffer = DequeBuffer(4, seed=0).use(layer)
            buffer.extend(range(6))
            buffer.sample(2)
            layer.close()
        points = self.points(tmp_path)

        assert [(6, 4.0)] == points["replay/size"]
        assert [(6, 2.0)] == points["replay/removed_total"]
        assert [(6, 1.0)] == points["replay/reuse_avg"]
