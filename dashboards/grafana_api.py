"""The few routes of Grafana's HTTP API that bring dashboards to a server and back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from dashboards.errors import GrafanaError

FOLDER_UID: Final = "mission-control"
FOLDER_TITLE: Final = "Mission Control"
_OF_THE_SERVER: Final = ("id", "version")
"""What a server adds to a dashboard by itself."""
Json = dict[str, Any]


class Grafana:
    """One server. `http` has its address and how to log in; every method raises GrafanaError."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def push(self, model: Mapping[str, Any], message: str) -> None:
        """Create the dashboard, or put this in the place of the one with its uid. The folder must exist."""
        content = {"dashboard": {**model, "id": None}, "folderUid": FOLDER_UID, "overwrite": True, "message": message}
        self._call("POST", "/api/dashboards/db", content)

    def ensure_folder(self) -> None:
        if self._call("GET", f"/api/folders/{FOLDER_UID}") is None:
            self._call("POST", "/api/folders", {"uid": FOLDER_UID, "title": FOLDER_TITLE})

    def pull(self, uid: str) -> Json | None:
        """The dashboard as the server has it, without what the server adds; None where it has none."""
        found = self._call("GET", f"/api/dashboards/uid/{uid}")
        return None if found is None else {name: value for name, value in found["dashboard"].items() if name not in _OF_THE_SERVER}

    def _call(self, method: str, path: str, content: Json | None = None) -> Json | None:
        """The answer; None for "not found" to a GET."""
        try:
            answer = self._http.request(method, path, json=content)
        except httpx.TransportError as error:
            raise GrafanaError(str(self._http.base_url), 0, str(error) or type(error).__name__) from error
        if answer.status_code == 404 and method == "GET":
            return None
        if not answer.is_success:
            raise GrafanaError(str(self._http.base_url), answer.status_code, _reason(answer))
        found: Json = answer.json()
        return found


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200] or answer.reason_phrase


@dataclass(frozen=True)
class Difference:
    """`state` is same, missing or different; `paths` are the places that differ, e.g. panels.3.title."""

    uid: str
    title: str
    state: str
    paths: list[str] = field(default_factory=list)


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> Difference:
    uid, title = str(ours["uid"]), str(ours["title"])
    if theirs is None:
        return Difference(uid, title, "missing")
    paths = list(_differing(ours, theirs, ""))
    return Difference(uid, title, "different" if paths else "same", paths)


def _differing(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name in sorted(ours.keys() | theirs.keys()):
            yield from _differing(ours.get(name), theirs.get(name), f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _differing(*pair, f"{path}.{index}")
    elif ours != theirs:
        yield path.lstrip(".")
