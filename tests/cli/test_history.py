from __future__ import annotations

import json

from ding_buffer.cli.history import RunHistory


def test_a_new_history_knows_no_return() -> None:
    history = RunHistory()

    assert (None, None, None) == (history.recent_return(), history.best_return(), history.best_evaluation())


def test_recent_means_the_last_twenty_episodes() -> None:
    history = RunHistory(episodes=[(step, 100.0) for step in range(5)] + [(step, 1.0) for step in range(20)])

    assert 1.0 == history.recent_return()
    assert 100.0 == history.best_return()


def test_an_evaluation_is_noted_by_mean_and_range() -> None:
    history = RunHistory()
    history.add_evaluation(100, [10.0, 20.0, 60.0])
    history.add_evaluation(200, [5.0])

    assert [(100, 30.0, 10.0, 60.0), (200, 5.0, 5.0, 5.0)] == history.evaluations
    assert 30.0 == history.best_evaluation()


def test_learning_is_noted_with_the_spread_of_the_ages() -> None:
    history = RunHistory()
    history.add_learning(64, 0.25, list(range(101)), 64)
    history.add_learning(128, 0.5, [], 128)

    assert [(64, 0.25, 10.0, 50.0, 90.0, 64), (128, 0.5, 0.0, 0.0, 0.0, 128)] == history.learning


def test_a_history_survives_a_trip_through_json() -> None:
    history = RunHistory(episodes=[(3, 4.0)])
    history.add_evaluation(100, [10.0, 20.0])
    history.add_learning(64, 0.25, [1, 2], 64)

    assert history == RunHistory.from_state(json.loads(json.dumps(history.state_dict())))
