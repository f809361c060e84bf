"""What every worker buffer does, whatever it samples."""

from __future__ import annotations

import logging
import math

import pytest
from easydict import EasyDict

from ding_buffer.core.errors import BadArgument, ConfigError, CorruptSnapshot
from tests.replay.faces import FACES, MONITORED, Writer, held, item, sample


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", [dict, EasyDict])
def test_a_config_may_be_partial_and_a_plain_dict_serves(face, kind) -> None:
    made = face(kind({"replay_buffer_size": 7}))

    assert 7 == made.replay_buffer_size
    assert {**face.default_config(), "replay_buffer_size": 7} == made.cfg


@pytest.mark.parametrize("face", FACES)
def test_a_full_default_config_serves(face) -> None:
    assert face(face.default_config()).cfg == face().cfg


@pytest.mark.parametrize("face", FACES)
def test_an_unknown_key_is_refused_and_the_nearest_named(face) -> None:
    with pytest.raises(ConfigError, match=r"replay_bufer_size: .* did you mean replay_buffer_size\?"):
        face({"replay_bufer_size": 7})


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("size", [0, -1])
def test_there_must_be_room(face, size: int) -> None:
    with pytest.raises(ConfigError, match="replay_buffer_size"):
        face({"replay_buffer_size": size})


@pytest.mark.parametrize("face", FACES)
def test_one_item_or_a_list_of_them_come_in_and_the_oldest_give_way(face) -> None:
    made = face({"replay_buffer_size": 3})
    made.push(item(0), 10)
    made.push([item(1), item(2), item(3), item(4)], cur_collector_envstep=20)

    assert (3, 3, 5) == (made.count(), len(made), made.push_count)
    assert [2, 3, 4] == held(made)


@pytest.mark.parametrize("face", FACES)
def test_a_list_longer_than_the_room_leaves_its_newest(face) -> None:
    made = face({"replay_buffer_size": 3})
    made.push([item(number) for number in range(20)], 0)

    assert [17, 18, 19] == held(made)


@pytest.mark.parametrize("face", FACES)
def test_a_sample_of_none_is_empty_and_too_many_are_none_and_logged(face, caplog) -> None:
    made = face()
    made.push([item(0), item(1)], 0)
    with caplog.at_level(logging.INFO, "ding_buffer"):
        assert [] == sample(made, 0)
        assert sample(made, 3) is None

    assert "buffer: no sample." in caplog.text
    assert 3 == made.stats()["refused_samples"]
    assert {0, 1} >= {data["n"] for data in sample(made, 2) or ()}


@pytest.mark.parametrize("face", FACES)
def test_an_empty_buffer_has_nothing_to_sample_and_is_a_buffer_all_the_same(face) -> None:
    made = face()

    assert sample(made, 1) is None
    assert made
    assert 0 == len(made)


@pytest.mark.parametrize("face", FACES)
def test_sampling_leaves_what_was_pushed_as_it_was(face) -> None:
    made = face({"seed": 0})
    pushed = [item(number) for number in range(4)]
    made.push(pushed, 0)
    for _ in range(5):
        sample(made, 4)

    assert [{"n", "obs"}] * 4 == [set(data) for data in pushed]
    assert [{"n", "obs"}] * 4 == [set(one.data) for one in made.buffer]


@pytest.mark.parametrize("face", MONITORED)
def test_with_deepcopy_nothing_is_shared_with_whoever_pushes_or_samples(face) -> None:
    made = face({"deepcopy": True, "seed": 0})
    pushed = item(1)
    made.push([pushed], 0)
    pushed["obs"][:] = 5
    (drawn,) = sample(made, 1) or []
    drawn["obs"][:] = 6
    (again,) = sample(made, 1) or []

    assert [1, 1] == again["obs"].tolist()


@pytest.mark.parametrize("face", FACES)
def test_clear_removes_everything(face) -> None:
    made = face()
    made.push([item(0), item(1)], 0)
    made.clear()

    assert 0 == made.count()
    assert sample(made, 1) is None


@pytest.mark.parametrize("face", FACES)
def test_a_seed_makes_the_same_draws(face) -> None:
    drawn = []
    for _ in range(2):
        made = face({"seed": 3})
        made.push([item(number) for number in range(50)], 0)
        drawn.append([data["n"] for _ in range(5) for data in sample(made, 8) or ()])

    assert drawn[0] == drawn[1]


# State.


@pytest.mark.parametrize("face", FACES)
def test_a_state_brings_back_content_counters_and_the_next_batch(face) -> None:
    made = face({"replay_buffer_size": 8, "seed": 0})
    made.push([item(number) for number in range(20)], 0)
    sample(made, 4)
    copy = face({"replay_buffer_size": 8, "seed": 1})
    copy.load_state_dict(made.state_dict())

    assert (held(made), made.push_count) == (held(copy), copy.push_count)
    assert [data["n"] for data in sample(made, 8) or ()] == [data["n"] for data in sample(copy, 8) or ()]


@pytest.mark.parametrize("face", FACES)
def test_a_state_does_not_change_while_the_buffer_goes_on(face) -> None:
    made = face({"replay_buffer_size": 8, "seed": 0})
    made.push([item(number) for number in range(8)], 0)
    state = made.state_dict()
    metas = [dict(meta) for meta in state["buffer"]["store"]["storage"]["meta"]]
    sample(made, 4)
    made.push([item(9)], 0)

    assert metas == state["buffer"]["store"]["storage"]["meta"]


@pytest.mark.parametrize("face", FACES)
def test_a_file_brings_back_the_same_and_replaces_what_is_there(face, tmp_path) -> None:
    made = face({"replay_buffer_size": 8, "seed": 0})
    made.push([item(number) for number in range(5)], 0)
    made.save_data(tmp_path / "deep" / "data.bin")
    copy = face({"replay_buffer_size": 8})
    copy.push([item(100)], 0)
    copy.load_data(tmp_path / "deep" / "data.bin")

    assert [0, 1, 2, 3, 4] == held(copy)
    assert 5 == copy.push_count


@pytest.mark.parametrize("face", FACES)
def test_a_state_of_more_items_than_there_is_room_for_leaves_the_newest(face) -> None:
    made = face({"replay_buffer_size": 8})
    made.push([item(number) for number in range(8)], 0)
    small = face({"replay_buffer_size": 3})
    small.load_state_dict(made.state_dict())

    assert ([5, 6, 7], 3) == (held(small), small.replay_buffer_size)


@pytest.mark.parametrize("face", FACES)
def test_a_state_of_data_alone_is_pushed(face) -> None:
    made = face()
    made.push([item(0)], 0)
    made.load_state_dict({"data": [item(1), None, item(2)]})

    assert [0, 1, 2] == held(made)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("data", [3, None, "items", b"items", {"n": 1}])
def test_data_alone_must_be_a_list_of_items(face, data) -> None:
    made = face()
    with pytest.raises(CorruptSnapshot, match="data of a state is a list of items, got"):
        made.load_state_dict({"data": data})

    assert 0 == made.push_count


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("other", FACES)
def test_the_state_of_another_kind_is_refused_by_its_kind(face, other) -> None:
    if face is other:
        return
    made = face()
    made.push([item(7)], 0)
    with pytest.raises(CorruptSnapshot, match=f"state of a buffer of type '{other.config['type']}', not"):
        made.load_state_dict(other().state_dict())

    assert [7] == held(made)


@pytest.mark.parametrize("face", FACES)
def test_a_state_is_taken_whole_or_not_at_all(face) -> None:
    made, other = face({"replay_buffer_size": 4}), face({"replay_buffer_size": 4})
    other.push([item(number) for number in range(4)], 0)
    made.push([item(7)], 0)
    state = other.state_dict()
    broken = [
        {**state, "lock": None},
        {key: value for key, value in state.items() if key != "buffer"},
        {**state, "type": "other"},
        {**state, "buffer": {}},
        {**state, "buffer": {**state["buffer"], "store": {**state["buffer"]["store"], "order": 3}}},
    ]
    if "push_count" in state:
        absurd = (-1, 1.5, math.nan, True, "3", None, [4], 3, 5, 2**80)
        broken += [{**state, "push_count": wrong} for wrong in absurd]
    for wrong in broken:
        with pytest.raises(CorruptSnapshot):
            made.load_state_dict(wrong)

    assert ([7], 1) == (held(made), made.push_count)
    with pytest.raises(BadArgument, match="The state of a buffer is a dict, got int"):
        made.load_state_dict(3)


@pytest.mark.parametrize("face", FACES)
def test_a_state_can_be_taken_as_a_copy(face) -> None:
    made, copy = face(), face()
    made.push([item(1)], 0)
    copy.load_state_dict(made.state_dict(), deepcopy=True)
    made.buffer[0].data["obs"][:] = 5

    assert [1, 1] == copy.buffer[0].data["obs"].tolist()


@pytest.mark.parametrize("face", FACES)
def test_it_says_in_a_word_what_it_is(face) -> None:
    made = face({"replay_buffer_size": 4}, instance_name="mine")

    assert f"{face.__name__}('mine', 0 of 4 items)" == repr(made)


@pytest.mark.parametrize("face", FACES)
def test_names_that_are_none_are_the_default_ones(face) -> None:
    made = face({}, None, None, None)

    assert ("default_experiment", "buffer") == (made.exp_name, made.instance_name)


@pytest.mark.parametrize("face", FACES)
def test_the_settings_may_be_given_one_by_one(face) -> None:
    made = face.from_settings(replay_buffer_size=4, instance_name="mine")

    assert isinstance(made, face)
    assert (4, "mine") == (made.replay_buffer_size, made.instance_name)


@pytest.mark.parametrize("face", MONITORED)
def test_items_that_a_state_replaces_or_never_brought_are_not_counted_as_removed(face) -> None:
    writer = Writer()
    made = face({"replay_buffer_size": 3}, writer, instance_name="mine")
    made.push([item(number) for number in range(3)], 0)
    other = face({"replay_buffer_size": 3})
    other.push([item(number) for number in range(9)], 0)
    made.load_state_dict(other.state_dict())
    made.push([item(9)], 0)
    made.close()

    assert [1 + 3] == writer.scalars["mine_sec/removed"]
    assert [4] == writer.scalars["mine_sec/pushed_in"]
