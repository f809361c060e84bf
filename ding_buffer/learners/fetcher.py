"""Fetches a batch for a training step and takes its priorities back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import BadPriority
from ding_buffer.core.payload_column import PayloadColumn
from ding_buffer.learners.halves import Half
from ding_buffer.learners.priority_return import send_priorities, take_priority
from ding_buffer.learners.setting_path import count_setting
from ding_buffer.learners.shortage import ShortageNotice
from ding_buffer.learners.sources import Buffers, Drawer, Query, Source, minimum, sources_of


def offpolicy_data_fetcher(
    cfg: Any,
    buffer_: Buffers,
    data_shortage_warning: bool = False,
    *,
    min_size: int | None = None,
    query: Query | None = None,
) -> Callable[[Any], Half]:
    """Makes the middleware that fills ``ctx.train_data`` and later sends priorities back to what it drew.

    ``ctx.train_data`` becomes a list of ``cfg.policy.learn.batch_size`` payloads, from columns a
    ``PayloadColumn``, whose ``columns`` are stacked already; for ``{name: buffer}`` a
    dict of such lists; for ``[(buffer, share), ...]`` one list whose parts sum to exactly the batch size (see
    ``split_batch``). With ``cfg.policy.collect.unroll_len`` above 1 each entry is a window of that many
    payloads of one ``meta["env"]``. It is None while a buffer raises ``NotEnoughItems`` or, before the first
    batch, holds fewer than ``min_size`` items (``cfg.policy.learn.min_size`` if not given, 0 if neither is);
    that is logged once until it ends, or every time with ``data_shortage_warning``. Any other error passes.

    After the ``yield``, ``ctx.train_output["priority"]`` (of a list of outputs: of its last, which is taken
    off) goes to the items of this very batch, one ``update`` per buffer; for a mapping it is a mapping with
    the same names. A buffer whose layers take ``train_iter_sample_data`` is told ``ctx.train_iter``;
    ``query(ctx)`` returns further keywords for ``sample``.
    """
    sources = sources_of(buffer_, count_setting(cfg, "policy.learn.batch_size"))
    unroll_len = count_setting(cfg, "policy.collect.unroll_len", 1)
    window = {"groupby": "env", "unroll_len": unroll_len, "replace": True} if unroll_len > 1 else {}
    drawer = Drawer(sources, ShortageNotice(every_time=data_shortage_warning), minimum(cfg, min_size), query)
    names = list(buffer_) if isinstance(buffer_, Mapping) else None

    def fetch(ctx: Any) -> Half:
        drawn = drawer.draw(ctx, **window)
        if drawn is None:
            ctx.train_data = None
            return
        payloads = [_payloads(part) for part in drawn]
        if names is None:
            ctx.train_data = payloads[0] if len(payloads) == 1 else [one for part in payloads for one in part]
        else:
            ctx.train_data = dict(zip(names, payloads, strict=True))
        yield
        priority = take_priority(ctx)
        if priority is None:
            return
        parts = _by_place(priority, drawn) if names is None else _by_name(priority, names)
        for source, part, own in zip(sources, drawn, parts, strict=True):
            if own is not None and len(part) > 0:
                _send(source, part, own)

    return fetch


def _payloads(drawn: Any) -> Sequence[Any]:
    if isinstance(drawn, BufferedBatch):
        return PayloadColumn(drawn)
    return [_payloads(entry) if isinstance(entry, list) else entry.data for entry in drawn]


def _send(source: Source, drawn: Any, priority: Any) -> None:
    try:
        send_priorities(source.buffer, drawn, priority)
    except BadPriority as error:
        raise BadPriority(f"{source.name}: {error}") from error


def _by_place(priority: Any, drawn: list[Any]) -> list[Any]:
    """Cuts the priorities of a concatenated batch into those of its buffers."""
    if len(drawn) == 1:
        return [priority]
    total = sum(len(part) for part in drawn)
    if not hasattr(priority, "__len__") or len(priority) != total or isinstance(priority, Mapping):
        raise BadPriority(
            f"a batch of {total} from {len(drawn)} buffers needs {total} priorities, in its order"
        )
    cut: list[Any] = []
    start = 0
    for part in drawn:
        cut.append(priority[start : start + len(part)])
        start += len(part)
    return cut


def _by_name(priority: Any, names: list[str]) -> list[Any]:
    if not isinstance(priority, Mapping):
        raise BadPriority(
            f"a batch from buffers by name needs priorities by name, {names}, not {type(priority).__name__}"
        )
    unknown = sorted(str(name) for name in priority if name not in names)
    if unknown:
        raise BadPriority(f"the training step gave priorities for {unknown}; the buffers are {names}")
    return [priority.get(name) for name in names]
