"""Other people's emitters, as they are published, against a running system: each shows as the conversation it had. See `make test-emitters`."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.emitters.matrix import EMITTERS, EXPECTED, PYTHON, run
from tests.emitters.model_server import model_server
from tests.payloads.shown import Shown, wanted
from tests.system.accounts import at_rest
from tests.system.running import System, eventually, system_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="the emitters are not installed: make test-emitters"),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system_on(tmp_path_factory.mktemp("emitters") / "data") as system:
        yield system.start()


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with model_server() as address:
        yield address


@pytest.mark.parametrize("emitter", EMITTERS)
def test_shows_as_the_conversation_it_had(system: System, model: str, emitter: str) -> None:
    run(emitter, system.info["otlp_http"], model)
    assert at_rest(system)
    expected = named(tomllib.loads((EXPECTED / f"{emitter}.toml").read_text()), system, emitter)
    wants = wanted(expected)
    found = eventually(
        lambda: Shown(system.sql).of(emitter, expected), lambda shown: shown == wants, patience=20
    )  # a new model's price comes later
    assert found == wants


def named(expected: dict[str, Any], system: System, project: str) -> Mapping[str, Any]:
    """Where the emitter makes up a thread's id anew each time, the expectation says `*`: it is the thread that no other expectation names."""
    known = {thread["id"] for thread in expected["thread"]}
    rows = system.sql(f"SELECT thread_id FROM threads WHERE project = '{project}' ORDER BY started_at")
    others = iter([row["thread_id"] for row in rows if row["thread_id"] not in known])
    return expected | {
        "thread": [thread | {"id": next(others, "missing") if thread["id"] == "*" else thread["id"]} for thread in expected["thread"]]
    }
