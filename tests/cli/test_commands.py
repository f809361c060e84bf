from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("click")

from click.testing import CliRunner, Result

from ding_buffer.cli import commands as module
from ding_buffer.cli.commands import command_group

needs_everything = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "gymnasium", "matplotlib", "rich")),
    reason="needs the run extra",
)


def ding_buffer(*arguments: str) -> Result:
    return CliRunner().invoke(command_group, list(arguments))


def test_it_knows_its_version() -> None:
    assert ding_buffer("--version").output.startswith("ding-buffer, version 0.")


def test_without_a_config_it_says_what_to_type() -> None:
    done = ding_buffer("run")

    assert 2 == done.exit_code
    assert "ding-buffer run CONFIG" in done.output


def test_missing_libraries_are_named_with_the_extra_that_brings_them(monkeypatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "torch" else object())
    one = ding_buffer("run", "any.yaml")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    all_of_them = ding_buffer("run", "any.yaml")

    assert (1, 1) == (one.exit_code, all_of_them.exit_code)
    assert (
        "Error: torch is not installed. It comes with an extra: pip install 'ding_buffer[run]'\n"
        == one.output
    )
    assert (
        "Error: torch, gymnasium, matplotlib and rich are not installed. They come with an extra: "
        "pip install 'ding_buffer[run]'\n" == all_of_them.output
    )


@needs_everything
@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ("lern.lr=1", "lern: unknown key; did you mean learn?"),
        ("learn.batchsize=1", "learn.batchsize: unknown key; did you mean batch_size?"),
        ("learn.lr=fast", "learn.lr: expected a number, got the text 'fast'"),
        (
            "buffer.middleware[1].alpha=1",
            "middleware[1].alpha: unknown key; did you mean priority_power_factor?",
        ),
        ("env=CartPol-v1", "gymnasium cannot make 'CartPol-v1'"),
        ("learn", "expected KEY=VALUE"),
    ],
)
def test_a_mistake_is_one_message_without_a_traceback(tiny_file, change, hint) -> None:
    done = ding_buffer("run", str(tiny_file), "--set", change)

    assert 1 == done.exit_code
    assert done.output.startswith("Error: ")
    assert hint in done.output
    assert "Traceback" not in done.output


@needs_everything
def test_a_typo_in_the_file_is_told_with_the_nearest_key(tiny_file) -> None:
    tiny_file.write_text(tiny_file.read_text(encoding="utf-8").replace("nstep", "n_step"), encoding="utf-8")
    done = ding_buffer("run", str(tiny_file))

    assert 1 == done.exit_code
    assert "learn.n_step: unknown key; did you mean nstep?" in done.output


@needs_everything
def test_a_file_that_is_not_there_is_told() -> None:
    done = ding_buffer("run", "nowhere.yaml")

    assert (1, "Error: there is no config file 'nowhere.yaml'\n") == (done.exit_code, done.output)


@needs_everything
def test_short_options_are_settings(tiny_file, tmp_path) -> None:
    done = ding_buffer(
        "run", str(tiny_file), "--seed", "5", "--steps", "128", "--out", str(tmp_path / "elsewhere")
    )

    assert 0 == done.exit_code, done.output
    result = json.loads((tmp_path / "elsewhere" / "tiny-seed5" / "result.json").read_text(encoding="utf-8"))
    assert 128 == result["env_steps"]


@needs_everything
def test_ctrl_c_saves_and_resume_goes_on(tiny_file, tmp_path) -> None:
    folder = tmp_path / "runs" / "tiny-seed3"
    interrupted = interrupted_run(tiny_file)
    stopped_at = json.loads((folder / "result.json").read_text(encoding="utf-8"))["env_steps"]

    assert f"ding-buffer run --resume {folder}" in interrupted
    assert (folder / "report.png").is_file()

    done = ding_buffer("run", "--resume", str(folder), "--steps", str(stopped_at + 64))
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))

    assert 0 == done.exit_code, done.output
    assert f"goes on from env step {stopped_at:,}" in done.output
    assert ("budget", stopped_at + 64) == (result["ended"], result["env_steps"])

    again = ding_buffer("run", "--resume", str(tiny_file), "--steps", str(stopped_at + 128))
    assert 0 == again.exit_code, again.output


def interrupted_run(config: Path) -> str:
    """Starts a long run, presses Ctrl-C once it is under way, and returns what it printed."""
    command = [sys.executable, "-m", "ding_buffer.cli", "run", str(config), "--steps", "10000000"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        printed: list[str] = []
        for line in running.stdout:
            if line.split()[:1] == ["64"] and "64" not in [row.split()[0] for row in printed]:
                running.send_signal(signal.SIGINT)
            printed.append(line)
        running.wait(60)
    text = "".join(printed)

    assert 130 == running.returncode, text
    assert "Traceback" not in text
    return text
