"""What can be set on a run, and how it is read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from easydict import EasyDict
from pydantic import Field

from ding_buffer.config.schema import read_settings
from ding_buffer.config.wording import got_words
from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import Problems, joined

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class NetworkSettings:
    """The Q network: fully connected layers of these widths, with ReLU between them."""

    hidden: list[Count] = field(default_factory=lambda: [128, 128])


@dataclass(frozen=True)
class CollectSettings:
    """Who collects: ``envs`` envs, ``steps`` steps of each per iteration, and how often at random."""

    envs: Count = 8
    steps: Count = 16
    epsilon_start: Share = 1.0
    epsilon_end: Share = 0.1
    epsilon_steps: Count = 8000


@dataclass(frozen=True)
class LearnSettings:
    """How the network learns: batches, n-step targets, learning rate, the pace of the target network."""

    batch_size: Count = 128
    update_per_collect: Count = 64
    min_size: Annotated[int, Field(ge=0)] = 1000
    nstep: Count = 5
    discount_factor: Share = 0.995
    lr: Positive = 1e-3
    lr_end: Positive = 1e-4
    target_rate: Annotated[float, Field(gt=0, le=1)] = 0.005
    max_grad_norm: Positive = 10.0


@dataclass(frozen=True)
class EvalSettings:
    """When the greedy policy is evaluated, what ends training early, and how the result is measured."""

    every: Count = 2000
    episodes: Count = 20
    goal: float | None = None
    times: Count = 2
    final_episodes: Count = 20


@dataclass(frozen=True)
class RunConfig:
    """Everything a run is made of; ``steps`` are env steps, ``buffer`` is what ``create_buffer`` takes."""

    env: str
    buffer: Mapping[str, Any]
    seed: Annotated[int, Field(ge=0)] = 0
    steps: Count = 60_000
    save_every: Count = 10_000
    out: str = "runs"
    network: NetworkSettings = field(default_factory=NetworkSettings)
    collect: CollectSettings = field(default_factory=CollectSettings)
    learn: LearnSettings = field(default_factory=LearnSettings)
    eval: EvalSettings = field(default_factory=EvalSettings)

    def plain(self) -> dict[str, Any]:
        """Returns the settings as nested dicts of plain values, which ``read_run_config`` takes back."""
        return {**asdict(self), "buffer": dict(self.buffer)}

    def for_learners(self) -> EasyDict:
        """Returns the settings under the names that the middleware of ``learners`` read."""
        learn = asdict(self.learn)
        policy = {
            "nstep": learn["nstep"],
            "discount_factor": learn["discount_factor"],
            "learn": {name: learn[name] for name in ("batch_size", "update_per_collect", "min_size")},
            "collect": {"unroll_len": 1},
        }
        return EasyDict(policy=policy)


_SECTIONS: dict[str, type[Any]] = {
    "network": NetworkSettings,
    "collect": CollectSettings,
    "learn": LearnSettings,
    "eval": EvalSettings,
}


def read_run_config(settings: Mapping[str, Any], source: str) -> RunConfig:
    """Checks the settings of a run; raises one ``ConfigError`` that names ``source`` and every mistake in it.

    The buffer's own settings are checked by ``create_buffer``, when the buffer is made.
    """
    problems = Problems(source)
    if "type" in settings and not {"env", "buffer"} & set(settings):
        raise ConfigError(
            f"{source}: this describes a buffer, not a run. In a run's config it is the section 'buffer', "
            "beside env; see configs/cartpole_dqn_per.yaml"
        )
    beside = ("buffer", *_SECTIONS)
    top = {key: value for key, value in settings.items() if key not in beside}
    known = read_settings(RunConfig, top, "", problems, given=tuple(_SECTIONS), beside=beside)
    sections = {name: _section(name, settings.get(name), problems) for name in _SECTIONS}
    # The catalog takes a parameter called buffer for a buffer, not for a setting.
    buffer = _mapping("buffer", settings.get("buffer"), problems)
    problems.raise_if_any()
    config = RunConfig(buffer=buffer or {}, **(known or {}), **sections)
    _check_together(config, problems)
    problems.raise_if_any()
    return config


def _mapping(name: str, settings: Any, problems: Problems) -> Mapping[str, Any] | None:
    if not isinstance(settings, Mapping):
        problems.add(name, f"expected a mapping, got {got_words(settings)}")
        return None
    return settings


def _section(name: str, settings: Any, problems: Problems) -> Any:
    mapping = {} if settings is None else _mapping(name, settings, problems)
    read = None if mapping is None else read_settings(_SECTIONS[name], mapping, name, problems)
    return None if read is None else _SECTIONS[name](**read)


def _check_together(config: RunConfig, problems: Problems) -> None:
    """Notes settings that are each possible but not together."""
    size = config.buffer.get("size")
    if isinstance(size, int) and config.learn.min_size > size:
        path = joined("learn", "min_size")
        problems.add(path, f"{config.learn.min_size} is more than the buffer holds (buffer.size: {size})")
    if not config.learn.nstep <= config.collect.steps:
        path = joined("learn", "nstep")
        problems.add(path, f"{config.learn.nstep} is more than collect.steps ({config.collect.steps})")


def in_buffer_section(error: ConfigError, source: str, called: str) -> ConfigError:
    """Returns the error of ``create_buffer`` with the place where a user finds the buffer's settings."""
    return ConfigError(f"{source}: buffer: {str(error).removeprefix(f'{called}: ')}")
