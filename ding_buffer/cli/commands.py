"""What ``ding-buffer`` can be asked to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from ding_buffer.core.errors import ChainError, ConfigError, CorruptSnapshot, MissingExtra

_EXTRA = "run"
_NEEDED = ("torch", "gymnasium", "matplotlib", "rich")
INTERRUPTED = 130


@click.group()
@click.version_option(import_module("ding_buffer").__version__, prog_name="ding-buffer")
def command_group() -> None:
    """Experience buffers in which every feature is a layer."""


@command_group.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting: --set learn.lr=3e-4"
)
@click.option("--seed", type=click.IntRange(min=0), help="The same as --set seed=N.")
@click.option("--steps", type=click.IntRange(min=1), help="The same as --set steps=N (env steps in all).")
@click.option(
    "--out", type=click.Path(file_okay=False), help="The folder of the runs; runs/ if the config says none."
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    metavar="[DIR]",
    help="Go on with a stopped run: the one in DIR, or the one CONFIG would write to.",
)
def run(
    config: Path | None,
    changes: tuple[str, ...],
    seed: int | None,
    steps: int | None,
    out: str | None,
    resume: str | None,
) -> None:
    """Train the double DQN that the YAML file CONFIG describes.

    The results (picture, figures, a checkpoint) go to a folder named after CONFIG and the seed. Ctrl-C
    stops and saves; --resume goes on with the settings the run was begun with, and --set changes them.
    """
    if resume and config is None and Path(resume).suffix in (".yaml", ".yml"):
        # `run --resume CONFIG`: click takes the word after --resume as its value.
        config, resume = Path(resume), ""
    given = {"seed": seed, "steps": steps, "out": out}
    overrides = [*changes, *(f"{key}={value}" for key, value in given.items() if value is not None)]
    if config is None and not resume:
        raise click.UsageError("Say what to run: ding-buffer run CONFIG, or ding-buffer run --resume DIR.")
    with _told_plainly():
        _require_extras()
        from ding_buffer.cli.launch import begin_run, resume_run

        if resume is None:
            finished = begin_run(_present(config), overrides)
        else:
            finished = resume_run(Path(resume) if resume else None, config, overrides)
    if not finished:
        raise SystemExit(INTERRUPTED)


def _present(config: Path | None) -> Path:
    if config is None:
        raise click.UsageError("Say what to run: ding-buffer run CONFIG.")
    return config


def _require_extras() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if len(missing) == 1:
        raise MissingExtra.of(missing[0], _EXTRA)
    if missing:
        names = f"{', '.join(missing[:-1])} and {missing[-1]}"
        raise MissingExtra(
            f"{names} are not installed. They come with an extra: pip install 'ding_buffer[{_EXTRA}]'"
        )


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Shows a user's mistake as one message; a mistake of ours keeps its traceback."""
    try:
        yield
    except (ChainError, ConfigError, CorruptSnapshot, MissingExtra) as error:
        raise click.ClickException(str(error)) from error
