from __future__ import annotations

import json
import time

import pytest

pytest.importorskip("torch")
pytest.importorskip("gymnasium")
pytest.importorskip("matplotlib")
pytest.importorskip("rich")

from matplotlib.image import imread

from ding_buffer.cli.launch import begin_run, resume_run
from ding_buffer.cli.training import Training
from ding_buffer.core.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "tiny-seed3"


def test_a_run_leaves_a_picture_its_figures_and_a_checkpoint(tiny_file, folder, capsys) -> None:
    began = time.monotonic()
    assert begin_run(tiny_file, [])
    took = time.monotonic() - began
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))

    assert (3, "budget", 384, 24) == (
        result["seed"],
        result["ended"],
        result["env_steps"],
        result["updates"],
    )
    assert 3 == result["eval_episodes"] == len(result["eval_returns"])
    assert 1 <= result["eval_mean"] <= 500
    assert 0 <= result["eval_std"] <= 250
    assert 0 < result["wall_seconds"] <= round(took, 2)
    assert (1040, 1560) == imread(folder / "report.png").shape[:2]
    assert {"buffer.ding", "networks.pt", "settings.yaml", "state.json"} == {
        path.name for path in (folder / "checkpoint").iterdir()
    }


def test_away_from_a_terminal_it_prints_a_table_and_a_summary(tiny_file, folder, capsys) -> None:
    begin_run(tiny_file, ["learn.min_size=100"])
    printed = capsys.readouterr().out

    assert printed.startswith("tiny-seed3 · CartPole-v1\n")
    assert 1 == printed.count("training waits for more data")
    assert 1 == printed.count("env steps   return")
    assert "evaluation  " in printed
    assert str(folder / "report.png") in printed
    assert "\x1b" not in printed


def test_changes_reach_the_run(tiny_file, tmp_path) -> None:
    begin_run(tiny_file, ["seed=8", "steps=128", f"out={tmp_path / 'other'}"])
    result = json.loads((tmp_path / "other" / "tiny-seed8" / "result.json").read_text(encoding="utf-8"))

    assert (8, 128) == (result["seed"], result["env_steps"])


def test_a_finished_run_is_not_resumed_unless_it_gets_more_steps(tiny_file, folder, capsys) -> None:
    begin_run(tiny_file, ["steps=128"])
    with pytest.raises(ConfigError, match=r"is finished \(128 env steps\).*add --steps N with N above 128"):
        resume_run(folder, None, [])

    assert resume_run(folder, None, ["steps=192"])
    assert 192 == json.loads((folder / "result.json").read_text(encoding="utf-8"))["env_steps"]
    assert "goes on from env step 128; the envs begin new episodes" in capsys.readouterr().out


def test_a_run_is_found_by_its_config_too(tiny_file, folder) -> None:
    begin_run(tiny_file, ["steps=128"])

    assert resume_run(None, tiny_file, ["steps=192"])


def test_what_was_never_begun_cannot_be_resumed(tiny_file, tmp_path) -> None:
    with pytest.raises(ConfigError, match="nothing to resume in"):
        resume_run(tmp_path / "nowhere", None, [])
    with pytest.raises(ConfigError, match="nothing to resume in"):
        resume_run(None, tiny_file, [])


def test_the_network_cannot_change_in_a_run_that_goes_on(tiny_file, folder) -> None:
    begin_run(tiny_file, ["steps=64"])
    with pytest.raises(ConfigError, match="network: cannot change"):
        resume_run(folder, None, ["network.hidden=[8]", "steps=128"])


def test_a_mistake_names_the_file_and_what_was_changed(tiny_file) -> None:
    with pytest.raises(ConfigError) as caught:
        begin_run(tiny_file, ["lern.lr=1"])

    assert str(caught.value).startswith(
        f"{tiny_file} --set lern.lr=1: lern: unknown key; did you mean learn?"
    )


def test_a_second_ctrl_c_ends_it_at_once_and_says_what_is_lost(
    tiny_file, folder, capsys, monkeypatch
) -> None:
    def interrupted(self, display, stop):
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "run", interrupted)

    assert not begin_run(tiny_file, [])
    assert "what came after the last checkpoint is lost" in capsys.readouterr().out
    assert not (folder / "result.json").exists()
