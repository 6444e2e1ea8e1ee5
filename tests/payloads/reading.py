"""The recorded requests, as OTLP/JSON bodies, and what is expected of them."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.payloads.span_maps import as_otlp

HERE: Final = Path(__file__).parent
RECORDED: Final = HERE / "recorded"
EXPECTED: Final = HERE / "expected"
ELSEWHERE: Final = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", HERE.parents[2] / "shared" / "payloads"))
SIGNALS: Final = {
    "resourceSpans": ("/v1/traces", "scopeSpans", "spans"),
    "resourceLogs": ("/v1/logs", "scopeLogs", "logRecords"),
    "resourceMetrics": ("/v1/metrics", "scopeMetrics", "metrics"),
}
Sending = tuple[str, bytes]
"""Path and body of one request."""


@dataclass(frozen=True)
class Payload:
    """One file; `name` is its path without endings, such as `codex/session-task-turn`."""

    name: str

    @cached_property
    def file(self) -> Path | None:
        """None where the recording is not here."""
        for place in (RECORDED, ELSEWHERE):
            for ending in (".otlp.json", ".json"):
                if (found := place / f"{self.name}{ending}").is_file():
                    return found
        return None

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        return tomllib.loads((EXPECTED / f"{self.name}.toml").read_text())

    def document(self) -> Any:
        """What is sent: the file itself, or its spans where it holds spans in another form."""
        assert self.file is not None
        return as_otlp(self.name, json.loads(self.file.read_text()))

    def whole(self) -> list[Sending]:
        """One request for each signal in it."""
        document = self.document()
        signals = [key for key in SIGNALS if isinstance(document, dict) and key in document]
        if len(signals) > 1:
            return [(SIGNALS[key][0], json.dumps({key: document[key]}).encode()) for key in signals]
        return [(SIGNALS[signals[0]][0] if signals else "/v1/traces", json.dumps(document).encode())]

    def single(self) -> list[Sending]:
        """One record a request, each with its own resource and scope."""
        document = self.document()
        return list(_taken_apart(document)) if isinstance(document, dict) and not SIGNALS.keys().isdisjoint(document) else self.whole()


ORDERS: Final[Mapping[str, Any]] = {
    "own": Payload.whole,
    "backwards": lambda payload: payload.single()[::-1],
    "twice": lambda payload: [*payload.whole(), *payload.whole()],
    "single": Payload.single,
}


def _taken_apart(document: dict[str, Any]) -> Iterator[Sending]:
    for blocks, (path, scopes, records) in SIGNALS.items():
        for block in document.get(blocks) or []:
            for scope in block.get(scopes) or []:
                for record in scope.get(records) or []:
                    alone = {blocks: [{**block, scopes: [{**scope, records: [record]}]}]}
                    yield path, json.dumps(alone).encode()


def payloads() -> list[Payload]:
    """All with an expectation, whether their recording is here or not."""
    return [Payload(str(file.relative_to(EXPECTED)).removesuffix(".toml")) for file in sorted(EXPECTED.glob("*/*.toml"))]


def unexpected() -> list[str]:
    """Recordings without an expectation."""
    files = [(place, file) for place in (RECORDED, ELSEWHERE) for file in place.glob("*/*.json")]
    names = {str(file.relative_to(place)).removesuffix(".json").removesuffix(".otlp") for place, file in files}
    return sorted(names - {payload.name for payload in payloads()})
