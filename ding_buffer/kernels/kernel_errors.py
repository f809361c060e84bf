"""The error of a kernel that is asked for and is not there."""

from __future__ import annotations


class KernelUnavailable(ImportError):
    """The C kernels were asked for by name, and this installation has none; the message says what to do."""
