"""Measures ding_buffer and prints DI-engine 0.5.3's figures for the same operations beside ours.

DI-engine's figures were measured once, on two shared cores of an AMD EPYC with Python 3.11: they are the same
numbers on every machine, so a ratio says something on a machine like that one. Where a range was measured (a
push took 11 to 30 us) the lower end stands here; a layer took about 2 us, so five stand as 10.
``make bench ARGS=push`` measures only what says "push".
"""

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
from cases import CASES

IMPORTS = ("numpy, easydict", "ding_buffer")


def main() -> None:
    chosen = [case for case in CASES if not sys.argv[1:] or any(word in case.work for word in sys.argv[1:])]
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}"
    print(f"{versions}; microseconds, best of several rounds\n")
    print(f"{'':44}{'DI-engine':>12}{'ours':>12}{'ratio':>9}{'wanted':>9}")
    missed = []
    for case in chosen:
        ours = case.ours()
        ratio = case.di_engine / ours
        wanted = f"{case.wanted:,.0f}x" if case.wanted else ""
        theirs = f"{case.di_engine:,.1f}" if case.di_engine else "-"
        print(
            f"{case.work:44}{theirs:>12}{ours:>12,.2f}{f'{ratio:,.0f}x' if ratio else '-':>9}{wanted:>9}",
            flush=True,
        )
        if ratio < case.wanted:
            missed.append(case.work.strip())
    print("\n" + "\n".join(f"import {names:20} {import_seconds(names):.3f} s" for names in IMPORTS))
    print("\n" + (f"Missed: {', '.join(missed)}." if missed else "Every ratio wanted was reached."))


def import_seconds(names: str) -> float:
    """Returns the best of five imports in fresh interpreters."""
    code = f"from time import perf_counter as t; s = t(); import {names}; print(t() - s)"
    return min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    )


if __name__ == "__main__":
    main()
