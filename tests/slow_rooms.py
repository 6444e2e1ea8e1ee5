"""The slow tests of all rooms: `python -m tests.slow_rooms`, a process of pytest for each folder and some of them at a time.

They mostly wait: for processes to start, to die, to catch up. What fails while others run beside it is tried once more, alone, and named
loudly if it passes then: such a test is to be mended. Much that fails is not tried again, and what fails twice is a failure.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LONGEST_FIRST: Final = ("system/drills", "system", "pipeline", "pipeline/log", "dashboards", "console", "control", "mission_control")
"""So that none of them is left alone at the end; the others follow by name."""
SECOND_LOOKS: Final = 5
"""Tests that may fail at first, of all rooms together."""
PASSED, FAILED, NONE_FOUND = 0, 1, 5
"""Exit codes of pytest."""


@dataclass(frozen=True)
class Ran:
    room: str
    code: int
    seconds: float
    said: str
    failed: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        return self.code in (PASSED, NONE_FOUND)


@dataclass(frozen=True)
class Rooms:
    """`root` holds tests/; `place` takes what pytest remembers and what was covered; `options` are pytest's own."""

    root: Path
    place: Path
    options: Sequence[str] = ()

    def names(self) -> list[str]:
        """Folders with tests right in them, such as `system` and `system/drills`."""
        tests = self.root / "tests"
        found = sorted({str(file.parent.relative_to(tests)) for file in tests.rglob("test_*.py")})
        return sorted(found, key=lambda room: LONGEST_FIRST.index(room) if room in LONGEST_FIRST else len(LONGEST_FIRST))

    def run_all(self, at_a_time: int) -> Iterator[Ran]:
        """As they end."""
        with ThreadPoolExecutor(at_a_time) as pool:
            for ran in as_completed([pool.submit(self.run, room) for room in self.names()]):
                yield ran.result()

    def run(self, room: str) -> Ran:
        shutil.rmtree(self._cache(room), ignore_errors=True)
        return self._pytest(room)

    def look_again(self, ran: Ran) -> Ran:
        """Only at what failed."""
        return self._pytest(ran.room, "--last-failed", "--last-failed-no-failures", "none")

    def _cache(self, room: str) -> Path:
        return self.place / "slow" / _flat(room)

    def _pytest(self, room: str, *more: str) -> Ran:
        files = sorted(str(file.relative_to(self.root)) for file in (self.root / "tests" / room).glob("test_*.py"))
        words = ["-q", "-m", "slow", "-o", f"cache_dir={self._cache(room)}", *self.options, *files, *more]
        environment = os.environ | {"COVERAGE_FILE": str(self.place / "coverage" / f"data.{_flat(room)}")}
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *words], cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
        failed = failures(self._cache(room)) if ran.returncode == FAILED else ()
        return Ran(room, ran.returncode, time.monotonic() - began, ran.stdout, failed)


def _flat(room: str) -> str:
    return room.replace("/", "-")


def failures(cache: Path) -> tuple[str, ...]:
    """By pytest's own memory of the last run."""
    remembered = cache / "v" / "cache" / "lastfailed"
    return tuple(json.loads(remembered.read_text(encoding="utf-8"))) if remembered.exists() else ()


def may_look_again(ran: Sequence[Ran]) -> bool:
    """Tests failed, few, and nothing else went wrong, such as a file that cannot be imported."""
    failed = [test for one in ran for test in one.failed]
    return 0 < len(failed) <= SECOND_LOOKS and all(one.is_fine or one.failed for one in ran)


def main(rooms: Rooms, at_a_time: int) -> int:
    first = list(told(rooms.run_all(at_a_time)))
    wrong = [ran for ran in first if not ran.is_fine]
    at_first = [test for ran in wrong for test in ran.failed]
    if may_look_again(first):
        wrong = [ran for ran in told(rooms.look_again(ran) for ran in wrong) if ran.code != PASSED]
        if not wrong:
            print("FAILED AT FIRST, PASSED ALONE, not to be trusted until it is mended:", *at_first, sep="\n  ", file=sys.stderr)
    if wrong:
        print(f"slow tests failed in: {', '.join(ran.room for ran in wrong)}; at first:", *at_first, sep="\n  ", file=sys.stderr)
    return 1 if wrong else 0


def told(all_ran: Iterable[Ran]) -> Iterator[Ran]:
    for ran in all_ran:
        print(f"slow tests of {ran.room}, {ran.seconds:.0f} s\n{ran.said}", flush=True)
        yield ran


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.slow_rooms", description=__doc__)
    parser.add_argument("--at-a-time", type=int, default=2, metavar="ROOMS")
    given, for_pytest = parser.parse_known_args()
    sys.exit(main(Rooms(ROOT, ROOT / ".make", for_pytest), given.at_a_time))
