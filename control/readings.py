"""Everything the read side can answer, wired once."""

from collections.abc import Mapping
from dataclasses import dataclass

from control.fleet import Fleet
from control.logs import Logs
from control.overview import Overview
from control.permissions import Permissions
from control.projects import Projects
from control.reader import Reader
from control.records import Records
from control.search import Search
from control.threads import Threads
from control.timeline import Timeline
from control.transcript import Transcript
from schemas.settings import Settings


@dataclass(frozen=True)
class Readings:
    reader: Reader
    projects: Projects
    threads: Threads
    timeline: Timeline
    transcript: Transcript
    logs: Logs
    permissions: Permissions
    fleet: Fleet
    records: Records
    search: Search
    overview: Overview

    @classmethod
    def over(cls, reader: Reader, settings: Settings, endpoints: Mapping[str, str]) -> "Readings":
        projects = Projects(reader)
        threads = Threads(reader, projects, settings.stalled_after)
        logs = Logs(reader, projects)
        permissions = Permissions(reader, projects)
        fleet = Fleet(reader, projects)
        return cls(
            reader=reader,
            projects=projects,
            threads=threads,
            timeline=Timeline(reader),
            transcript=Transcript(reader),
            logs=logs,
            permissions=permissions,
            fleet=fleet,
            records=Records(reader, projects),
            search=Search(threads, logs, fleet),
            overview=Overview(reader, projects, threads, logs, permissions, settings.stalled_after, endpoints),
        )
