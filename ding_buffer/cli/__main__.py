"""Makes ``python -m ding_buffer.cli`` the same as ``ding-buffer``."""

from __future__ import annotations

from ding_buffer.cli.main import main

if __name__ == "__main__":
    main()
