from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.index_text import LAST_DIGITS, PAGE, IndexText


def test_a_text_is_32_hex_digits_that_end_in_the_serial():
    text = IndexText()
    written = text.write(255)

    assert 32 == len(written)
    assert text.page(0)[:16] + "10000000000000ff" == written
    assert set(written) <= set("0123456789abcdef")


@given(st.lists(st.integers(0, 2**60 - 1), max_size=20))
def test_what_was_written_is_read_back(serials):
    text = IndexText()
    written = [text.write(serial) for serial in serials]
    read = text.read(written)

    assert np.dtype(np.int64) == read.dtype
    assert serials == read.tolist()
    assert serials == [text.read_one(one) for one in written]


def test_no_two_of_many_makers_write_the_same_text():
    texts = [IndexText() for _ in range(2000)]

    assert 2000 == len({text.write(0) for text in texts})


def malformed(text):
    good = text.write(7)
    return [
        "",
        "no such index",
        good[:-1],
        good + "0",
        good + good,
        good.upper(),
        good[:16] + " " + good[17:],
        "  " + good[2:],
        good[:16] + "+100000000000007",
        good[:16] + "-000000000000007",
        good[:16] + "0x10000000000007",
        good[:16] + "1_00000000000007",
        good[:16] + "0000000000000007",
        good[:16] + "0fffffffffffffff",
        good[:16] + "f" * 16,
        good[:16] + "8" + "0" * 15,
        "\N{ARABIC-INDIC DIGIT SEVEN}" * 32,
        IndexText().write(7),
    ]


def unwritten(serial):
    """A serial that cannot be, either end of the number range."""
    return serial < 0 or serial >= 2**60


def test_a_foreign_or_malformed_text_was_never_written_here():
    text = IndexText()
    if not any(digit in "abcdef" for digit in text.page(0)[:16]):  # nothing would change in capitals
        text._use([0], ["a" * 16])
    wrong = malformed(text)

    assert [-1] * len(wrong) == [text.read_one(one) for one in wrong]
    assert all(unwritten(serial) for serial in text.read(wrong).tolist())
    for one in wrong:
        assert unwritten(text.read([one])[0])
        first, middle, last = text.read([text.write(7), one, text.write(7)]).tolist()
        assert (7, True, 7) == (first, unwritten(middle), last)


def test_texts_cut_elsewhere_are_not_read_as_if_they_were_joined():
    text = IndexText()
    joined = text.write(3) + text.write(4)

    assert [-1, -1] == text.read([joined[:30], joined[30:]]).tolist()
    assert [-1, -1] == text.read([joined, ""]).tolist()


@settings(max_examples=60)
@given(st.lists(st.integers(0, 30), max_size=6))
def test_each_era_keeps_its_texts_and_no_other_text_of_its_serials_is_known(starts):
    text, written = IndexText(), {}
    following = 0
    for start in starts:
        for serial in range(following, following + start):
            written[serial] = text.write(serial)
        following += start
        text.begin(following)
    all_texts = list(written.values())

    assert list(written) == text.read(all_texts).tolist()
    assert list(written) == [text.read_one(one) for one in all_texts]
    assert all_texts == [text.write(serial) for serial in written]
    new = text.write(following)
    assert [following] == text.read([new]).tolist()
    newest = text.page(following)[:16]
    swapped = [newest + one[16:] for one in written.values() if one[:16] != newest]
    assert [-1] * len(swapped) == text.read(swapped).tolist()
    assert len(text._starts) <= 1 + len(starts)


def test_an_era_in_which_nothing_was_written_leaves_no_trace():
    text = IndexText()
    for _ in range(5):
        text.begin(8)

    assert [0, 8] == text.state_dict()["starts"]
    text.begin(0)
    assert [0] == text.state_dict()["starts"]


def test_a_copy_knows_the_old_texts_and_writes_others():
    text = IndexText()
    old = [text.write(serial) for serial in range(5)]
    twin = copy.deepcopy(text)
    twin.begin(5)

    assert list(range(5)) == twin.read(old).tolist()
    assert text.write(5) != twin.write(5)
    assert [-1, 5] == twin.read([text.write(5), twin.write(5)]).tolist()
    assert [5, -1] == text.read([text.write(5), twin.write(5)]).tolist()


def test_a_state_brings_the_texts_back():
    text, loaded = IndexText(), IndexText()
    text.begin(5)
    loaded.load_state_dict(text.state_dict())

    assert [text.write(serial) for serial in range(9)] == [loaded.write(serial) for serial in range(9)]


GOOD = "0123456789abcdef"


def test_a_page_and_the_last_digits_make_the_text_of_each_of_its_serials():
    text = IndexText()
    text.begin(5000)
    for serial in (5000, PAGE * 2 - 1, PAGE * 2, PAGE * 2 + 7, 2**40 + 3):
        assert text.write(serial) == text.page(serial) + LAST_DIGITS[serial % PAGE]


@pytest.mark.parametrize(
    ("starts", "prefixes"),
    [
        ([], []),
        ([0, 5], [GOOD]),
        ([1], [GOOD]),
        ([0, 0], [GOOD, GOOD]),
        ([0, 9, 5], [GOOD, GOOD, GOOD]),
        ([0], [GOOD[:-1]]),
        ([0], [GOOD.upper()]),
        ([0], ["x" * 16]),
        (["x"], [GOOD]),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused_with_nothing_changed(starts, prefixes):
    text = IndexText()
    before = text.state_dict()

    with pytest.raises(ValueError, match=r"."):
        text.load_state_dict({"starts": starts, "prefixes": prefixes})
    assert before == text.state_dict()
