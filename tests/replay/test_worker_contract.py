"""The settings, signatures, keys and tags of worker buffers are those of DI-engine, no more and no less."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

from ding_buffer.config.create import create_buffer, get_buffer_cls
from ding_buffer.replay.sequence_buffer import SequenceReplayBuffer
from ding_buffer.structures.clock import ManualClock

NAIVE = {
    "replay_buffer_size": 10000,
    "deepcopy": False,
    "enable_track_used_data": False,
    "periodic_thruput_seconds": 60,
}
ADVANCED = {
    "replay_buffer_size": 4096,
    "max_use": math.inf,
    "max_staleness": math.inf,
    "alpha": 0.6,
    "beta": 0.4,
    "anneal_step": 100000,
    "enable_track_used_data": False,
    "deepcopy": False,
    "thruput_controller.push_sample_rate_limit.max": math.inf,
    "thruput_controller.push_sample_rate_limit.min": 0,
    "thruput_controller.window_seconds": 30,
    "thruput_controller.sample_min_limit_ratio": 1,
    "monitor.sampled_data_attr.average_range": 5,
    "monitor.sampled_data_attr.print_freq": 200,
    "monitor.periodic_thruput.seconds": 60,
}
WRAPPER = {
    "replay_buffer_size": 10000,
    "max_use": math.inf,
    "train_iter_per_log": 100,
    "priority": False,
    "priority_IS_weight": False,
    "priority_power_factor": 0.6,
    "IS_weight_power_factor": 0.4,
    "IS_weight_anneal_train_iter": 100000,
    "priority_max_limit": 1000,
}
TRACKED = {"seed", "used_data_directory"}
THEIRS_AND_OURS = [
    ("naive", NAIVE, TRACKED),
    ("elastic", NAIVE, TRACKED | {"set_buffer_size"}),
    ("sequence", NAIVE, TRACKED | {"stream_key"}),
    ("episode", NAIVE, TRACKED),
    ("advanced", ADVANCED, TRACKED),
    ("deque_wrapper", WRAPPER, {"seed"}),
]
TYPES = [kind for kind, _, _ in THEIRS_AND_OURS]
SAMPLED = {
    "naive": ["size", "cur_learner_iter", "sample_range", "replace"],
    "elastic": ["size", "cur_learner_iter", "sample_range", "replace"],
    "sequence": ["batch", "sequence", "cur_learner_iter", "sample_range", "replace"],
    "episode": ["size", "cur_learner_iter", "sample_range", "replace"],
    "advanced": ["size", "cur_learner_iter", "sample_range"],
    "deque_wrapper": ["size", "train_iter"],
}
SECONDS = {f"mine_sec/{key}" for key in ("pushed_in", "sampled_out", "removed", "current_have")}
DRAWN = {
    f"mine_{unit}/{key}"
    for unit in ("iter", "step")
    for key in (
        "use_avg",
        "use_max",
        "priority_avg",
        "priority_max",
        "priority_min",
        "staleness_avg",
        "staleness_max",
        "beta",
    )
}
TAGS = {
    **dict.fromkeys(("naive", "elastic", "sequence", "episode"), SECONDS),
    "advanced": SECONDS | DRAWN,
    "deque_wrapper": {
        f"mine_iter/{key}" for key in ("use_count_avg", "priority_avg", "priority_max", "buffer_data_count")
    },
}


class Writer:
    def __init__(self) -> None:
        self.steps: dict[str, int] = {}

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.steps[tag] = step


def flat(config: Any, path: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in config.items():
        made.update(flat(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value})
    return made


@pytest.mark.parametrize(("kind", "theirs", "ours"), THEIRS_AND_OURS)
def test_the_settings_are_theirs_with_their_defaults_and_few_of_ours_that_are_off(kind, theirs, ours) -> None:
    face: Any = get_buffer_cls({"type": kind})
    config = flat(face.default_config())

    assert (kind, face.__name__ + "Dict") == (config.pop("type"), config.pop("cfg_type"))
    assert {**theirs, **dict.fromkeys(ours)} == config


@pytest.mark.parametrize("kind", TYPES)
def test_they_are_made_and_called_as_theirs(kind: str) -> None:
    face: Any = get_buffer_cls({"type": kind})
    made = face(face.default_config(), None, "default_experiment", "buffer")

    assert ("default_experiment", "buffer") == (made.exp_name, made.instance_name)
    assert SAMPLED[kind] == list(inspect.signature(made.sample).parameters)
    assert ["data", "cur_collector_envstep"] == list(inspect.signature(made.push).parameters)
    assert ["info"] == list(inspect.signature(made.update).parameters)
    assert (0, made.cfg.replay_buffer_size, 0) == (made.count(), made.replay_buffer_size, made.push_count)
    for name in ("start", "close", "clear", "state_dict", "load_state_dict", "save_data", "load_data"):
        assert callable(getattr(made, name))
    assert (kind in ("advanced", "deque_wrapper")) == hasattr(made, "beta")


@pytest.mark.parametrize("kind", TYPES)
def test_what_they_report_is_under_their_tags(kind: str) -> None:
    cfg: dict[str, Any] = {"type": kind}
    if kind == "advanced":
        cfg["monitor"] = {"sampled_data_attr": {"print_freq": 1}}
    if kind == "deque_wrapper":
        cfg.update(max_use=9, priority=True)
    writer, clock = Writer(), ManualClock()
    made = get_buffer_cls(cfg)(cfg, writer, instance_name="mine", clock=clock)
    made.push([{"n": n, "collect_iter": 1} for n in range(4)], 40)
    made.sample(*((2, 1, 7) if isinstance(made, SequenceReplayBuffer) else (2, 7)))
    clock.advance(60)
    made.push([{"n": 4, "collect_iter": 1}], 50)

    assert TAGS[kind] == set(writer.steps)
    assert all(7 == step for tag, step in writer.steps.items() if "_iter/" in tag)
    assert all(40 == step for tag, step in writer.steps.items() if "_step/" in tag)
    assert all(0 == step for tag, step in writer.steps.items() if "_sec/" in tag)


def test_six_keys_are_added_to_a_sampled_dict_and_none_is_lost() -> None:
    with create_buffer({"type": "advanced"}, instance_name="mine") as made:
        made.push({"obs": 1, "collect_iter": [3, 4]}, 0)
        drawn = made.sample(1, 8)

    told = {"replay_unique_id": "mine_0", "replay_buffer_idx": 0, "use": 1, "staleness": 5}
    assert [{"obs": 1, "collect_iter": [3, 4], "priority": 1.0, "IS": 1.0, **told}] == drawn
