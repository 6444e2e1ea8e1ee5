"""Derive what is stored again, a slice at a time, while records go on coming; stopped anywhere, it goes on there.

Summaries alone, or beginning with translation: then the log records come first, then the spans, each slice with its summaries. Where
translation took messages or checks away, all records are mapped once more at the end, whatever was asked for: another call may have said the same.
"""

import json
import os
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from pipeline.retranslation.statements import statement as translation_statement
from pipeline.retranslation.translate import Touched, Translation
from pipeline.summaries.rollups import HOUR, Rollups
from pipeline.summaries.rounds import Summaries
from pipeline.summaries.statements import statement
from schemas.store import Store

SLICE: Final = 1_000
"""Traces between two notes of the progress."""
TRANSLATED_SLICE: Final = 200
"""The same, of traces or requests that are translated again."""
END_OF_TIME: Final = 2**63 - 1
REQUESTS, TRACES = "requests", "traces"


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
    translate: bool = False
    stage: str = TRACES
    """What is gone through now: requests of log records, or traces."""
    request: int = 0
    """The last request done, by its receipt."""
    requests: int = 0
    removed: bool = False
    """Whether translation took anything away."""
    again: bool = False
    """Whether everything is gone through because of that."""


class Rebuild:
    """One at a time. `state` is the file that remembers the progress over a restart."""

    def __init__(self, store: Store, summaries: Summaries, rollups: Rollups, state: Path, translation: Translation) -> None:
        self._store, self._summaries, self._rollups, self._state, self._translation = store, summaries, rollups, state, translation
        translation.removing = self._removing
        self._work: list[Any] = []
        """The slice at hand. Once some of it is translated, another question would not find it any more."""
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
            if same and before is not None:
                self._progress = replace(before, state="running")
            else:
                self._progress, self._work = wanted, []
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
        """Whether there is more to do."""
        now = self._now()
        done = self._some_requests() if now.stage == REQUESTS else self._some_traces()
        if done:
            return True
        if now.stage == REQUESTS:
            self._note(replace(now, stage=TRACES, project="", trace=""))
            return True
        if now.removed and not now.again:
            self._note(replace(now, again=True, stage=REQUESTS, request=0, project="", trace=""))
            return True
        return False

    def _some_requests(self) -> bool:
        now = self._now()
        received = self._work or [row["received"] for row in self._asked("requests_between", after=now.request, to=now.end)]
        if not received:
            return False
        self._begin(received)
        self._summarise(self._translation.requests(received, now.only))
        self._end(request=received[-1], requests=now.requests + len(received))
        return True

    def _some_traces(self) -> bool:
        now = self._now()
        rows = self._work or self._asked("traces_between", project=now.project, trace=now.trace, to=now.end, **{"from": now.start})
        if not rows:
            return False
        traces = {(row["project"], row["trace_id"]): row["received"] for row in rows}
        touched = Touched(traces)
        if now.translate:
            self._begin(rows)
            touched = self._translation.traces(traces, everything=now.again)
        touched.hours.update(hour for row in rows for hour in range(row["first"] // HOUR * HOUR, row["last"] + 1, HOUR))
        self._summarise(touched)
        self._end(project=rows[-1]["project"], trace=rows[-1]["trace_id"], traces=now.traces + len(rows))
        return True

    def _asked(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """The next slice; everything there is where it is gone through again."""
        now = self._now()
        find = translation_statement if name == "requests_between" else statement
        wishes = {"only": now.only, "dialect": "" if now.again else now.dialect, "most": TRANSLATED_SLICE if now.translate else SLICE}
        if now.again:
            parameters |= {"from": 0, "to": END_OF_TIME} if "from" in parameters else {"to": END_OF_TIME}
        return self._store.query(find(name), {**parameters, **wishes})

    def _summarise(self, touched: Touched) -> None:
        self._summaries.rebuild(touched.traces)
        self._summaries.touch({}, touched.threads)
        self._wait()
        self._rollups.touch(sorted(touched.hours))

    def _begin(self, work: list[Any]) -> None:
        self._work = work
        self._note(self._now())

    def _end(self, **progress: Any) -> None:
        """The slice is done; one that was stopped on its way is not."""
        if not self._stop.is_set():
            self._work = []
            self._note(replace(self._now(), **progress))

    def _removing(self) -> None:
        if not self._now().removed:
            self._note(replace(self._now(), removed=True))

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
        temporary.write_text(json.dumps({"progress": asdict(progress), "work": self._work}), encoding="utf-8")
        os.replace(temporary, self._state)

    def _remembered(self) -> Progress | None:
        try:
            said = json.loads(self._state.read_text(encoding="utf-8"))
            self._work = said["work"]
            return Progress(**said["progress"])
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _wishes(progress: Progress) -> tuple[int, int, str, str, bool]:
    return progress.start, progress.end, progress.only, progress.dialect, progress.translate


def translated(wanted: Progress) -> Progress:
    """The same wishes, beginning with translation."""
    return replace(wanted, translate=True, stage=REQUESTS, request=max(0, wanted.start - 1))
