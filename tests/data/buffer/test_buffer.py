from __future__ import annotations

import ding_buffer
from ding_buffer.data.buffer import buffer


def test_the_names_of_ding_data_buffer_buffer_are_those_of_the_front_door() -> None:
    assert ding_buffer.Buffer is buffer.Buffer
    assert ding_buffer.BufferedData is buffer.BufferedData
    assert ding_buffer.apply_middleware is buffer.apply_middleware


def test_a_user_can_subclass_buffer_and_wrap_an_action_by_these_names() -> None:
    class Bin(buffer.Buffer):
        @buffer.apply_middleware("push")
        def push(self, data, meta=None):
            return buffer.BufferedData(data, "0", meta or {})

        def sample(self, size=None, **query):
            return []

        def update(self, index, data=None, meta=None):
            return False

        def delete(self, indices):
            return 0

        def clear(self):
            return None

        def count(self):
            return 0

        def get(self, position):
            raise IndexError(position)

        def save_data(self, path):
            return None

        def load_data(self, path):
            return None

    seen = []

    def note(action, chain, *args, **kwargs):
        seen.append((action, args, kwargs))
        return chain(*args, **kwargs)

    made = Bin(3).use(note)

    assert "a" == made.push("a", {"n": 1}).data
    assert [("push", ("a",), {"meta": {"n": 1}})] == seen
