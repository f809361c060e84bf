"""Who hears of what happens to items, and from when until when."""

from __future__ import annotations

import threading

import pytest

from ding_buffer.core.chain import HOOKS, Middleware
from ding_buffer.storages.listeners import Listeners


class Notes(Middleware):
    """Writes down two of the events."""

    def __init__(self, heard=None, name=""):
        self.heard = [] if heard is None else heard
        self.called = name

    def on_filled(self, slots):
        self.heard.append((self.called, "filled", slots))

    def on_cleared(self):
        self.heard.append((self.called, "cleared"))


class Deaf(Middleware):
    """Follows nothing."""


def test_they_are_true_while_a_layer_follows_anything():
    listeners, notes = Listeners(), Notes()

    assert not listeners
    listeners.attach(Deaf())
    assert not listeners
    listeners.attach(notes)
    assert listeners
    listeners.dismiss(notes)
    assert listeners, "a dismissal takes effect with the next event"
    listeners.tell("on_cleared")
    assert not listeners


@pytest.mark.parametrize("event", HOOKS)
def test_an_event_that_nobody_follows_can_be_told(event):
    listeners = Listeners()
    listeners.attach(Deaf())

    assert listeners.tell(event, [1]) is False


def test_a_layer_hears_what_it_follows_with_what_is_told_in_the_order_of_attachment():
    listeners = Listeners()
    heard: list = []
    for name in "ab":
        listeners.attach(Notes(heard, name))
    slots = [1, 2]
    listeners.tell("on_filled", slots)
    listeners.tell("on_evicted", [3])
    listeners.tell("on_cleared")

    assert [("a", "filled", [1, 2]), ("b", "filled", [1, 2]), ("a", "cleared"), ("b", "cleared")] == heard
    assert slots is heard[0][2]


def test_only_the_hooks_that_a_class_overrides_are_called():
    class Watched(Deaf):
        def __init__(self):
            self.on_filled = 5  # type: ignore[assignment]

    listeners = Listeners()
    listeners.attach(Watched())

    assert listeners.tell("on_filled", [1]) is False


def test_a_subclass_follows_what_its_parent_follows():
    class Younger(Notes):
        """Adds nothing."""

    listeners, notes = Listeners(), Younger()
    listeners.attach(notes)
    listeners.tell("on_filled", [1])

    assert 1 == len(notes.heard)


def test_an_event_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        Listeners().tell("on_pushed")


def test_the_first_event_after_a_dismissal_says_so_and_leaves_the_layer_out():
    listeners, going, staying = Listeners(), Notes(), Notes()
    listeners.attach(going)
    listeners.attach(staying)
    listeners.dismiss(going)

    assert [True, False] == [listeners.tell("on_cleared"), listeners.tell("on_cleared")]
    assert ([], 2) == (going.heard, len(staying.heard))


def test_a_dismissed_layer_that_comes_back_hears_again_and_once():
    listeners, notes = Listeners(), Notes()
    listeners.attach(notes)
    for _ in range(3):
        listeners.dismiss(notes)
        listeners.attach(notes)

    assert listeners.tell("on_cleared") is False
    assert 1 == len(notes.heard)


def test_a_layer_that_never_came_can_be_dismissed():
    listeners, notes = Listeners(), Notes()
    listeners.attach(notes)
    listeners.dismiss(Deaf())
    listeners.tell("on_cleared")

    assert 1 == len(notes.heard)


def test_layers_are_told_apart_by_identity():
    class Alike(Notes):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

    listeners, one, other = Listeners(), Alike(), Alike()
    listeners.attach(one)
    listeners.attach(other)
    listeners.dismiss(one)
    listeners.tell("on_cleared")

    assert ([], 1) == (one.heard, len(other.heard))


def test_dismissals_from_other_threads_while_events_are_told_lose_nobody():
    listeners, staying = Listeners(), Notes()
    going = [Notes() for _ in range(200)]
    for layer in [*going[:100], staying, *going[100:]]:
        listeners.attach(layer)

    def dismiss(part):
        for layer in part:
            listeners.dismiss(layer)

    threads = [threading.Thread(target=dismiss, args=(going[start::2],)) for start in (0, 1)]
    for thread in threads:
        thread.start()
    told = 0
    while any(thread.is_alive() for thread in threads) or told < 100:
        listeners.tell("on_cleared")
        told += 1
    for thread in threads:
        thread.join(60)
    listeners.tell("on_cleared")
    before = [len(layer.heard) for layer in going]
    listeners.tell("on_cleared")

    assert told + 2 == len(staying.heard)
    assert before == [len(layer.heard) for layer in going]
