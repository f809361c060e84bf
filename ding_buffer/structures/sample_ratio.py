"""Who is ahead, those who push or those who sample."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

Side = Literal["push", "sample"]

FINEST = 10**6
"""The largest denominator of a ratio."""


class SampleRatio:
    """Counts pushes and samples and says which may go on.

    ``ahead`` is what pushes are ahead of samples, in samples: ``pushed * samples_per_insert - sampled``,
    counted from where ``min_size`` items had been pushed. It is kept as a whole number of parts, ``per`` of
    them a sample, so that nothing is ever rounded: 0.1 is taken for 1/10. ``None`` as ratio limits neither
    side.

    ``slack`` is how far either side may be ahead. None makes it as wide as the larger of what is asked for
    and what the other side asked for last: then one of the two may always go on.
    """

    def __init__(
        self,
        samples_per_insert: float | None,
        min_size: int,
        slack: float | None = None,
        pushes_wait: bool = True,
        samples_wait: bool = True,
    ) -> None:
        self._said = samples_per_insert, slack
        ratio = _fraction(samples_per_insert or 0)
        self._worth = {"push": ratio.numerator, "sample": ratio.denominator}  # of one item, in parts
        self.per = ratio.denominator
        self.min_size = min_size
        self._slack = None if slack is None else int(_fraction(slack) * ratio.denominator)
        limits = samples_per_insert is not None
        self._limits = {"push": limits and pushes_wait, "sample": limits and samples_wait}
        self.counts = {"push": 0, "sample": 0}
        self._last = {"push": 1, "sample": 1}
        self._credit = 0
        self.restart(0)

    @property
    def ahead(self) -> float:
        """How many samples the pushes are ahead; negative where the samples are."""
        return self._ahead / self.per

    def restart(self, held: int) -> None:
        """Begins anew with so many items; those above ``min_size`` are taken for pushed and sampled."""
        self._ahead = (min(held, self.min_size) - self.min_size) * self._worth["push"]
        self._credit = 0

    def ask(self, side: Side, count: int) -> None:
        """Notes what a side asks for, whether it may or not."""
        self._last[side] = count

    def may(self, side: Side, count: int, held: int) -> bool:
        """Tells whether so many items may be pushed or sampled where so many are held."""
        if side == "sample" and held < self.min_size:
            return False
        if not self._limits[side] or self._over(side, count) <= 0:
            return True
        return side == "push" and (held + count <= self.min_size or self._credit > 0)

    def count(self, side: Side, count: int) -> None:
        """Counts what was pushed or sampled."""
        self.counts[side] += count
        worth = count * self._worth[side]
        if side == "push":
            self._ahead += worth
            self._credit = max(0, self._credit - count)
        else:
            self._ahead -= worth
            self._credit = 0

    def lend(self, count: int) -> bool:
        """Lets so many items be pushed whatever the ratio, since a sample lacks them.

        Otherwise neither side could go on. What is sampled next ends it. Returns whether that is news.
        """
        helps = self._limits["push"] and count > self._credit
        self._credit = max(self._credit, count)
        return helps

    def never(self, side: Side, count: int, held: int) -> bool:
        """Tells whether one request takes more than both tolerances together: it could never be met."""
        if self._slack is None or not (self._limits["push"] and self._limits["sample"]):
            return False
        first = side == "push" and held + count <= self.min_size
        return not first and count * self._worth[side] > 2 * self._slack

    def missing(self, side: Side, count: int) -> int:
        """Returns how many items the other side must move until the ratio lets this many go."""
        worth = self._worth["sample" if side == "push" else "push"]
        return max(0, -(-self._over(side, count) // worth)) if self._limits[side] else 0

    def reaches(self, side: Side, count: int) -> bool:
        """Tells whether the other side may move as many as are missing, one by one."""
        other: Side = "sample" if side == "push" else "push"
        if self._slack is None or not self._limits[other]:
            return True
        way = self.missing(side, count) * self._worth[other]
        after = self._ahead - way if side == "push" else self._ahead + way
        return abs(after) <= self._slack

    def worth(self, side: Side, count: int) -> float:
        """Returns by how many samples so many items change who is ahead."""
        return count * self._worth[side] / self.per

    def described(self) -> str:
        """Returns the settings and who is ahead, in words."""
        ratio, slack = self._said
        wide = "as large as the requests" if slack is None else f"{slack:g}"
        who = "pushes" if self._ahead >= 0 else "samples"
        return f"samples_per_insert {ratio}, slack {wide}, {who} ahead by {abs(self.ahead):g}"

    def _over(self, side: Side, count: int) -> int:
        """Returns by how many parts a request would leave the tolerance; 0 or less where it would not."""
        worth, slack = count * self._worth[side], self._slack
        if slack is None:
            other: Side = "sample" if side == "push" else "push"
            slack = max(worth, self._last[other] * self._worth[other])
        return (self._ahead if side == "push" else -self._ahead) + worth - slack

    def state_dict(self) -> dict[str, Any]:
        """Returns all that was counted."""
        return {
            "counts": dict(self.counts),
            "last": dict(self._last),
            "ahead": self._ahead,
            "per": self.per,
            "credit": self._credit,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes it back, whatever the ratio was: who is ahead stays so.

        Raises ``ValueError`` for counts that cannot be; then nothing has changed.
        """
        counts, last = ({side: int(state[key][side]) for side in self.counts} for key in ("counts", "last"))
        ahead, per, credit = (int(state[key]) for key in ("ahead", "per", "credit"))
        if min(*counts.values(), *last.values(), credit) < 0 or per < 1:
            raise ValueError(f"counts below 0: {dict(state)}")
        self.counts, self._last, self._credit = counts, last, credit
        self._ahead = round(Fraction(ahead, per) * self.per)


def _fraction(number: float) -> Fraction:
    # Through float: a Fraction takes no numpy number of another width.
    return Fraction(number if isinstance(number, int) else float(number)).limit_denominator(FINEST)
