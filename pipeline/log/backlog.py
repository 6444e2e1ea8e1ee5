"""How many bytes of a partition wait to be committed."""

from collections import deque

MARK_BYTES = 64 * 1024


class Backlog:
    """Counts in marks of 64 kB: one number per record would take more memory than it is worth. Not thread-safe."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque()
        self._total = 0
        self._committed = 0

    @property
    def size(self) -> int:
        """Bytes; up to 64 kB too many."""
        return self._total - self._committed

    def add(self, end: int, size: int) -> None:
        """Records up to offset `end`, `size` bytes together."""
        self._total += size
        before = self._marks[-2][1] if len(self._marks) > 1 else self._committed
        if self._marks and self._total - before <= MARK_BYTES:
            self._marks[-1] = (end, self._total)
        else:
            self._marks.append((end, self._total))

    def commit(self, offset: int) -> None:
        while self._marks and self._marks[0][0] <= offset:
            self._committed = self._marks.popleft()[1]
