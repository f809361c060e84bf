"""Every snippet of the user guide that DI-engine's users know runs here, and does what the guide says."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.item import BufferedData
from ding_buffer.learners.context import OnlineRLContext
from ding_buffer.learners.task_loop import task

GUIDE = Path(__file__).with_name("user_guide.txt")
Names = dict[str, Any]


def snippets() -> dict[str, str]:
    """The code of the guide by section, in order."""
    _, *parts = re.split(r"^== (.+)$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    code = [re.sub(r"\bding\.", "ding_buffer.", part) for part in parts[1::2]]
    return dict(zip(parts[::2], code, strict=True))


class LinearModel:
    """Learns the reward from the observation by gradient steps: as small as a policy can be."""

    def __init__(self) -> None:
        self.weight = np.zeros(2)
        self.batches: list[list[Any]] = []
        self.losses: list[float] = []

    def forward(self, batch: list[Any]) -> dict[str, Any]:
        self.batches.append(batch)
        obs = np.stack([step["obs"] for step in batch])
        error = obs @ self.weight - np.array([step["reward"] for step in batch])
        self.weight -= 0.2 * obs.T @ error / len(batch)
        self.losses.append(float((error**2).mean()))
        return {"total_loss": self.losses[-1], "priority": np.abs(error).tolist()}


def collect(ctx: Any) -> None:
    """Ten steps of two environments, their reward a function of what they see."""
    rng = np.random.default_rng(ctx.total_step)
    ctx.trajectories = []
    for place in range(10):
        obs = rng.normal(size=2)
        ctx.trajectories.append({"obs": obs, "reward": float(obs @ [1.0, -2.0]), "env_data_id": place % 2})


def refilled(middleware: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """In the guide's examples a collector stands before each pusher; here before every middleware."""

    def run(ctx: Any) -> Any:
        collect(ctx)
        return middleware(ctx)

    return run


def after_creating(names: Names) -> None:
    assert (10, 0) == (names["buffer"].size, len(names["buffer"]))


def after_storing(names: Names) -> None:
    assert ["a"] * 3 == names["data"]
    assert 3 == len({item.index for item in names["buffered_data"]})
    assert all(isinstance(item, BufferedData) and {} == item.meta for item in names["buffered_data"])


def after_online_training(names: Names) -> None:
    task.run(max_step=60)
    model = names["policy"].learn_mode

    assert 120 == task.ctx.train_iter == len(model.losses)
    assert np.mean(model.losses[-10:]) < 0.01 * np.mean(model.losses[:10])


def after_expert_data(names: Names) -> None:
    task.run(max_step=3)
    batch = names["policy"].learn_mode.batches[-1]

    assert [0.0, 0.0, 1.0, 1.0] == [step["reward"] for step in batch]
    assert {0.0} == {item.data["reward"] for item in names["buffer"]}
    assert {1.0} == {item.data["reward"] for item in names["expert_buffer"]}


def after_priorities(names: Names) -> None:
    assert [("a", 2.0, 1.0)] * 3 == [
        (item.data, item.meta["priority"], item.meta["priority_IS"]) for item in names["buffered_data"]
    ]


def after_cloning(names: Names) -> None:
    names["buffer"].push([1, 2])
    names["buffer"].sample(1)[0].data.append(3)

    assert [1, 2] == names["buffer"][0].data


def after_groups(names: Names) -> None:
    assert [["a"], ["b", "c"]] == sorted([item.data for item in group] for group in names["grouped_data"])


def after_groups_by_env(names: Names) -> None:
    task.run(max_step=2)

    for group in names["buffer"].sample(2, groupby="env"):
        assert 5 == len(group)
        assert {group[0].data["env_data_id"]} == {item.meta["env"] for item in group}


def after_cutting_groups(names: Names) -> None:
    for number in range(5):
        names["buffer"].push(number, {"env": 0})
    data = [item.data for item in names["buffer"].sample(1, groupby="env")[0]]

    assert 3 == len(data)
    assert list(range(data[0], data[0] + 3)) == data


def after_limiting_uses(names: Names) -> None:
    names["buffer"].push("a")

    assert [1, 2] == [names["buffer"].sample(1)[0].meta["use_count"] for _ in range(2)]
    assert 0 == len(names["buffer"])


CHECKS = [
    after_creating,
    after_storing,
    after_online_training,
    after_expert_data,
    after_priorities,
    after_cloning,
    after_groups,
    after_groups_by_env,
    after_cutting_groups,
    after_limiting_uses,
]


@pytest.fixture
def given() -> Names:
    """What the guide takes for granted."""
    learn = {"batch_size": 4, "update_per_collect": 2}
    cfg = EasyDict(policy={"collect": {"unroll_len": 1}, "learn": learn})
    return {"cfg": cfg, "policy": SimpleNamespace(learn_mode=LinearModel())}


def test_every_snippet_runs_in_order_and_does_what_the_guide_says(given, tmp_path):
    names = given
    for (section, code), check in zip(snippets().items(), CHECKS, strict=True):
        with task.start(ctx=OnlineRLContext()):
            task.use_wrapper(refilled)
            file = tmp_path / f"{section.replace(' ', '_').replace(':', '')}.py"
            file.write_text(code, encoding="utf-8")
            names = {**names, **runpy.run_path(str(file), init_globals=names)}
            check(names)


def test_the_snippets_name_no_module_but_ours():
    imported = re.findall(r"^from (\S+) import", "\n".join(snippets().values()), flags=re.MULTILINE)

    assert 8 == len(imported)
    assert all(name.startswith("ding_buffer.") for name in imported)
