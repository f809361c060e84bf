"""Writes the table of pairs: python -m tests.middleware.write_pairs."""

from __future__ import annotations

from tests.middleware.pairs import TABLE, table

if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    print(f"wrote {TABLE}")
