"""Every recorded request of every known emitter shows as the threads, steps, messages, tokens, costs and checks it means, however it comes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.payloads.reading import ORDERS, Payload, payloads, unexpected
from tests.payloads.shown import Shown, wanted
from tests.system.accounts import at_rest
from tests.system.running import System, eventually, system_on

JSON: Final = {"content_type": "application/json"}
HERE: Final = [payload for payload in payloads() if payload.file is not None]


def project_of(payload: Payload, order: str) -> str:
    return f"{payload.name} {order}"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system_on(tmp_path_factory.mktemp("golden") / "data") as system:
        yield system.start()


@pytest.fixture(scope="module")
def answers(system: System) -> Mapping[str, set[int]]:
    """Everything sent and at rest: project -> statuses of the answers. Payloads go round, so that many threads are open at a time."""
    result: dict[str, set[int]] = defaultdict(set)
    for order, sendings in ORDERS.items():
        for payload in HERE:
            project = project_of(payload, order)
            for path, body in sendings(payload):
                result[project].add(system.post(path, body, **JSON, x_mission_control_project=project).status_code)
    assert at_rest(system)
    return result


@pytest.fixture(scope="module")
def shown(system: System, answers: Mapping[str, set[int]]) -> Shown:
    """The price of a model that was not seen before comes a moment after its first call."""
    priced = {project_of(payload, order) for payload in HERE for order in ORDERS if is_priced(payload)}
    query = "SELECT DISTINCT project FROM threads WHERE cost_estimated"
    eventually(lambda: {row["project"] for row in system.sql(query)}, lambda found: priced <= found)
    return Shown(system.sql)


def is_priced(payload: Payload) -> bool:
    return any("estimated" in thread for thread in payload.expected.get("thread", []))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("payload", HERE, ids=lambda payload: payload.name)
def test_shows_as_it_means(shown: Shown, answers: Mapping[str, set[int]], payload: Payload, order: str) -> None:
    project = project_of(payload, order)
    expected: Mapping[str, Any] = payload.expected
    assert answers[project] == {expected.get("answer", 200)}
    assert shown.of(project, expected) == wanted(expected)


def test_every_recording_has_an_expectation() -> None:
    assert unexpected() == []


def test_every_expectation_has_its_recording_here() -> None:
    if missing := [payload.name for payload in payloads() if payload.file is None]:
        pytest.skip(f"THESE RECORDINGS LIE ELSEWHERE: {', '.join(missing)}")
