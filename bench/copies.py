"""A large data set from a small one: what really came in is copied by the engine itself, under other names and at earlier times.

Every copy of a thread is a thread of its own: all that belongs to it moves by the same time, its ids are other ids, its messages
other messages. So there is of everything as much per span as of what came in. Rollups are counted by the system's own statements.
Nothing is asked to merge: a day gets the rows of two or three copies, in a part each, as if they had come in at different hours.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.summaries.rollups import KEYS
from pipeline.summaries.statements import statement
from schemas.migrate import statements
from schemas.store import Store, open_embedded

DAY: Final = 86_400
KEPT_DAYS: Final = 3_650
"""Retention of the copies: they are old from the start, and are to stay."""
MOST: Final = 127
"""So many other ways there are to write the digits of an id."""
COUNTED_DAYS: Final = 30
"""So many at once: each count reads all steps."""
QUIET_SECONDS: Final = 5.0
_MEMORY_BYTES: Final = 8 << 30
_CACHE_BYTES: Final = 256 << 20
_DIGITS: Final = "0123456789abcdef"
_SOURCES: Final = Path(__file__).parent / "sql"
_GONE: Final = ("another_id", "another_hash", "another_thread", "another_value", "another_reference", "older_by", "earlier", "earlier_in")


def multiply(store_directory: Path, threads: int, copies: int, days: int, without: str) -> tuple[int, int]:
    """`copies` more of all threads but `without`, over `days` days before now; `threads` is how many numbers their names take.

    Returns the spans and steps there are then. `store_directory` is of a system that does not run.
    """
    if copies > MOST:
        raise ValueError(f"{copies} copies, where {MOST} can be told apart")
    with contextlib.closing(open_embedded(store_directory, _MEMORY_BYTES, _CACHE_BYTES)) as store:
        with _pattern(store, without):
            for copy in range(1, copies + 1):
                _copy(store, copy, threads, days * DAY // copies)
        now = int(time.time()) // DAY * DAY + DAY
        for start in range(now - (days + days // copies + 2) * DAY, now, COUNTED_DAYS * DAY):
            _count(store, start, min(start + COUNTED_DAYS * DAY, now))
        _settle(store)
        return _rows(store, "spans"), _rows(store, "steps")


@contextlib.contextmanager
def _pattern(store: Store, without: str) -> Iterator[None]:
    """What is copied, in a database of its own, and the functions that make it other."""
    for sql in statements((_SOURCES / "pattern.sql").read_text(encoding="utf-8")):
        store.command(sql, {"without": without})
    yield
    store.command("DROP DATABASE pattern")
    for name in _GONE:
        store.command(f"DROP FUNCTION {name}")


def _copy(store: Store, copy: int, threads: int, width: int) -> None:
    parameters = {"copy": copy, "width": width, "first": copy * threads, "digits": digits(copy), "days": KEPT_DAYS}
    for sql in statements((_SOURCES / "copy.sql").read_text(encoding="utf-8")):
        store.command(sql, parameters)


def digits(copy: int) -> str:
    """The hexadecimal digits in another order: a step from one to the next that is odd, so that none comes twice."""
    step, start = 2 * (copy // 16) + 1, copy % 16
    return "".join(_DIGITS[(place * step + start) % 16] for place in range(16))


def _count(store: Store, start: int, end: int) -> None:
    for table in KEYS:
        store.command(statement(table), {"from": start, "to": end, "version": time.time_ns()})


def _settle(store: Store) -> None:
    """Until the engine merges nothing, twice in a row."""
    quiet = 0
    while quiet < 2:
        time.sleep(QUIET_SECONDS)
        quiet = 0 if store.query("SELECT 1 FROM system.merges LIMIT 1") else quiet + 1


def _rows(store: Store, table: str) -> int:
    """Without FINAL, which takes longer than a query may at this size: what came in once is there once, and copies replace nothing."""
    return int(store.query(f"SELECT count() AS rows FROM {table}")[0]["rows"])
