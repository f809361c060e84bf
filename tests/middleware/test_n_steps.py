from __future__ import annotations

import gc
import weakref
from collections import Counter

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, ChainError
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.testing.middleware_suite import MiddlewareSuite
from tests.middleware.step_buffers import counts, everything, filled, transition


class Transition(dict):
    """A transition that is the same whatever is made of its reward, and can be watched being let go."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and self["obs"] == other["obs"]

    __hash__ = None


class TestNStep(MiddlewareSuite):
    def make_layer(self):
        return n_step(3, 0.9)

    def payload(self, number):
        return Transition(obs=number, reward=1.0, next_obs=number + 1, done=number % 5 == 4)

    def same(self, left, right):
        return left["obs"] == right["obs"]

    def test_it_holds_on_to_no_payload_that_is_gone(self):
        buffer, seen = self.make_buffer(size=2).use(self.make_layer()), []
        for number in range(6):
            payload = self.payload(number)
            seen.append(weakref.ref(payload))
            buffer.push(payload)
        del payload
        buffer.sample(2)
        buffer.delete(buffer[0].index)
        gc.collect()

        assert [None] * 5 == [ref() for ref in seen[:5]]


class TestNStepWithoutStreams(TestNStep):
    def make_layer(self):
        return n_step(2, 0.5, stream=None, episode=None)


def test_rewards_are_summed_and_the_last_step_is_bootstrapped_from():
    item = everything(filled(6, n_step(3, 0.5)))[1]

    assert transition(1) | {"reward": 1 + 0.5 * 2 + 0.25 * 3, "next_obs": 3.5, "discount": 0.125} == item.data
    assert (0.125, 3) == (item.meta["discount"], item.meta["n_step"])


def test_one_step_is_the_transition_itself_and_its_discount():
    for item in everything(filled(4, n_step(1, 0.9), ends={2})):
        number = int(item.data["obs"])
        discount = 0.0 if number == 2 else 0.9

        assert transition(number, terminated=number == 2, discount=discount) == item.data
        assert {"discount": discount, "n_step": 1} == item.meta


def test_a_terminal_step_ends_the_sum_and_leaves_nothing_to_bootstrap():
    batch = everything(filled(5, n_step(3, 0.5), ends={2}))

    assert [3, 2, 1, 2, 1] == [item.meta["n_step"] for item in batch]
    assert [0.0, 0.0, 0.0, 0.25, 0.5] == [item.data["discount"] for item in batch]
    assert [True, True, True, False, False] == [item.data["terminated"] for item in batch]


def test_a_truncated_episode_bootstraps_from_its_last_observation():
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5))
    buffer.extend([transition(number, truncated=number == 1) for number in range(4)])
    first = everything(buffer)[0]

    assert (1.5, 0.25, 2) == (first.data["next_obs"], first.data["discount"], first.meta["n_step"])
    assert first.data["truncated"]


@pytest.mark.parametrize(
    ("flags", "discount"),
    [
        ({"done": True}, 0.0),
        ({"done": True, "truncated": True}, 0.5),
        ({"done": True, "terminated": False}, 0.5),
        ({"terminated": True, "truncated": True}, 0.0),
        ({"terminated": np.array([True])}, 0.0),
        ({"truncated": 1.0}, 0.5),
    ],
)
def test_any_flag_ends_the_episode_and_done_is_terminal_where_nothing_else_says(flags, discount):
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5))
    for _ in range(2):
        buffer.push({"obs": 0, "reward": 1.0, "next_obs": 1, **flags})

    assert [discount] * 2 == [item.data["discount"] for item in everything(buffer)]
    assert [1, 1] == counts(buffer)


def test_without_flags_an_episode_never_ends():
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5, terminated=None, truncated=None, done=None))
    buffer.extend([transition(number, terminated=True) for number in range(4)])

    assert [3, 3, 2, 1] == counts(buffer)


def test_flags_changed_by_an_update_are_obeyed():
    buffer = filled(5, n_step(3, 0.5), ends={1})
    for place, terminated in ((1, False), (3, True)):
        item = buffer[place]
        buffer.update(item.index, data={**item.data, "terminated": terminated})

    assert [3, 3, 2, 1, 1] == counts(buffer)


def test_environments_side_by_side_do_not_mix():
    buffer = DequeBuffer(20, seed=0).use(n_step(2, 0.5))
    for step in range(3):
        buffer.extend([transition(10 * env + step) for env in range(3)], meta={"env": np.arange(3)})

    assert [(0, 1), (10, 11), (20, 21), (1, 2), (11, 12), (21, 22), (2, 2), (12, 12), (22, 22)] == [
        (item.data["obs"], item.data["next_obs"] - 0.5) for item in everything(buffer)
    ]


def test_episodes_that_have_a_number_are_not_joined():
    buffer = DequeBuffer(20, seed=0).use(n_step(4, 0.5))
    for number in range(6):
        buffer.push(transition(number), meta={"env": 0, "episode": number // 3})

    assert [3, 2, 1, 3, 2, 1] == counts(buffer)


def test_the_keys_of_streams_can_be_named():
    buffer = DequeBuffer(20, seed=0).use(n_step(4, 0.5, stream="worker", episode=None))
    for number in range(6):
        buffer.push(transition(number), meta={"worker": number % 2, "env": number, "episode": number})

    assert [3, 3, 2, 2, 1, 1] == counts(buffer)


def test_a_stream_is_the_same_whatever_form_its_name_has():
    torch = pytest.importorskip("torch")
    buffer = DequeBuffer(20, seed=0).use(n_step(9, 0.5))
    for number, env in enumerate([2, np.int64(2), np.array(2), np.array([2]), torch.tensor(2), 2.0]):
        buffer.push(transition(number), meta={"env": env})
    buffer.extend([transition(6), transition(7)], meta={"env": np.array([2, 2])})

    assert [8, 7, 6, 5, 4, 3, 2, 1] == counts(buffer)


@pytest.mark.parametrize("env", [[1], {"a": 1}, np.zeros(2)])
def test_what_cannot_name_a_stream_follows_nothing_and_is_counted(env):
    buffer = DequeBuffer(20, seed=0).use(n_step(3, 0.5))
    for number in range(2):
        buffer.push(transition(number), meta={"env": env})
    buffer.extend([transition(2), transition(3)], meta=[{"env": env}, {"env": env}])

    assert [1, 1, 1, 1] == counts(buffer)
    assert {"unnamed": 4} == buffer.stats()["n_step"]


def test_a_full_ring_goes_on_over_its_seam_and_stops_at_the_newest():
    buffer = filled(13, n_step(3, 0.5), size=5)

    assert [8.0, 9.0, 10.0, 11.0, 12.0] == [item.data["obs"] for item in everything(buffer)]
    assert [3, 3, 3, 2, 1] == counts(buffer)


def test_steps_end_before_one_that_was_deleted():
    buffer = filled(6, n_step(4, 0.5))
    buffer.delete(buffer[3].index)

    assert [3, 2, 1, 2, 1] == counts(buffer)


def test_steps_do_not_go_on_after_the_newest_was_deleted():
    buffer = filled(3, n_step(4, 0.5))
    buffer.delete(buffer[-1].index)
    buffer.extend([transition(3), transition(4)])

    assert [2, 1, 2, 1] == counts(buffer)


def test_what_is_stored_is_not_touched():
    buffer = filled(4, n_step(3, 0.5))
    batch = everything(buffer)
    batch[0].data["obs"] = batch[0].meta["note"] = None

    assert [transition(number) for number in range(4)] == [item.data for item in buffer]
    assert [{}] * 4 == [item.meta for item in buffer]


def test_items_that_were_there_first_are_linked():
    buffer = filled(5)
    buffer.delete(buffer[1].index)
    buffer.use(n_step(3, 0.5))
    buffer.push(transition(5))

    assert [1, 3, 3, 2, 1] == counts(buffer)


def test_a_saved_file_brings_the_links_that_items_do_not_tell(tmp_path):
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5))
    for number in range(6):
        buffer.push(transition(number), meta={"env": number % 2, "episode": f"of {number % 2}"})
    buffer.delete(buffer[1].index)
    buffer.save_data(tmp_path / "steps")
    resumed = DequeBuffer(9).use(n_step(3, 0.5))
    resumed.load_data(tmp_path / "steps")
    for one in (buffer, resumed):
        one.push(transition(6), meta={"env": 0, "episode": "of 0"})

    assert [3, 3, 2, 2, 1, 1] == counts(buffer) == counts(resumed)


def test_a_smaller_buffer_takes_the_links_of_the_newest():
    small = DequeBuffer(3).use(n_step(3, 0.5))
    small.load_state_dict(filled(6, n_step(3, 0.5)).state_dict())

    assert [3, 2, 1] == counts(small)


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", True, None])
def test_a_number_of_steps_that_is_none_is_refused(n):
    with pytest.raises(BadArgument, match="n must be an int of at least 1"):
        n_step(n, 0.9)


@pytest.mark.parametrize("gamma", [-0.1, 1.1, float("nan"), "0.9", None, True])
def test_a_gamma_that_is_none_is_refused(gamma):
    with pytest.raises(BadArgument, match=r"gamma must be a number in \[0, 1\]"):
        n_step(3, gamma)


@pytest.mark.parametrize("other", [clone_object, use_time_check])
def test_layers_that_must_be_outside_are_refused_inside(other):
    with pytest.raises(ChainError, match="n_step was used before"):
        DequeBuffer(9).use(n_step(3, 0.5)).use(other())


def test_with_clones_around_it_nothing_is_shared():
    buffer = DequeBuffer(9, seed=0).use(clone_object(), n_step(3, 0.5))
    buffer.extend([transition(number, next_obs=np.array([number])) for number in range(4)])
    for item in everything(buffer):
        item.data["next_obs"][:] = -1

    assert [0, 1, 2, 3] == [int(item.data["next_obs"][0]) for item in buffer]


@pytest.mark.parametrize("outside", [True, False])
def test_priorities_weigh_what_has_several_steps(outside):
    layers = [PriorityExperienceReplay(), n_step(3, 0.5)]
    buffer = filled(6, *(layers if outside else layers[::-1]))
    buffer.update([buffer[2].index], meta={"priority": [1e6]})
    batch = buffer.sample(64)
    drawn = Counter(item.data["obs"] for item in batch)

    assert 2.0 == drawn.most_common(1)[0][0]
    for item in batch:
        assert item.meta["priority_IS"] == pytest.approx(float(item.data["priority_IS"][0]))
        assert (item.data["obs"] < 4) == (item.meta["n_step"] == 3)


def test_uses_are_counted_and_the_last_use_still_has_all_its_steps():
    buffer = filled(4, use_time_check(max_use=1), n_step(3, 0.5))

    assert [3, 3, 2, 1] == [
        item.meta["n_step"] for item in sorted(buffer.sample(4), key=lambda i: i.data["obs"])
    ]
    assert 0 == len(buffer)


def test_groups_and_windows_have_the_same_steps_as_single_items():
    buffer = DequeBuffer(20, seed=0).use(n_step(3, 0.5))
    for number in range(12):
        buffer.push(transition(number), meta={"env": number % 2})
    alone = {item.index: item for item in everything(buffer)}
    for query in ({}, {"unroll_len": 4}):
        for item in (item for group in buffer.sample(2, groupby="env", **query) for item in group):
            assert (alone[item.index].data, alone[item.index].meta) == (item.data, item.meta)


def test_fillers_of_padding_stay_empty():
    buffer = DequeBuffer(20, seed=0).use(n_step(3, 0.5), padding(policy="none"), group_sample(3))
    for number in range(5):
        buffer.push(transition(number), meta={"env": int(number == 0)})
    groups = buffer.sample(2, groupby="env")

    assert [1, 3] == sorted(sum(item.index is not None for item in group) for group in groups)
    assert all(item.data is None for group in groups for item in group if item.index is None)


def test_an_empty_batch_stays_empty():
    assert [] == filled(0, n_step(3, 0.5)).sample(2, ignore_insufficient=True)


def test_an_item_that_a_layer_further_in_has_deleted_is_taken_alone():
    def fleeting(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        if action == "sample":
            buffer.delete([item.index for item in batch])
        return batch

    buffer = filled(3, n_step(3, 0.5), fleeting)

    assert [1, 1, 1] == [item.meta["n_step"] for item in buffer.sample(3)]
