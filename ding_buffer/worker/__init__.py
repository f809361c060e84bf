"""The names under which DI-engine's users import a worker buffer: ``from ding_buffer.worker import ...``."""

from __future__ import annotations

from ding_buffer.worker.replay_buffer import *  # noqa: F403  (all of them, and nothing else)
from ding_buffer.worker.replay_buffer import __all__ as __all__
