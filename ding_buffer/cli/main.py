"""Where ``ding-buffer`` begins."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; says which extra is missing where click itself is not installed."""
    try:
        import click  # noqa: F401  (asked for its presence)
    except ModuleNotFoundError:
        sys.exit("Error: click is not installed. It comes with an extra: pip install 'ding_buffer[run]'")
    from ding_buffer.cli.commands import command_group

    command_group(prog_name="ding-buffer")
