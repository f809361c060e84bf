from __future__ import annotations

from ding_buffer.replay.identity import generate_id


def test_an_id_is_the_name_of_the_buffer_and_the_number_of_the_item():
    assert ["buffer_0", "agent_buffer_12"] == [generate_id("buffer", 0), generate_id("agent_buffer", 12)]
