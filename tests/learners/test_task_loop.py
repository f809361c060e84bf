from __future__ import annotations

import threading
from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.learners.context import Context, OnlineRLContext
from ding_buffer.learners.learner_errors import TaskNotRunning
from ding_buffer.learners.task_loop import Task, task


def tracing(trace: list[str], name: str) -> Any:
    def middleware(ctx: Any) -> Any:
        trace.append(f"{name} out")
        try:
            yield
            trace.append(f"{name} back")
        finally:
            trace.append(f"{name} closed")

    return middleware


def test_second_halves_run_last_in_first_out_after_all_first_halves() -> None:
    trace: list[str] = []
    with Task().start() as running:
        running.use(tracing(trace, "a")).use(lambda ctx: trace.append("plain")).use(tracing(trace, "b"))
        running.run(max_step=1)

    expected = ["a out", "plain", "b out", "b back", "b closed", "a back", "a closed"]
    assert expected == trace


def test_every_step_gets_a_context_one_step_further() -> None:
    steps = []
    with task.start(ctx=OnlineRLContext()):
        task.use(lambda ctx: steps.append((ctx.total_step, ctx.train_data)))
        task.use(lambda ctx: setattr(ctx, "train_data", [1]))
        task.run(max_step=3)

    assert [(0, None), (1, None), (2, None)] == steps


def test_the_context_of_the_last_step_stays_readable() -> None:
    with task.start(ctx=OnlineRLContext()):
        task.use(lambda ctx: setattr(ctx, "env_step", ctx.env_step + 8))
        task.run(max_step=3)

        assert 24 == task.ctx.env_step
        assert task.finish


def test_a_second_run_goes_on_where_the_first_stopped() -> None:
    steps: list[int] = []
    with task.start(ctx=OnlineRLContext()):
        task.use(lambda ctx: steps.append(ctx.total_step))
        task.run(max_step=2)
        task.run(max_step=2)

    assert [0, 1, 2, 3] == steps


def test_finish_ends_the_loop_after_the_whole_iteration() -> None:
    trace: list[str] = []

    def stop(ctx: Any) -> None:
        task.finish = ctx.total_step == 1

    with task.start():
        task.use(stop).use(tracing(trace, "last"))
        task.run()

    assert 2 == trace.count("last back")


def test_no_step_is_run_for_a_max_step_of_zero() -> None:
    trace: list[str] = []
    with task.start():
        task.use(tracing(trace, "never"))
        task.run(max_step=0)

    assert [] == trace


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_closes_the_waiting_generators_last_first(error: type[BaseException]) -> None:
    trace: list[str] = []
    kept_alive: list[Any] = []

    def fails(ctx: Any) -> None:
        raise error

    def kept(middleware: Any) -> Any:
        def wrapped(ctx: Any) -> Any:
            kept_alive.append(middleware(ctx))
            return kept_alive[-1]

        return wrapped

    with task.start():
        task.use(kept(tracing(trace, "a"))).use(kept(tracing(trace, "b"))).use(fails)
        task.use(tracing(trace, "never"))
        with pytest.raises(error):
            task.run(max_step=5)

    assert ["a out", "b out", "b closed", "a closed"] == trace


def test_an_exception_on_the_way_back_closes_the_generators_before_it() -> None:
    trace: list[str] = []

    def fails(ctx: Any) -> Any:
        yield
        raise KeyboardInterrupt

    with task.start():
        task.use(tracing(trace, "a")).use(fails).use(tracing(trace, "b"))
        with pytest.raises(KeyboardInterrupt):
            task.run()

    assert ["a out", "b out", "b back", "b closed", "a closed"] == trace


def test_a_generator_that_ends_before_its_yield_has_no_second_half() -> None:
    trace: list[str] = []

    def returns_early(ctx: Any) -> Any:
        trace.append("out")
        if ctx.total_step == 0:
            return
        yield
        trace.append("back")

    with task.start():
        task.use(returns_early)
        task.run(max_step=2)

    assert ["out", "out", "back"] == trace


def test_a_nested_start_brings_the_outer_task_back() -> None:
    outer, inner = Context(), Context()
    trace: list[str] = []
    with task.start(ctx=outer):
        task.use(tracing(trace, "outer"))
        with task.start(ctx=inner):
            task.use(tracing(trace, "inner"))
            task.run(max_step=1)
            assert inner is task.ctx
        assert outer is task.ctx
        assert not task.finish
        task.run(max_step=1)

    assert ["inner out", "inner back", "inner closed", "outer out", "outer back", "outer closed"] == trace


def test_a_task_within_a_middleware_leaves_the_waiting_halves_of_the_outer_one_alone() -> None:
    trace: list[str] = []

    def evaluates(ctx: Any) -> None:
        with task.start():
            task.use(tracing(trace, "inner"))
            task.run(max_step=1)

    with task.start():
        task.use(tracing(trace, "outer")).use(evaluates)
        task.run(max_step=1)

    assert ["outer out", "inner out", "inner back", "inner closed", "outer back", "outer closed"] == trace


def test_a_wrapped_middleware_runs_its_second_half_when_told_to() -> None:
    trace: list[str] = []
    fetch = task.wrap(tracing(trace, "fetch"))

    def learner(ctx: Any) -> None:
        back = fetch(ctx)
        trace.append("train")
        back()
        back()

    with task.start():
        task.use(learner).use(tracing(trace, "after"))
        task.run(max_step=1)

    assert [
        "fetch out",
        "train",
        "fetch back",
        "fetch closed",
        "after out",
        "after back",
        "after closed",
    ] == trace


def test_a_wrapped_middleware_that_nobody_calls_back_runs_on_the_way_back() -> None:
    trace: list[str] = []
    fetch = task.wrap(tracing(trace, "fetch"))
    with task.start():
        task.use(lambda ctx: [fetch(ctx)]).use(tracing(trace, "after"))
        task.run(max_step=1)

    assert ["fetch out", "after out", "after back", "after closed", "fetch back", "fetch closed"] == trace


def test_calling_back_a_plain_function_does_nothing() -> None:
    with task.start():
        assert task.wrap(lambda ctx: 3)(task.ctx)() is None


def test_serial_runs_several_as_one() -> None:
    trace: list[str] = []
    with task.start():
        task.use(task.serial(tracing(trace, "a"), lambda ctx: trace.append("plain"), tracing(trace, "b")))
        task.use(tracing(trace, "c"))
        task.run(max_step=1)

    outward = ["a out", "plain", "b out", "c out"]
    assert [*outward, "c back", "c closed", "b back", "b closed", "a back", "a closed"] == trace


def test_forward_and_backward_run_the_halves_by_hand() -> None:
    trace: list[str] = []
    with task.start():
        task.forward(tracing(trace, "a"))
        task.forward(tracing(trace, "b"), ctx=Context())
        task.backward()

    assert ["a out", "b out", "b back", "b closed", "a back", "a closed"] == trace


def test_stopping_closes_halves_that_still_wait() -> None:
    trace: list[str] = []
    with task.start():
        task.forward(tracing(trace, "a"))

    assert ["a out", "a closed"] == trace


def test_a_wrapper_goes_around_middleware_before_and_after_it() -> None:
    seen: list[str] = []

    def counted(fn: Any) -> Any:
        def wrapped(ctx: Any) -> Any:
            seen.append("call")
            return fn(ctx)

        return wrapped

    with task.start():
        task.use(task.void()).use_wrapper(counted).use(task.void())
        task.run(max_step=2)

    assert 4 == len(seen)


def test_a_lock_of_ones_own_is_held_during_each_half() -> None:
    lock = threading.Lock()
    held: list[bool] = []

    def middleware(ctx: Any) -> Any:
        held.append(lock.locked())
        yield
        held.append(lock.locked())

    with task.start():
        task.use(middleware, lock=lock).use(lambda ctx: held.append(lock.locked()))
        task.run(max_step=1)

    assert [True, False, True] == held


def test_the_tasks_own_lock_changes_nothing_in_one_thread() -> None:
    trace: list[str] = []
    with task.start():
        task.use(tracing(trace, "a"), lock=True).use(tracing(trace, "b"), lock=True)
        task.run(max_step=1)

    assert ["a out", "b out", "b back", "b closed", "a back", "a closed"] == trace


def test_async_mode_is_refused_in_words() -> None:
    with pytest.raises(BadArgument, match="async_mode=True is not supported"):
        task.start(async_mode=True, n_async_workers=3)


def test_dings_other_keywords_of_start_are_taken() -> None:
    with task.start(async_mode=False, n_async_workers=3, ctx=OnlineRLContext(), labels={"learner"}):
        assert task.match_labels("learn*")
        assert task.match_labels(["nothing", "standalone"])
        assert not task.match_labels("distributed")
        assert not task.router.is_active


@pytest.mark.parametrize(
    "use", [lambda: task.use(task.void()), lambda: task.run(), lambda: task.ctx, lambda: task.finish]
)
def test_a_task_that_was_not_started_says_so(use: Any) -> None:
    with pytest.raises(TaskNotRunning, match=r"with task\.start"):
        use()


def test_what_is_no_middleware_is_refused() -> None:
    async def coroutine(ctx: Any) -> None: ...

    with task.start():
        with pytest.raises(BadArgument, match="middleware"):
            task.use(3)  # type: ignore[arg-type]
        with pytest.raises(BadArgument, match="middleware"):
            task.use(coroutine)
        with pytest.raises(BadArgument, match="lock"):
            task.use(task.void(), lock="yes")
