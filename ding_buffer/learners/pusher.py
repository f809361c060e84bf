"""Pushes what was collected into a buffer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ding_buffer.core.buffer import Buffer
from ding_buffer.core.payload_fields import field_of, has_field, plain_scalar, without_field
from ding_buffer.learners.bulk_push import push_all
from ding_buffer.learners.learner_errors import MissingContextField
from ding_buffer.learners.told import told_meta

MetaOf = Callable[[Any, Any], Mapping[str, Any]]


def data_pusher(
    cfg: Any,
    buffer_: Buffer,
    group_by_env: bool | None = None,
    *,
    meta: MetaOf | None = None,
) -> Callable[[Any], None]:
    """Makes the middleware that pushes each of ``ctx.trajectories``, or else each of ``ctx.episodes``.

    What was pushed is set to None in the context. ``group_by_env`` puts ``env_data_id`` of a transition into
    ``meta["env"]``. A ``priority`` field of a mapping (see ``priority_calculator``) travels as
    ``meta["priority"]``. A buffer whose layers need ``train_iter_data_collected`` is told ``ctx.train_iter``;
    ``meta(ctx, payload)`` returns further meta.
    ``cfg`` is not read. Raises ``MissingContextField`` if there is neither.
    """

    def push(ctx: Any) -> None:
        for name in ("trajectories", "episodes"):
            payloads = getattr(ctx, name, None)
            if payloads is None:
                continue
            by_env = bool(group_by_env) and name == "trajectories"
            told = told_meta(buffer_, ctx)
            pairs = [
                _with_meta(payload, by_env, {**told, **(meta(ctx, payload) if meta else {})})
                for payload in payloads
            ]
            push_all(buffer_, [payload for payload, _ in pairs], [known for _, known in pairs])
            setattr(ctx, name, None)
            return
        raise MissingContextField(
            "ctx.trajectories and ctx.episodes are both None: a collector must come before data_pusher"
        )

    return push


def _with_meta(payload: Any, by_env: bool, further: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    known: dict[str, Any] = {}
    if by_env:
        known["env"] = plain_scalar(field_of(payload, "env_data_id"))
    if not isinstance(payload, (list, tuple)) and has_field(payload, "priority"):
        bare = without_field(payload, "priority")
        if bare is not payload:
            known["priority"] = plain_scalar(field_of(payload, "priority"))
            payload = bare
    known.update(further)
    return payload, known
