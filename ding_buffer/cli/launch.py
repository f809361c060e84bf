"""Begins a run, or goes on with one, and says how it ended."""

from __future__ import annotations

import json
import logging
import platform
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from ding_buffer.cli.live_display import LiveDisplay
from ding_buffer.cli.overrides import with_overrides
from ding_buffer.cli.plain_display import PlainDisplay
from ding_buffer.cli.report import ReportText, draw_report
from ding_buffer.cli.run_config import RunConfig, read_run_config
from ding_buffer.cli.sample_probe import glance_at
from ding_buffer.cli.stop_request import StopRequest
from ding_buffer.cli.training import BUDGET, GOAL, INTERRUPTED, Training, checkpoint_in
from ding_buffer.cli.wording import clock, number
from ding_buffer.config.load import load_config
from ding_buffer.core.errors import ConfigError

if TYPE_CHECKING:
    from ding_buffer.cli.progress import Display

_REPORT, _RESULT = "report.png", "result.json"
_WHY = {BUDGET: "all env steps are used", GOAL: "the goal is reached", INTERRUPTED: "stopped"}


def begin_run(config: Path, changes: Sequence[str]) -> bool:
    """Runs the YAML file ``config`` from the start; returns whether it was not interrupted."""
    source = _source(str(config), changes)
    settings = read_run_config(with_overrides(load_config(config), changes), source)
    folder = _folder(config, settings)
    training = Training(settings, source, checkpoint_in(folder))
    return _carry_out(training, folder, [])


def resume_run(folder: Path | None, config: Path | None, changes: Sequence[str]) -> bool:
    """Goes on with the run in ``folder``, or in the folder that ``config`` writes to.

    It keeps the settings it was begun with, ``changes`` aside. Returns whether it was not interrupted.
    """
    if folder is None:
        if config is None:
            raise ConfigError("to resume a run, name its folder or its config")
        folder = _folder(config, read_run_config(with_overrides(load_config(config), changes), str(config)))
    checkpoint = checkpoint_in(folder)
    if not checkpoint.exists():
        raise ConfigError(f"there is nothing to resume in {folder}: it holds no checkpoint of a run")
    begun, state = checkpoint.settings(), checkpoint.state()
    source = _source(str(checkpoint.folder / "settings.yaml"), changes)
    settings = read_run_config(with_overrides(begun, changes), source)
    for fixed in ("env", "network"):
        if settings.plain()[fixed] != read_run_config(begun, source).plain()[fixed]:
            raise ConfigError(f"{source}: {fixed}: cannot change in a run that goes on; begin a new one")
    if state.get("ended") in (BUDGET, GOAL) and state["env_step"] >= settings.steps:
        raise ConfigError(
            f"the run in {folder} is finished ({state['env_step']:,} env steps): see {_REPORT} and "
            f"{_RESULT} there. To train it further, add --steps N with N above {settings.steps}"
        )
    training = Training(settings, source, checkpoint)
    training.load()
    resumed = f"goes on from env step {state['env_step']:,}; the envs begin new episodes"
    return _carry_out(training, folder, [resumed])


def _folder(config: Path, settings: RunConfig) -> Path:
    return Path(settings.out) / f"{config.stem}-seed{settings.seed}"


def _source(name: str, changes: Sequence[str]) -> str:
    return " ".join([name, *(f"--set {change}" for change in changes)])


def _carry_out(training: Training, folder: Path, notes: list[str]) -> bool:
    console = Console(highlight=False)
    title = f"{folder.name} · {training.config.env}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with StopRequest() as stop, _displayed(console, title) as display:
            for note in notes:
                display.note(note)
            ended = training.run(display, stop)
            training.save(training.ctx, ended)
    except KeyboardInterrupt:
        console.print("  interrupted at once: what came after the last checkpoint is lost", style="bold red")
        return False
    share = training.buffer_share()
    returns = [] if ended == INTERRUPTED else training.final_returns()
    result = {**_result(training, ended, returns), "buffer_share": round(share, 4)}
    (folder / _RESULT).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    text = ReportText(title, _in_words(result), training.config.eval.goal)
    draw_report(folder / _REPORT, text, training.history, glance_at(training.buffer))
    _tell(console, folder, result)
    return ended != INTERRUPTED


@contextmanager
def _displayed(console: Console, title: str) -> Iterator[Display]:
    """Opens a display that fits the console and sends warnings of the library there."""
    display: Display
    if console.is_terminal and not console.is_dumb_terminal:
        display = LiveDisplay(console, title)
    else:
        display = PlainDisplay(console)
        display.note(title)
    logger, handler = logging.getLogger("ding_buffer"), _Notes(display)
    logger.addHandler(handler)
    try:
        yield display
    finally:
        logger.removeHandler(handler)
        display.close()


class _Notes(logging.Handler):
    """Shows warnings where the progress is shown."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Notes one message."""
        self._display.note(record.getMessage())


def _result(training: Training, ended: str, returns: list[float]) -> dict[str, Any]:
    return {
        "env": training.config.env,
        "seed": training.config.seed,
        "ended": ended,
        "env_steps": training.ctx.env_step,
        "episodes": training.ctx.env_episode,
        "updates": training.ctx.train_iter,
        "eval_episodes": len(returns),
        "eval_mean": float(np.mean(returns)) if returns else None,
        "eval_std": float(np.std(returns)) if returns else None,
        "eval_returns": returns,
        "best_periodic_eval": training.history.best_evaluation(),
        "wall_seconds": round(training.elapsed(), 2),
        "versions": {
            "ding_buffer": import_module("ding_buffer").__version__,
            "torch": import_module("torch").__version__,
            "gymnasium": import_module("gymnasium").__version__,
            "python": platform.python_version(),
        },
    }


def _in_words(result: dict[str, Any]) -> str:
    trained = (
        f"{result['env_steps']:,} env steps · {result['updates']:,} updates · {clock(result['wall_seconds'])}"
    )
    if result["eval_mean"] is None:
        return f"stopped before its end · {trained}"
    return f"final evaluation {_evaluated(result)} · {trained}"


def _evaluated(result: dict[str, Any]) -> str:
    return f"{result['eval_mean']:.1f} ± {result['eval_std']:.1f} over {result['eval_episodes']} episodes"


def _tell(console: Console, folder: Path, result: dict[str, Any]) -> None:
    """Prints the summary."""

    def line(name: str, text: str, style: str = "") -> None:
        console.print(f"  {name:<12}", style="cyan", end="")
        console.print(text, style=style or None, soft_wrap=True, markup=False)

    console.print()
    if result["eval_mean"] is not None:
        line("evaluation", f"{_evaluated(result)}, on fresh episodes, greedy", "bold green")
    else:
        line("evaluation", f"{number(result['best_periodic_eval'])} at best so far")
    line(
        "training",
        f"{result['env_steps']:,} env steps, {result['updates']:,} updates, "
        f"{clock(result['wall_seconds'])}: {_WHY[result['ended']]}",
    )
    line("buffer", f"{result['buffer_share']:.1%} of that time")
    line("picture", str(folder / _REPORT), "bold")
    line("figures", str(folder / _RESULT))
    if result["ended"] == INTERRUPTED:
        line("go on with", f"ding-buffer run --resume {shlex.quote(str(folder))}", "bold")
