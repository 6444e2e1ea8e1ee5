"""The generated dashboards and rules as queries to run, and the program that runs them as Grafana would."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One query; `name` is where it stands: dashboard, panel, reference."""

    name: str
    kind: str
    sql: str
    format: int


@dataclass
class Field:
    name: str
    type: str
    labels: Mapping[str, str] | None
    values: Sequence[Any]


@dataclass
class Frame:
    """`schema` is what Grafana takes it for: wide, long or not (a time series)."""

    rows: int
    schema: str
    vis: str
    fields: Sequence[Field]

    def field(self, name: str) -> Field:
        return next(column for column in self.fields if column.name == name)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.fields]


@dataclass
class Answer:
    """`sql` is what was run, every variable and macro replaced."""

    job: Job
    sql: str
    error: str
    ms: float
    frames: Sequence[Frame] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(frame.rows for frame in self.frames)


def panels(model: Json) -> Iterator[Json]:
    """Every panel that is no heading."""
    for panel in model["panels"]:
        if panel["type"] != "row":
            yield panel


def panel_jobs(model: Json) -> Iterator[Job]:
    for panel in panels(model):
        for target in panel["targets"]:
            yield Job(f"{model['title']} / {panel['title']} / {target['refId']}", panel["type"], target["rawSql"], target["format"])


def other_jobs(model: Json) -> Iterator[Job]:
    """Variables and annotations."""
    for variable in model["templating"]["list"]:
        if variable["type"] == "query":
            yield Job(f"{model['title']} / ${variable['name']}", "variable", variable["query"]["rawSql"], 1)
    for annotation in model["annotations"]["list"]:
        yield Job(f"{model['title']} / {annotation['name']}", "annotation", annotation["target"]["rawSql"], 1)


@dataclass(frozen=True)
class Page:
    """What a page gives its queries."""

    since: datetime
    until: datetime
    interval_ms: int
    chosen: Mapping[str, str]


def run(program: Path, port: int, jobs: Sequence[Job], page: Page, compress: str = "gzip", rows: int = 50) -> list[Answer]:
    """Raises CalledProcessError when the program itself fails; what the queries say is in the answers."""
    given = {
        "from": page.since.isoformat(timespec="seconds"),
        "to": page.until.isoformat(timespec="seconds"),
        "interval_ms": page.interval_ms,
        "vars": dict(page.chosen),
        "rows": rows,
    }
    text = json.dumps([{**asdict(job), **given} for job in jobs])
    done = subprocess.run(
        [program, "-compress", compress, f"127.0.0.1:{port}"], input=text, capture_output=True, text=True, timeout=300, check=True
    )
    return [_answer(job, json.loads(line)) for job, line in zip(jobs, done.stdout.splitlines(), strict=True)]


def _answer(job: Job, said: Json) -> Answer:
    frames = [Frame(f["rows"], f["schema"], f["vis"], [Field(**column) for column in f["fields"]]) for f in said["frames"]]
    return Answer(job, said["sql"], said["error"], said["ms"], frames)
