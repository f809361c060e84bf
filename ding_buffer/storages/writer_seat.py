"""As whom a process writes into shared memory."""

from __future__ import annotations

from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.shared_segment import SharedSegment


class WriterSeat:
    """The number of the writer that this process is, if it is one.

    ``open_to`` tells whether the process may take a free number when it first has to write.
    """

    def __init__(self, segment: SharedSegment, writers: int, open_to: bool) -> None:
        self._segment, self.writers = segment, writers
        self._open = open_to
        self._number: int | None = None

    @property
    def number(self) -> int | None:
        """The number; None in a child made by ``fork`` until it has one of its own."""
        if self._number is not None and not self._segment.claims(self._number):
            self._number = None
        return self._number

    def claim(self, writer: int | None = None) -> int:
        """Takes a number, or the first that is free, and returns it.

        Raises ``BadArgument`` where it is taken by a process that lives.
        """
        self.check_open()
        number, name = self.number, self._segment.name
        if number is not None and writer in (None, number):
            return number
        if number is not None:
            raise BadArgument(
                f"This process is writer {number} already, and cannot be writer {writer!r} too."
            )
        if writer is not None and not (type(writer) is int and 0 <= writer < self.writers):
            raise BadArgument(f"writer must be a number from 0 to {self.writers - 1}, got {writer!r}.")
        for one in range(self.writers) if writer is None else [writer]:
            if self._segment.claims(one) or self._segment.claim(one):
                self._number, self._open = one, True
                return one
        if writer is not None:
            raise BadArgument(f"Writer {writer} of {name!r} is taken, by a process that is alive.")
        more = f"writers={self.writers + 1}"
        raise BadArgument(f"All {self.writers} writers of {name!r} are taken. Make it with more: {more}.")

    def needed(self) -> int:
        """Returns the number to write as; raises ``BadArgument`` where this process only reads."""
        number = self.number
        if number is None and not self._open:
            name = self._segment.name
            raise BadArgument(
                f"This process only reads {name!r}. Attach as a writer, SharedStorage.attach({name!r}, "
                f"writer=0), or take a number: storage.claim()."
            )
        return self.claim() if number is None else number

    def check_open(self) -> None:
        """Raises ``BadArgument`` after the process has left."""
        if not self._segment.attached:
            raise BadArgument(f"The shared memory {self._segment.name!r} was closed in this process.")
