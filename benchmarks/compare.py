"""Measures ours and its peers in one run: ``make bench-peers``.

Writes RESULTS.md, two pictures and peer_figures.json. ``make bench-peers ARGS="per sample"`` measures only
rows whose key begins with one of the words, prints the tables and writes nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

from benchmarks import charts, environments, line_up, machine, report
from benchmarks.contest import ROUNDS, Contest
from benchmarks.contestant import ROOT
from benchmarks.rows import ROWS
from benchmarks.targets import PEERS

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "peer_figures.json"


def main() -> None:
    options = _options()
    contestants, absent = [line_up.limit(), *line_up.ours()], {}
    for name in PEERS:
        print(f"environment of {PEERS[name]}", flush=True)
        python, trouble = environments.prepare(name, options.environments, os.environ.get("TORCH_INDEX", ""))
        if trouble:
            absent[name] = trouble
        else:
            contestants.append(line_up.peer(name, python))
    about = {**machine.describe(), "load at the start": f"{os.getloadavg()[0]:.1f}"}
    contest = Contest(contestants, lambda line: print(line, flush=True), options.rounds)
    contest.results.absent.update(absent)
    results = contest.run(
        [row for row in ROWS if not options.words or row.key.startswith(tuple(options.words))]
    )
    date = dt.date.today().isoformat()
    text = report.write(results, about, date)
    if options.words:
        print(text)
        return
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    plain: dict[str, Any] = {"date": date, "machine": about, **results.plain()}
    FIGURES.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    charts.bars(results, HERE / "results.png")
    charts.growth(results, HERE / "growth.png")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--environments", type=Path, default=ROOT, help="the folder of the environments")
    return parser.parse_args()


if __name__ == "__main__":
    main()
