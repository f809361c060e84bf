"""Every ready-made config is built and does what its comment promises."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.config.create import create_buffer, load_config
from ding_buffer.core.errors import MissingMeta, NotEnoughItems, RateLimited, SchemaError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
# Where a YAML file describes a whole run, its buffer is a section. Of workers: test_worker_configs.py.
FILES = sorted(path.name for path in CONFIGS.glob("*.yaml") if not path.name.startswith("worker_"))


def section(name: str) -> dict[str, Any]:
    config = load_config(CONFIGS / name)
    return config if "type" in config else config["buffer"]


def made(name: str, **changes: Any) -> Any:
    """Returns the buffer of a config, with a fixed seed and, where a test says so, smaller."""
    return create_buffer({**section(name), "seed": 0, **changes})


def with_layer(name: str, layer: str, **changes: Any) -> list[Any]:
    """Returns the layers of a config, one of them changed."""
    found = [entry if isinstance(entry, dict) else {"type": entry} for entry in section(name)["middleware"]]
    return [{**entry, **changes} if entry["type"] == layer else entry for entry in found]


def push_episodes(buffer: Any, lengths: list[int], key: str = "episode") -> None:
    for number, length in enumerate(lengths):
        for step in range(length):
            buffer.push((number, step), meta={key: number})


def payload(name: str, step: int) -> dict[str, Any]:
    """Returns a transition such as the config is for."""
    if name != "columns.yaml":
        return {"obs": step, "reward": 1.0, "next_obs": step + 1, "done": step % 16 == 15}
    frames = np.full((4, 84, 84), step, np.uint8)
    return {"obs": frames, "next_obs": frames, "action": 1, "reward": 1.0, "terminated": False}


@pytest.mark.parametrize("name", FILES)
def test_every_config_makes_a_buffer_that_takes_and_gives(name: str) -> None:
    buffer = made(name)
    for step in range(64):
        meta = {"episode": step // 16, "env": step // 16, "train_iter_data_collected": step, "priority": 1.0}
        buffer.push(payload(name, step), meta=meta)
    query: dict[str, Any] = {}
    chain = buffer.explain()
    if "group_sample" in chain:
        query["groupby"] = "episode"
    if "staleness_check" in chain:
        query["train_iter_sample_data"] = 64

    assert 64 == len(buffer)
    assert 4 == len(buffer.sample(4, **query))


@pytest.mark.parametrize("name", FILES)
def test_every_config_says_when_to_use_it(name: str) -> None:
    assert (CONFIGS / name).read_text(encoding="utf-8").startswith("# ")


def test_there_is_a_test_for_each_promise() -> None:
    written = Path(__file__).read_text(encoding="utf-8")

    assert [] == [
        name
        for name in FILES
        if "buffer:" not in (CONFIGS / name).read_text(encoding="utf-8") and f'"{name}"' not in written
    ]


def test_plain_samples_uniformly_and_forgets_the_oldest() -> None:
    buffer = made("plain.yaml", size=10)
    buffer.extend(list(range(15)))
    drawn = Counter(item.data for _ in range(2000) for item in buffer.sample(5))

    assert set(range(5, 15)) == set(drawn)
    assert max(drawn.values()) < 1.2 * min(drawn.values())


def test_per_prefers_what_has_a_high_priority() -> None:
    buffer = made("per.yaml")
    items = [buffer.push(step, meta={"priority": 1.0}) for step in range(10)]
    buffer.update([items[3].index], meta={"priority": [50.0]})
    drawn = Counter(item.data for _ in range(200) for item in buffer.sample(10))
    expected = 50**0.6 / (50**0.6 + 9)

    assert expected == pytest.approx(drawn[3] / 2000, abs=0.05)


def test_per_corrects_the_preference_by_weights() -> None:
    buffer = made("per.yaml")
    for step in range(10):
        buffer.push(step, meta={"priority": 50.0 if step == 3 else 1.0})
    weights = {item.data: float(item.meta["priority_IS"]) for _ in range(20) for item in buffer.sample(10)}

    assert 1.0 == pytest.approx(max(weights.values()))
    assert weights[3] == min(weights.values()) < 0.5


def test_per_rank_looks_at_the_order_of_priorities_not_at_their_size() -> None:
    drawn = []
    for largest in (20.0, 1e6):
        buffer = made("per_rank.yaml")
        for step in range(10):
            buffer.push(step, meta={"priority": largest if step == 3 else 1.0 + step / 10})
        drawn.append(Counter(item.data for _ in range(200) for item in buffer.sample(10)))

    assert drawn[0] == drawn[1]
    assert 3 == drawn[0].most_common(1)[0][0]
    assert set(range(10)) == set(drawn[0])


def test_episodes_gives_consecutive_steps_of_one_episode_each() -> None:
    buffer = made("episodes.yaml")
    push_episodes(buffer, [100, 60, 10])
    groups = buffer.sample(3, groupby="episode")
    steps = {group[0].data[0]: [item.data[1] for item in group] for group in groups}

    assert {0: 40, 1: 40, 2: 10} == {number: len(group) for number, group in steps.items()}
    assert all(list(range(group[0], group[0] + len(group))) == group for group in steps.values())


def test_windows_are_full_and_aligned() -> None:
    buffer = made("windows.yaml")
    push_episodes(buffer, [100, 45, 10], key="env")
    windows = buffer.sample(50, groupby="env", unroll_len=20, replace=True)
    starts = {(window[0].data[0], window[0].data[1]) for window in windows}

    assert {20} == {len(window) for window in windows}
    assert {(0, start) for start in range(0, 100, 20)} | {(1, 0), (1, 20), (1, 25)} == starts


def test_sequences_lie_within_episodes_and_prefer_where_the_error_is() -> None:
    buffer = made("sequences.yaml")
    for number in range(300):
        buffer.push({"at": number, "done": number % 100 == 99}, meta={"env": 0})
    windows = buffer.sample(60)
    for window in windows:
        steps = [item.data["at"] for item in window if item.index is not None]
        assert list(range(steps[0], steps[0] + len(steps))) == steps
        assert 1 == len({step // 100 for step in steps})
    firsts = {window[20].data["at"] for window in windows}
    assert {100 * episode + step for episode in range(3) for step in range(0, 100, 20)} == firsts
    assert {60} == {len(window) for window in windows}

    buffer.update([item.index for item in buffer], meta={"priority": 0.0})
    buffer.update([buffer[150].index], meta={"priority": 1.0})
    drawn = Counter(window[20].data["at"] for window in buffer.sample(60))
    assert {120, 140} == {first for first, _ in drawn.most_common(2)}
    assert 58 <= drawn[120] + drawn[140]


def test_use_limit_deletes_an_item_after_its_second_use() -> None:
    buffer = made("use_limit.yaml")
    buffer.extend(list(range(4)))
    first, second = buffer.sample(4), buffer.sample(4)

    assert [4, 4] == [len(first), len(second)]
    assert 0 == len(buffer)
    with pytest.raises(NotEnoughItems):
        buffer.sample(1)


def test_fresh_only_deletes_what_is_too_old() -> None:
    buffer = made("fresh_only.yaml")
    for iteration in (0, 50, 149, 150):
        buffer.push(iteration, meta={"train_iter_data_collected": iteration})
    batch = buffer.sample(3, train_iter_sample_data=150)

    assert [50, 149, 150] == sorted(item.data for item in batch)
    assert 3 == len(buffer)


def test_fresh_only_refuses_an_item_of_unknown_age() -> None:
    with pytest.raises(MissingMeta, match="train_iter_data_collected"):
        made("fresh_only.yaml").push(1)


def test_cloned_shields_the_buffer_from_writes_on_both_sides() -> None:
    buffer = made("cloned.yaml")
    pushed = {"obs": [1, 2]}
    buffer.push(pushed)
    pushed["obs"].append(3)
    (item,) = buffer.sample(1)
    item.data["obs"].append(4)

    assert {"obs": [1, 2]} == buffer.sample(1)[0].data


def test_monitored_logs_what_the_buffer_is_doing(caplog: pytest.LogCaptureFixture) -> None:
    buffer = made("monitored.yaml")
    buffer.extend([{"obs": step} for step in range(200)])
    with caplog.at_level("INFO", logger="ding_buffer"):
        for _ in range(1000):
            indices = [item.index for item in buffer.sample(4)]
            buffer.update(indices, meta={"priority": [2.0] * 4})
    (line,) = [record.getMessage() for record in caplog.records]

    assert line.startswith("replay: size 200, pushed_total 200, ")
    for figure in ("sampled_total 4,000", "reuse_avg", "sample_age_avg", "priority_max 2", "ess_avg"):
        assert figure in line


def test_padded_groups_have_one_length() -> None:
    buffer = made("padded_groups.yaml")
    push_episodes(buffer, [30, 5])
    groups = buffer.sample(2, groupby="episode")

    assert [20, 20] == [len(group) for group in groups]
    assert [{0}, {1}] == sorted(({item.data[0] for item in group} for group in groups), key=min)


def test_columns_give_batches_of_arrays_and_refuse_what_does_not_fit() -> None:
    buffer = made("columns.yaml", size=8)
    frames = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((4, 84, 84), np.uint8)
    numbers = np.arange(3)
    buffer.extend(
        {
            "obs": frames,
            "next_obs": frames + 1,
            "action": numbers,
            "reward": numbers.astype(np.float32),
            "terminated": numbers == 2,
        }
    )
    batch = buffer.sample(5)

    assert ((5, 4, 84, 84), np.uint8) == (batch.data["obs"].shape, batch.data["obs"].dtype)
    assert (batch.data["action"] + 1).tolist() == batch.data["next_obs"][:, 0, 0, 0].tolist()
    with pytest.raises(SchemaError, match="reward: expected one float32"):
        buffer.push({**buffer[0].data, "reward": "much"})


def test_n_step_sums_five_rewards_and_says_how_to_go_on() -> None:
    buffer = made("n_step.yaml")
    for step in range(8):
        for env in range(2):
            buffer.push({"reward": 1.0, "next_obs": step + 1, "done": step == 7}, meta={"env": env})
    first = buffer.sample(indices=[buffer[0].index])[0]
    last = buffer.sample(indices=[buffer[8].index])[0]

    assert (1 - 0.99**5) / 0.01 == pytest.approx(first.data["reward"])
    assert (5, pytest.approx(0.99**5)) == (first.data["next_obs"], first.data["discount"])
    assert (8, 0.0, 4) == (last.data["next_obs"], last.data["discount"], last.meta["n_step"])


def test_rate_limited_keeps_eight_samples_an_item_on_average() -> None:
    layers = with_layer("rate_limited.yaml", "rate_limit", mode="refuse")
    buffer = made("rate_limited.yaml", middleware=layers)
    refused = {"push": 0, "sample": 0}
    with pytest.raises(RateLimited):
        buffer.sample(32)
    for step in range(2000):
        refused["push"] += buffer.push(step) is None
        if step % (3 if step < 1000 else 6) == 0:
            try:
                buffer.sample(32)
            except RateLimited:
                refused["sample"] += 1
    counts = buffer.stats()["rate_limit"]

    assert min(refused.values()) > 0
    assert abs(counts["ahead"]) <= 512
    assert 8 * (counts["pushed"] - 64) - counts["sampled"] == counts["ahead"]


def test_random_replacement_lets_old_items_live_on() -> None:
    layers = with_layer("random_replacement.yaml", "random_replacement", expected_survival_length=50_000)
    buffer = made("random_replacement.yaml", size=100, middleware=layers)
    for step in range(20_000):
        buffer.push(step)
    chance = 100 / 50_000 * (np.log(100) + 0.5772)
    replaced = buffer.stats()["random_replacement"]["replaced"]

    assert 100 == len(buffer)
    assert chance * 19_900 == pytest.approx(replaced, abs=4 * (chance * 19_900) ** 0.5)
    assert sum(item.data < 100 for item in buffer) > 2


def test_reservoir_holds_early_and_late_items_alike() -> None:
    held: Counter[int] = Counter()
    for seed in range(60):
        buffer = made("reservoir.yaml", size=50, seed=seed)
        for step in range(500):
            buffer.push(step)
        held.update(item.data // 100 for item in buffer)

    assert all(abs(held[part] - 600) < 4 * (600 * 0.9 * 0.8) ** 0.5 for part in range(5)), held


def test_newest_only_never_samples_what_is_older() -> None:
    buffer = made(
        "newest_only.yaml", middleware=with_layer("newest_only.yaml", "sample_range_view", start=-10)
    )
    buffer.extend(list(range(100)))

    assert set(range(90, 100)) == {item.data for _ in range(50) for item in buffer.sample(10)}
    assert 100 == len(buffer)


def test_the_kitchen_sink_does_all_that_its_layers_do() -> None:
    buffer = made("kitchen_sink.yaml")
    for step in range(20):
        meta = {"train_iter_data_collected": step * 100, "priority": 9.0 if step == 19 else 1.0}
        buffer.push({"obs": [step]}, meta=meta)
    batch = buffer.sample(8, train_iter_sample_data=1900)
    batch[0].data["obs"].append("scribble")

    assert list(range(9, 20)) == [item.data["obs"][0] for item in buffer]
    assert all(1 == len(item.data["obs"]) for item in buffer)
    assert all(0.0 < float(item.meta["priority_IS"]) <= 1.0 for item in batch)
    drawn = Counter(item.data["obs"][0] for item in batch)
    while len(buffer):
        drawn.update(item.data["obs"][0] for item in buffer.sample(8, train_iter_sample_data=1900))
    assert set(range(9, 20)) == set(drawn)
    assert 16 <= min(drawn.values())
