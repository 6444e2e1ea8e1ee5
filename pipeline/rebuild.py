"""Derive the summaries of what is stored again, a slice at a time, while records go on coming; stopped anywhere, it goes on there."""

import json
import os
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from pipeline.summaries.rollups import HOUR, Rollups
from pipeline.summaries.rounds import Summaries
from pipeline.summaries.statements import statement
from schemas.store import Store

SLICE: Final = 1_000
"""Traces between two notes of the progress."""
END_OF_TIME: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Progress:
    """What is asked for, and how far it is. Times of receipt in nanoseconds; `project` and `dialect` '' mean all."""

    start: int = 0
    end: int = END_OF_TIME
    only: str = ""
    dialect: str = ""
    project: str = ""
    trace: str = ""
    traces: int = 0
    state: str = "running"
    """running, complete, stopped, or what went wrong"""


class Rebuild:
    """One at a time. `state` is the file that remembers the progress over a restart."""

    def __init__(self, store: Store, summaries: Summaries, rollups: Rollups, state: Path) -> None:
        self._store, self._summaries, self._rollups, self._state = store, summaries, rollups, state
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._progress = self._remembered()

    @property
    def progress(self) -> Progress | None:
        return self._progress

    def start(self, wanted: Progress) -> Progress:
        """Begin; one that was interrupted with the same wishes goes on where it stopped. While one runs, that is the answer."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return self._progress or wanted
            before = self._progress
            same = before is not None and before.state not in ("complete",) and _wishes(before) == _wishes(wanted)
            self._progress = replace(before, state="running") if same and before is not None else wanted
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="rebuild", daemon=True)
            self._thread.start()
            return self._progress

    def forget(self) -> None:
        """Rows were taken out of the tables: what is remembered of them must not come back."""
        self._summaries.forget()

    def stop(self) -> None:
        """End after the slice at hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._slice():
                pass
            if not self._stop.is_set():
                self._finish()
            else:
                self._note(replace(self._now(), state="stopped"))
        except Exception as error:  # noqa: BLE001  shown to whoever asks for the progress
            self._note(replace(self._now(), state=f"{type(error).__name__}: {error}"[:500]))

    def _slice(self) -> bool:
        now = self._now()
        parameters = {
            "project": now.project,
            "trace": now.trace,
            "from": now.start,
            "to": now.end,
            "only": now.only,
            "dialect": now.dialect,
            "most": SLICE,
        }
        rows = self._store.query(statement("traces_between"), parameters)
        if not rows:
            return False
        self._summaries.rebuild({(row["project"], row["trace_id"]): row["received"] for row in rows})
        self._wait()
        for row in rows:
            self._rollups.touch(range(row["first"] // HOUR * HOUR, row["last"] + 1, HOUR))
        self._note(replace(now, project=rows[-1]["project"], trace=rows[-1]["trace_id"], traces=now.traces + len(rows)))
        return len(rows) == SLICE

    def _finish(self) -> None:
        now = self._now()
        rows = self._store.query(
            statement("threads_between"), {"from": now.start, "to": min(now.end, 4_000_000_000 * 10**9), "only": now.only}
        )
        self._summaries.touch({}, {(row["project"], row["thread_id"]): time.time_ns() for row in rows})
        self._wait()
        self._note(replace(self._now(), state="complete"))

    def _wait(self) -> None:
        while self._summaries.backlog() and not self._stop.wait(0.02):
            pass

    def _now(self) -> Progress:
        assert self._progress is not None
        return self._progress

    def _note(self, progress: Progress) -> None:
        self._progress = progress
        temporary = self._state.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")
        os.replace(temporary, self._state)

    def _remembered(self) -> Progress | None:
        try:
            return Progress(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def _wishes(progress: Progress) -> tuple[int, int, str, str]:
    return progress.start, progress.end, progress.only, progress.dialect
