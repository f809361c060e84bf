from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument, ConfigError, UnknownArgument
from ding_buffer.learners.shortage import ShortageNotice
from ding_buffer.learners.sources import Drawer, Source, minimum, sources_of
from ding_buffer.middleware.stale import staleness_check


def holding(count: int, size: int = 100) -> DequeBuffer:
    buffer = DequeBuffer(size=size, seed=0)
    buffer.extend(range(count))
    return buffer


class Hears(Middleware):
    """Notes the iterations it is told."""

    takes = ("train_iter_sample_data",)

    def __init__(self) -> None:
        self.iterations: list[Any] = []

    def sample(
        self, chain: Any, size: int | None = None, *, train_iter_sample_data: Any = None, **query: Any
    ) -> Any:
        self.iterations.append(train_iter_sample_data)
        return chain(size=size, **query)


def sizes(sources: list[Source]) -> list[tuple[str, int]]:
    return [(source.name, source.size) for source in sources]


def test_one_buffer_gives_the_whole_batch() -> None:
    assert [("the buffer", 8)] == sizes(sources_of(holding(0), 8))


def test_a_list_gives_shares_of_one_batch() -> None:
    buffers = [(holding(0), 0.25), (holding(0), 0.75)]

    assert [("buffer 0", 2), ("buffer 1", 6)] == sizes(sources_of(buffers, 8))
    assert [("buffer 0", 2), ("buffer 1", 6)] == sizes(sources_of(tuple(buffers), 8))


def test_a_mapping_gives_a_whole_batch_of_each() -> None:
    buffers = {"policy": holding(0), "value": holding(0)}

    assert [("buffer 'policy'", 8), ("buffer 'value'", 8)] == sizes(sources_of(buffers, 8))


@pytest.mark.parametrize(
    "buffers", [[], {}, [holding(0)], [(holding(0), 0.5, 0.5)], 3, None, {"a": 3}, [(3, 1.0)]]
)
def test_what_is_no_source_is_refused(buffers: Any) -> None:
    with pytest.raises(BadArgument, match="buffer"):
        sources_of(buffers, 8)


def test_a_drawer_draws_from_each_or_from_none(caplog: pytest.LogCaptureFixture) -> None:
    first, second = holding(10), holding(1)
    drawer = Drawer(sources_of([(first, 0.5), (second, 0.5)], 4), ShortageNotice())

    assert drawer.draw(None) is None
    second.push("more")
    drawn = drawer.draw(None)

    assert drawn is not None
    assert [2, 2] == [len(part) for part in drawn]
    assert 1 == len(caplog.messages)
    assert "buffer 1" in caplog.messages[0]


def test_a_wait_for_one_buffer_uses_up_nothing_of_another() -> None:
    drawn_from: list[str] = []

    def noting(name: str) -> Any:
        def layer(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
            if action == "sample":
                drawn_from.append(name)
            return chain(*args, **kwargs)

        return layer

    full, empty = holding(10).use(noting("full")), holding(0).use(noting("empty"))
    drawer = Drawer(sources_of([(full, 0.5), (empty, 0.5)], 4), ShortageNotice())
    for _ in range(5):
        assert drawer.draw(None) is None

    assert ["empty"] * 5 == drawn_from


def test_a_buffer_with_a_share_of_zero_is_left_alone() -> None:
    drawer = Drawer(sources_of([(holding(10), 1.0), (holding(0), 0.0)], 4), ShortageNotice())
    drawn = drawer.draw(None)

    assert drawn is not None
    assert [4, 0] == [len(part) for part in drawn]


def test_the_first_batch_waits_for_a_minimum(caplog: pytest.LogCaptureFixture) -> None:
    buffer = holding(9)
    drawer = Drawer(sources_of(buffer, 4), ShortageNotice(), min_size=10)

    assert drawer.draw(None) is None
    buffer.push(9)
    assert drawer.draw(None) is not None
    buffer.clear()
    buffer.extend(range(4))
    assert drawer.draw(None) is not None, "the minimum is for the start only"
    assert [
        "training waits for more data: the buffer holds 9 of the 10 items to start with"
    ] == caplog.messages


def test_a_minimum_that_can_never_be_reached_is_refused_at_once() -> None:
    with pytest.raises(BadArgument, match="training would never begin"):
        Drawer(sources_of(holding(0, size=50), 4), ShortageNotice(), min_size=51)


@pytest.mark.parametrize("error", [ValueError, AssertionError, KeyError, IndexError])
def test_w6_no_other_error_is_taken_for_a_shortage(error: type[Exception]) -> None:
    def fails(action: str, chain: Any, *args: Any, **kwargs: Any) -> Any:
        if action == "sample":
            raise error("of a layer")
        return chain(*args, **kwargs)

    with pytest.raises(error, match="of a layer"):
        Drawer(sources_of(holding(10).use(fails), 4), ShortageNotice()).draw(None)


def test_further_keywords_for_sample_come_from_the_context() -> None:
    drawer = Drawer(
        sources_of(holding(10), 4), ShortageNotice(), query=lambda ctx: {"sample_range": slice(ctx, None)}
    )
    drawn = drawer.draw(-4)

    assert drawn is not None
    assert [6, 7, 8, 9] == sorted(item.data for item in drawn[0])


def test_a_keyword_that_no_layer_knows_is_an_error() -> None:
    drawer = Drawer(
        sources_of(holding(10), 4), ShortageNotice(), query=lambda ctx: {"train_iter_sample_data": 3}
    )
    with pytest.raises(UnknownArgument, match="train_iter_sample_data"):
        drawer.draw(None)


def test_a_buffer_whose_layers_ask_for_the_iteration_is_told_it_and_no_other() -> None:
    stale, plain = DequeBuffer(size=9, seed=0).use(staleness_check(max_staleness=3)), holding(9)
    for iteration in range(9):
        stale.push(iteration, {"train_iter_data_collected": iteration})
    drawer = Drawer(sources_of({"stale": stale, "plain": plain}, 4), ShortageNotice())
    drawn = drawer.draw(SimpleNamespace(train_iter=8))

    assert drawn is not None
    assert {5, 6, 7, 8} == {item.data for item in drawn[0]}
    assert {8 - item.data for item in drawn[0]} == {item.meta["staleness"] for item in drawn[0]}
    assert 4 == len(drawn[1])


def test_what_the_query_says_of_the_iteration_goes_before_what_is_told() -> None:
    heard = Hears()
    query = {"train_iter_sample_data": 70}
    Drawer(sources_of(holding(9).use(heard), 4), ShortageNotice(), query=lambda _: query).draw(
        SimpleNamespace(train_iter=8)
    )

    assert [70] == heard.iterations


def test_the_iteration_is_that_of_the_draw_and_of_layers_used_meanwhile() -> None:
    heard, buffer, ctx = Hears(), holding(9), SimpleNamespace(train_iter=8)
    drawer = Drawer(sources_of(buffer, 4), ShortageNotice())
    drawer.draw(ctx)
    buffer.use(heard)
    drawer.draw(ctx)
    ctx.train_iter = 9
    drawer.draw(ctx)

    assert [8, 9] == heard.iterations


def test_a_buffer_is_told_only_what_its_layers_take_and_a_learner_knows() -> None:
    class Knows(Middleware):
        takes = ("level",)

    drawn = Drawer(sources_of(holding(9).use(Knows()), 4), ShortageNotice()).draw(None)

    assert drawn is not None
    assert 4 == len(drawn[0])


def test_a_buffer_that_does_not_say_what_it_takes_is_told_nothing() -> None:
    class Elsewhere:
        def sample(self, size: int) -> list[int]:
            return [0] * size

    assert [[0, 0]] == Drawer(sources_of(Elsewhere(), 2), ShortageNotice()).draw(None)  # type: ignore[arg-type]


def test_the_minimum_is_an_argument_or_a_setting() -> None:
    cfg = {"policy": {"learn": {"min_size": 500}}}

    assert 500 == minimum(cfg, None)
    assert 7 == minimum(cfg, 7)
    assert 0 == minimum(cfg, 0)
    assert 0 == minimum({}, None)
    with pytest.raises((BadArgument, ConfigError), match="min_size"):
        minimum(cfg, -1)
