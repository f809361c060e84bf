from __future__ import annotations

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.cli.sample_probe import STAMP, BufferGlance, SampleProbe, glance_at


def test_the_probe_notes_how_far_behind_the_newest_a_sampled_item_is() -> None:
    probe = SampleProbe()
    buffer = DequeBuffer(8, seed=0).use(probe)
    items = [buffer.push(step, meta={STAMP: 10 * step}) for step in range(5)]
    batch = buffer.sample(indices=[items[4].index, items[1].index])

    assert [4, 1] == [item.data for item in batch]
    assert [0, 30] == probe.take_ages()
    assert [] == probe.take_ages()


def test_the_probe_may_look_at_some_batches_only() -> None:
    probe = SampleProbe(every=3)
    buffer = DequeBuffer(8, seed=0).use(probe)
    buffer.push("a", meta={STAMP: 5})
    ages = []
    for _ in range(7):
        buffer.sample(1)
        ages.append(len(probe.take_ages()))

    assert [0, 0, 1, 0, 0, 1, 0] == ages


def test_the_probe_looks_into_groups_and_passes_over_items_without_a_stamp() -> None:
    probe = SampleProbe()
    buffer = DequeBuffer(8, seed=0).use(probe)
    buffer.push("a", meta={"env": 0})
    buffer.push("b", meta={"env": 0, STAMP: 5})
    buffer.push("c", meta={"env": 0, STAMP: 7})
    buffer.sample(1, groupby="env")

    assert [2, 0] == probe.take_ages()


def test_a_glance_reads_priorities_and_use_counts_from_meta() -> None:
    buffer = DequeBuffer(8)
    buffer.push("a", meta={"priority": 2.0, "use_count": 3})
    buffer.push("b", meta={"priority": 4.0})

    glance = glance_at(buffer)

    assert BufferGlance([2.0, 4.0], [3, 0]) == glance
    assert 3.0 == glance.median_priority()


def test_a_glance_at_a_buffer_that_keeps_neither_is_empty() -> None:
    buffer = DequeBuffer(8)
    assert BufferGlance([], []) == glance_at(buffer)

    buffer.push("a")
    assert BufferGlance([], []) == glance_at(buffer, 4)
    assert None is glance_at(buffer).median_priority()


def test_a_short_glance_is_spread_from_the_oldest_on() -> None:
    buffer = DequeBuffer(100)
    buffer.extend(list(range(100)), meta=[{"priority": float(place)} for place in range(100)])

    assert [0.0, 25.0, 50.0, 75.0] == glance_at(buffer, 4).priorities
