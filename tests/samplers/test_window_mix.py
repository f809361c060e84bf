from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.samplers.window_mix import WindowMix
from ding_buffer.structures.succession import Succession


def chains(streams, ends) -> Succession:
    links = Succession(len(streams) + 3)
    links.append(np.arange(len(streams)), streams, ends)
    return links


@given(data=st.data(), length=st.integers(1, 9), eta=st.floats(0, 1))
def test_it_is_the_mix_of_maximum_and_mean_of_each_window(data, length, eta):
    count = data.draw(st.integers(1, 25))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    links = chains(rng.integers(2, size=count).tolist(), rng.random(count) < 0.1)
    values = rng.random(count + 3)
    firsts = np.flatnonzero(rng.random(count) < data.draw(st.sampled_from([0.1, 0.5, 1.0])))
    rng.shuffle(firsts)
    mix = WindowMix(count + 3, length, eta)
    found = mix.of(links, firsts, values)

    for first, one in zip(firsts.tolist(), found.tolist(), strict=True):
        steps = [slot for slot in links.walk([first], length)[0].tolist() if slot >= 0]
        assert pytest.approx(eta * values[steps].max() + (1 - eta) * values[steps].mean()) == one
    alone = [mix.of(links, firsts[place : place + 1], values)[0] for place in range(len(firsts))]
    assert alone == found.tolist()  # to the last bit


def test_of_no_windows_there_is_nothing():
    assert (0,) == WindowMix(4, 3, 0.5).of(chains([0], [False]), np.empty(0, np.int64), np.ones(4)).shape
