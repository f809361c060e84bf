from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadPriority, ConfigError
from ding_buffer.core.payload_column import PayloadColumn
from ding_buffer.learners.collate import stack_payloads
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.fetcher import offpolicy_data_fetcher
from ding_buffer.learners.halves import first_half, second_half
from ding_buffer.learners.task_loop import task
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.storages.column_storage import ColumnStorage


def config(batch_size: int = 4, unroll_len: int = 1, **learn: Any) -> EasyDict:
    return EasyDict(
        policy={"collect": {"unroll_len": unroll_len}, "learn": {"batch_size": batch_size, **learn}}
    )


def holding(name: str, count: int) -> DequeBuffer:
    buffer = DequeBuffer(size=100, seed=1)
    buffer.extend([{"from": name, "place": place} for place in range(count)])
    return buffer


def in_episodes(episodes: int, length: int) -> DequeBuffer:
    buffer = DequeBuffer(size=1000, seed=1)
    for env in range(episodes):
        for step in range(length):
            buffer.push({"env": env, "step": step}, meta={"env": env})
    return buffer


def round_trip(fetch: Any, give: Any) -> OnlineRLContext:
    """Fetches, lets ``give`` make the training output of the batch, and finishes the fetch."""
    ctx = OnlineRLContext()
    half = first_half(fetch, ctx)
    assert half is not None
    ctx.train_output = give(ctx.train_data)
    second_half(half)
    return ctx


def test_a_single_buffer_gives_a_list_of_payloads() -> None:
    ctx = round_trip(offpolicy_data_fetcher(config(), holding("own", 9)), lambda batch: None)

    assert 4 == len({step["place"] for step in ctx.train_data})


def test_unroll_len_is_one_unless_set() -> None:
    cfg = {"policy": {"learn": {"batch_size": 2}}}

    assert 2 == len(round_trip(offpolicy_data_fetcher(cfg, holding("own", 9)), lambda batch: None).train_data)


def test_windows_come_from_one_env_each_in_order() -> None:
    ctx = round_trip(offpolicy_data_fetcher(config(16, unroll_len=3), in_episodes(3, 5)), lambda batch: None)

    assert 16 == len(ctx.train_data)
    for window in ctx.train_data:
        first = window[0]["step"]
        assert [first, first + 1, first + 2] == [step["step"] for step in window]
        assert 1 == len({step["env"] for step in window})


def test_w5_the_terminal_step_of_an_episode_is_fetched() -> None:
    ctx = round_trip(offpolicy_data_fetcher(config(64, unroll_len=3), in_episodes(1, 5)), lambda batch: None)

    assert {0, 1, 2} == {window[0]["step"] for window in ctx.train_data}


def test_shares_make_up_exactly_one_batch() -> None:
    buffers = [(holding("own", 9), 0.5), (holding("expert", 9), 0.5)]
    ctx = round_trip(offpolicy_data_fetcher(config(5), buffers), lambda batch: None)

    assert ["own"] * 3 + ["expert"] * 2 == [step["from"] for step in ctx.train_data]


def test_a_dict_of_buffers_gives_a_dict_of_batches() -> None:
    buffers = {"policy": holding("policy", 9), "value": holding("value", 9)}
    ctx = round_trip(offpolicy_data_fetcher(config(4), buffers), lambda batch: None)

    assert {"policy": ["policy"] * 4, "value": ["value"] * 4} == {
        name: [step["from"] for step in batch] for name, batch in ctx.train_data.items()
    }


def test_windows_come_from_lists_and_dicts_of_buffers_too() -> None:
    one, two = in_episodes(2, 5), in_episodes(2, 5)
    ctx = round_trip(offpolicy_data_fetcher(config(4, 3), [(one, 0.5), (two, 0.5)]), lambda batch: None)
    assert [3] * 4 == [len(window) for window in ctx.train_data]

    ctx = round_trip(offpolicy_data_fetcher(config(4, 3), {"a": one}), lambda batch: None)
    assert [3] * 4 == [len(window) for window in ctx.train_data["a"]]


def given(buffer: DequeBuffer) -> dict[int, float]:
    """Returns place -> priority of the items that were given one."""
    return {item.data["place"]: item.meta["priority"] for item in buffer if "priority" in item.meta}


def by_place(batch: list[dict[str, Any]]) -> list[float]:
    return [float(step["place"] + 1) for step in batch]


def test_priorities_of_a_single_buffer_reach_their_items() -> None:
    buffer = holding("own", 50)
    ctx = round_trip(offpolicy_data_fetcher(config(16), buffer), lambda batch: {"priority": by_place(batch)})

    assert {step["place"]: step["place"] + 1.0 for step in ctx.train_data} == given(buffer)


def test_priorities_of_a_list_of_buffers_reach_their_items() -> None:
    own, expert = holding("own", 50), holding("expert", 50)
    fetch = offpolicy_data_fetcher(config(15), [(own, 0.3), (expert, 0.7)])
    ctx = round_trip(fetch, lambda batch: {"priority": by_place(batch)})

    for buffer, name in ((own, "own"), (expert, "expert")):
        drawn = [step["place"] for step in ctx.train_data if step["from"] == name]
        assert {place: place + 1.0 for place in drawn} == given(buffer)


def test_priorities_of_a_dict_of_buffers_reach_their_items() -> None:
    own, expert = holding("own", 50), holding("expert", 50)
    fetch = offpolicy_data_fetcher(config(8), {"own": own, "expert": expert})
    ctx = round_trip(fetch, lambda batch: {"priority": {"own": by_place(batch["own"])}})

    assert {step["place"]: step["place"] + 1.0 for step in ctx.train_data["own"]} == given(own)
    assert {} == given(expert)


def test_priorities_of_windows_reach_their_items() -> None:
    buffer = in_episodes(4, 5)
    fetch = offpolicy_data_fetcher(config(8, unroll_len=3), buffer)
    each = round_trip(fetch, lambda batch: {"priority": [[step["step"] + 1.0 for step in w] for w in batch]})
    drawn = {(step["env"], step["step"]) for window in each.train_data for step in window}
    marked = {(i.data["env"], i.data["step"]): i.meta["priority"] for i in buffer if "priority" in i.meta}
    assert {key: key[1] + 1.0 for key in drawn} == marked

    whole = round_trip(fetch, lambda batch: {"priority": [w[0]["env"] + 0.5 for w in batch]})
    drawn = {(step["env"], step["step"]) for window in whole.train_data for step in window}
    marked = {(i.data["env"], i.data["step"]): i.meta["priority"] for i in buffer if "priority" in i.meta}
    assert {key: key[0] + 0.5 for key in drawn} == {key: marked[key] for key in drawn}


def test_w6_prioritized_windows_are_fetched_and_their_priorities_arrive() -> None:
    buffer = DequeBuffer(size=100, seed=1)
    buffer.use(PriorityExperienceReplay(buffer, IS_weight=True))
    for place in range(20):
        buffer.push({"place": place}, meta={"env": place // 5})
    fetch = offpolicy_data_fetcher(config(8, unroll_len=3), buffer)
    ctx = round_trip(fetch, lambda batch: {"priority": [7.0] * 8})

    drawn = {step["place"] for window in ctx.train_data for step in window}
    assert drawn == {item.data["place"] for item in buffer if item.meta["priority"] == 7.0}


def test_priorities_change_what_a_prioritized_buffer_draws() -> None:
    buffer = DequeBuffer(size=10, seed=1)
    buffer.use(PriorityExperienceReplay(priority_power_factor=1.0))
    buffer.extend([{"place": place} for place in range(10)])
    fetch = offpolicy_data_fetcher(config(10), buffer)
    for _ in range(20):
        favour = round_trip(
            fetch, lambda batch: {"priority": [1000.0 if step["place"] == 3 else 1e-4 for step in batch]}
        )

    assert [3] * 10 == [step["place"] for step in favour.train_data]


@pytest.mark.parametrize("output", [None, {"total_loss": 1.0}, []])
def test_an_output_without_priorities_changes_nothing(output: Any) -> None:
    buffer = holding("own", 9)
    round_trip(offpolicy_data_fetcher(config(), buffer), lambda batch: output)

    assert {} == given(buffer)


def test_on_the_way_back_of_a_task_each_fetch_finds_its_own_output() -> None:
    buffer = holding("own", 50)
    fetch = task.wrap(offpolicy_data_fetcher(config(4), buffer))
    seen: dict[int, float] = {}

    def learner(ctx: Any) -> None:
        outputs = []
        for number in range(5):
            fetch(ctx)
            seen.update(
                {step["place"]: float(number) for step in ctx.train_data if step["place"] not in seen}
            )
            outputs.append({"priority": [float(number)] * 4})
        ctx.train_output = outputs

    with task.start(ctx=OnlineRLContext()):
        task.use(learner)
        task.run(max_step=1)

    # Last in first out: an item drawn by two fetches ends with the priority of the earlier one.
    assert seen == given(buffer)


@pytest.mark.parametrize(
    ("give", "said"),
    [
        ({"priority": [1.0]}, "needs 4 priorities"),
        ({"priority": 1.0}, "needs 4 priorities"),
        ({"priority": {"own": [1.0]}}, "needs 4 priorities"),
        ({"priority": [1.0, "a", 1.0, 1.0]}, "buffer 0: priorities must be numbers"),
    ],
)
def test_priorities_that_do_not_fit_a_list_of_buffers_are_refused(give: Any, said: str) -> None:
    fetch = offpolicy_data_fetcher(config(4), [(holding("a", 9), 0.5), (holding("b", 9), 0.5)])
    with pytest.raises(BadPriority, match=said):
        round_trip(fetch, lambda batch: give)


@pytest.mark.parametrize(
    ("give", "said"), [([1.0] * 4, "needs priorities by name"), ({"expert": [1.0] * 4}, r"for \['expert'\]")]
)
def test_priorities_that_do_not_fit_a_dict_of_buffers_are_refused(give: Any, said: str) -> None:
    with pytest.raises(BadPriority, match=said):
        round_trip(
            offpolicy_data_fetcher(config(4), {"own": holding("own", 9)}), lambda batch: {"priority": give}
        )


def test_a_shortage_is_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    buffer = holding("own", 3)
    fetch = offpolicy_data_fetcher(config(4), buffer)
    ctx = OnlineRLContext(train_data="of before")
    for _ in range(3):
        assert first_half(fetch, ctx) is None
        assert ctx.train_data is None
    buffer.push({"place": 3})

    assert first_half(fetch, ctx) is not None
    assert 1 == len(caplog.messages)


def test_a_shortage_is_said_every_time_on_request(caplog: pytest.LogCaptureFixture) -> None:
    fetch = offpolicy_data_fetcher(config(4), holding("own", 3), data_shortage_warning=True)
    for _ in range(3):
        first_half(fetch, OnlineRLContext())

    assert 3 == len(caplog.messages)


@pytest.mark.parametrize("error", [KeyError, AssertionError, ValueError])
def test_an_error_of_a_layer_is_never_taken_for_a_shortage(error: type[Exception]) -> None:
    def fails(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
        if action == "sample":
            raise error("of a layer")
        return chain(*args, **kwargs)

    with pytest.raises(error, match="of a layer"):
        first_half(offpolicy_data_fetcher(config(4), holding("own", 9).use(fails)), OnlineRLContext())


def test_a_minimum_to_start_is_a_setting_and_an_argument() -> None:
    buffer = holding("own", 9)

    assert first_half(offpolicy_data_fetcher(config(4, min_size=10), buffer), OnlineRLContext()) is None
    assert first_half(offpolicy_data_fetcher(config(4), buffer, min_size=10), OnlineRLContext()) is None
    assert first_half(offpolicy_data_fetcher(config(4, min_size=9), buffer), OnlineRLContext()) is not None


def test_a_missing_batch_size_is_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"cfg\.policy\.learn\.batch_size"):
        offpolicy_data_fetcher({"policy": {"learn": {}}}, holding("own", 9))


def on_columns(count: int = 30, first: int = 0, *layers: Any) -> DequeBuffer:
    buffer = DequeBuffer(size=100, storage=ColumnStorage(), seed=1).use(*layers)
    places = np.arange(first, first + count)
    buffer.extend({"place": places, "obs": np.ones((count, 2))}, meta={"env": places // 5})
    return buffer


def test_columns_are_fetched_stacked_and_their_priorities_arrive() -> None:
    buffer = on_columns()
    ctx = round_trip(offpolicy_data_fetcher(config(16), buffer), lambda batch: {"priority": by_place(batch)})

    assert isinstance(ctx.train_data, PayloadColumn)
    assert (16, 2) == ctx.train_data.columns["obs"].shape
    assert {step["place"]: step["place"] + 1.0 for step in ctx.train_data} == given(buffer)


def test_windows_of_columns_are_fetched_as_blocks() -> None:
    buffer = on_columns()
    fetch = offpolicy_data_fetcher(config(8, unroll_len=3), buffer)
    ctx = round_trip(fetch, lambda batch: {"priority": batch.columns["place"] + 1.0})

    assert (8, 3, 2) == ctx.train_data.columns["obs"].shape
    for window in ctx.train_data:
        first = window[0]["place"]
        assert [first, first + 1, first + 2] == [step["place"] for step in window]
    assert {place: place + 1.0 for place in ctx.train_data.columns["place"].reshape(-1).tolist()} == given(
        buffer
    )


@pytest.mark.parametrize("unroll_len", [1, 3])
def test_shares_of_columns_and_objects_make_one_batch(unroll_len: int) -> None:
    columns, others = on_columns(), DequeBuffer(size=100, seed=1)
    others.extend([{"place": 90 + n, "obs": np.zeros(2)} for n in range(9)], meta={"env": [0] * 9})
    fetch = offpolicy_data_fetcher(config(6, unroll_len), [(columns, 0.5), (others, 0.5)])
    ctx = round_trip(fetch, lambda batch: {"priority": np.arange(1.0, 7.0)})

    stacked = stack_payloads(ctx.train_data)
    assert (6, 2) == (stacked["obs"].shape[0], stacked["obs"].shape[-1])
    assert [True] * 3 + [False] * 3 == (stacked["place"].reshape(6, -1)[:, 0] < 90).tolist()
    assert {1.0, 2.0, 3.0} >= set(given(columns).values())
    assert {4.0, 5.0, 6.0} >= set(given(others).values())


def test_a_dict_of_buffers_on_columns_gives_a_dict_of_columns() -> None:
    buffers = {"policy": on_columns(), "value": on_columns(9, 50)}
    fetch = offpolicy_data_fetcher(config(4), buffers)
    ctx = round_trip(fetch, lambda batch: {"priority": {"value": by_place(batch["value"])}})

    assert all(isinstance(batch, PayloadColumn) for batch in ctx.train_data.values())
    assert {step["place"]: step["place"] + 1.0 for step in ctx.train_data["value"]} == given(buffers["value"])
    assert {} == given(buffers["policy"])


def test_prioritized_columns_are_fetched_with_their_weights() -> None:
    buffer = on_columns(20, 0, PriorityExperienceReplay())
    for unroll_len in (1, 3):
        fetch = offpolicy_data_fetcher(config(8, unroll_len), buffer)
        ctx = round_trip(fetch, lambda batch: {"priority": [7.0] * 8})

        assert (8, unroll_len, 1)[:: 1 if unroll_len > 1 else 2] == ctx.train_data.columns[
            "priority_IS"
        ].shape
        drawn = set(ctx.train_data.columns["place"].reshape(-1).tolist())
        assert drawn <= {place for place, priority in given(buffer).items() if priority == 7.0}
