"""Measures ours beside what the peers took when ``make bench-peers`` last ran: ``make bench``.

``make bench ARGS="per push"`` measures only rows whose key begins with one of the words.
"""

from __future__ import annotations

import json
import sys

from benchmarks import line_up, machine
from benchmarks.compare import FIGURES
from benchmarks.contest import Contest, Results
from benchmarks.rows import ROWS
from benchmarks.targets import BEST, NAMES, TARGETS, Target
from benchmarks.wording import AGAINST, contestants, number, verdict, wanted, work

ROUNDS = 4


def main() -> None:
    words = tuple(sys.argv[1:])
    rows = [row for row in ROWS if not words or row.key.startswith(words)]
    contest = Contest([line_up.limit(), *line_up.ours()], lambda line: print(line, file=sys.stderr), ROUNDS)
    results = contest.run(rows)
    about = machine.describe()
    print(f"\n{about['processor']}, {about['cores']} cores, {about['memory']}, {about['system']}")
    if FIGURES.exists():
        stored = json.loads(FIGURES.read_text(encoding="utf-8"))
        _take_over(results, Results.read(stored))
        then = stored["machine"]
        print(
            f"Peers: not measured now but on {stored['date']} on {then['processor']}, {then['cores']} cores."
        )
        if any(then[name] != text for name, text in about.items()):
            print("That was another machine or system: the ratios mean little.")
    else:
        print("No figures of peers are stored: make bench-peers measures them.")
    keys = {key for row in rows for key in row.keys}
    for name in contestants(results):
        print(f"\n{NAMES[name]}")
        _print([target for target in [*TARGETS, *BEST] if target.key in keys], results, name)
    for key in sorted(keys):
        for name, why in results.missing.get(key, {}).items():
            if name in contestants(results) and key != "lines":
                print(f"not measured, {NAMES[name]}: {work(key)}: {why}")


def _take_over(results: Results, stored: Results) -> None:
    """Puts the peers' stored figures beside those measured now."""
    for key, row in stored.figures.items():
        mine = results.figures.setdefault(key, {})
        mine.update({name: figure for name, figure in row.items() if name not in results.versions})


def _print(targets: list[Target], results: Results, name: str) -> None:
    print(f"{'':56}{'ours':>9}{'theirs':>9}  {'against':18}{'wanted':>9}  reached")
    for target in targets:
        if target.wanted(name) is None:
            continue
        mine, theirs = results.median(target.key, name), target.theirs(results)
        print(
            f"{work(target.key):56}{number(mine):>9}{number(theirs):>9}"
            f"  {AGAINST[target.against]:18}{wanted(target, name):>9}  {verdict(target, results, name)}"
        )


if __name__ == "__main__":
    main()
