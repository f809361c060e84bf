"""The worker buffer that returns windows of consecutive transitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import NotEnoughItems
from ding_buffer.core.number_checks import check_whole
from ding_buffer.core.payload_fields import field_of
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.sequences import sequence as windows_of
from ding_buffer.replay.naive_buffer import NaiveReplayBuffer
from ding_buffer.replay.worker_config import Rules, optional, that

_LENGTHS = 4
"""How many lengths of windows are kept ready: each costs something with every push."""


class SequenceReplayBuffer(NaiveReplayBuffer):
    """Keeps transitions and draws windows of them, each within one episode.

    Transitions are pushed in the order they happened. An episode ends with a transition whose ``done``,
    ``terminated`` or ``truncated`` is true; a list inside the pushed list is a whole episode by itself, and
    counts as its transitions. With ``stream_key``, a field of the transitions that names their environment,
    those of several environments may come mixed. DI-engine takes every 500 transitions for an episode, and
    waits forever where none is long enough. The seed does not describe this buffer.
    """

    config: ClassVar[Mapping[str, Any]] = {**NaiveReplayBuffer.config, "type": "sequence", "stream_key": None}

    _rules: ClassVar[Rules] = {
        **NaiveReplayBuffer._rules,
        "stream_key": optional(that(lambda key: isinstance(key, str), "the name of a field")),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._views: dict[int, DequeBuffer] = {}  # by length, the one used last at the end

    def push(self, data: Any, cur_collector_envstep: int = -1) -> None:
        """Stores one transition, or each of a list; a list among them is one whole episode."""
        with self._lock:
            steps: list[Any] = []
            metas: list[dict[str, Any]] = []
            for item in data if isinstance(data, list) else [data]:
                part = item if isinstance(item, list) else [item]
                # Serials are never used again, so the one of its first step can name an episode.
                number = self._store.ring.next + len(steps) if isinstance(item, list) else None
                steps += part
                metas += [self._meta(step, number) for step in part]
            self._check_tracked(steps)
            self.buffer.extend(steps, meta=metas)
            self._note(pushed=len(steps))

    def _meta(self, step: Any, number: int | None) -> dict[str, Any]:
        meta: dict[str, Any] = {} if number is None else {"episode": number}
        if self.cfg.stream_key is not None:
            meta["env"] = field_of(step, self.cfg.stream_key)
        return meta

    def sample(  # type: ignore[override]  # as DI-engine has it: a length more
        self,
        batch: int,
        sequence: int,
        cur_learner_iter: int = -1,
        sample_range: slice | None = None,
        replace: bool = False,
    ) -> list[list[Any]] | None:
        """Draws ``batch`` windows of ``sequence`` transitions; every place a window can begin is as likely.

        They begin at different places, unless ``replace``. None where there are not as many. All transitions
        of a window lie in ``sample_range``, a slice of positions, oldest first.
        """
        check_whole("sequence", sequence, 1)
        if batch == 0:
            return []
        with self._lock:
            try:
                drawn = self._view(sequence).sample(batch, sample_range=sample_range, replace=replace)
            except NotEnoughItems as shortage:
                self._refuse(shortage, batch * sequence)
                return None
            self._note(sampled=sum(map(len, drawn)))
            return [[item.data for item in window] for window in drawn]

    def _view(self, length: int) -> DequeBuffer:
        """Returns a view of the buffer whose samples are windows of one length."""
        view = self._views.pop(length, None)
        if view is None:
            copies = [clone_object()] if self.cfg.deepcopy else []
            view = self.buffer.view().use(copies, windows_of(length))
        while len(self._views) >= _LENGTHS:
            del self._views[next(iter(self._views))]
        self._views[length] = view
        return view
