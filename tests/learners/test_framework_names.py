from __future__ import annotations

import subprocess
import sys

from ding_buffer import framework
from ding_buffer.framework import middleware
from ding_buffer.learners.task_loop import task


def test_dings_names_are_where_ding_has_them() -> None:
    assert task is framework.task
    assert {"Context", "OnlineRLContext", "Task", "task"} == set(framework.__all__)
    expected = {
        "HERLearner",
        "OffPolicyLearner",
        "buffer_saver",
        "data_pusher",
        "her_data_enhancer",
        "nstep_reward_enhancer",
        "offpolicy_data_fetcher",
        "priority_calculator",
        "reward_estimator",
        "sqil_data_pusher",
        "trainer",
    }
    assert expected == set(middleware.__all__)
    assert all(callable(getattr(middleware, name)) for name in expected)


def test_learners_do_not_load_torch() -> None:
    code = (
        "import sys, ding_buffer.framework.middleware, ding_buffer.framework, ding_buffer.learners.collate;"
        "print(sorted({'torch', 'gymnasium', 'pydantic', 'rich', 'treetensor'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "[]" == printed.strip()
