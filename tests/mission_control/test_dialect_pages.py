"""The pages about dialects say what the tables say, and claim no proof that there is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mission_control import dialect_pages
from mission_control.dialect_pages import PROOFS, dialect_page, index_page, standard_page
from pipeline.dialects.registry import DIALECTS, STANDARD, dialect_of, of_scope
from tests.emitters.matrix import EMITTERS
from tests.payloads.reading import Payload, payloads

ROOT = Path(__file__).parents[2]
CLAIMED = [(name, recording) for name, proof in PROOFS.items() for recording in proof.recordings]


def spoken(document: Any) -> Iterator[str]:
    """Names of the dialects of a request's spans."""
    for block in document.get("resourceSpans") or []:
        for scope in block.get("scopeSpans") or []:
            by_scope = of_scope(scope.get("scope", {}).get("name", ""))
            for span in scope.get("spans") or []:
                dialect = dialect_of(by_scope, {item["key"]: "said" for item in span.get("attributes", [])})
                yield STANDARD if dialect is None else dialect.name


@pytest.mark.parametrize(("name", "recording"), CLAIMED)
def test_a_recording_that_proves_a_dialect_speaks_it(name: str, recording: str) -> None:
    payload = Payload(recording)
    assert payload in payloads()
    if payload.file is None:
        pytest.skip("the recording lies elsewhere")
    if "logs" not in recording:
        assert name in set(spoken(payload.document()))


def test_every_live_run_is_a_proof_and_every_proof_is_run() -> None:
    assert sorted(emitter for proof in PROOFS.values() for emitter in proof.live) == EMITTERS


def test_proofs_are_of_dialects_there_are() -> None:
    assert PROOFS.keys() <= {STANDARD, *(dialect.name for dialect in DIALECTS)}


def test_every_page_is_in_the_index_and_the_index_in_that_of_all_docs() -> None:
    index = index_page()
    assert [name for name in dialect_pages.pages() if name != "README.md" and f"]({name})" not in index] == []
    assert "(dialects/README.md)" in (ROOT / "docs/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_source_every_rule_and_the_switch_are_on_the_page(dialect: Any) -> None:
    page = dialect_page(dialect)
    assert all(f"`{source}`" in page for names in dialect.names.values() for source in names)
    assert [rule for rule in dialect.rules if not rule.__doc__] == []
    assert page.count("\n- ") >= len(dialect.rules)
    assert dialect.switch_on.splitlines()[0] in page


def test_log_events_are_on_the_page_of_who_sends_them() -> None:
    pages = {dialect.name: dialect_page(dialect) for dialect in DIALECTS}
    assert [name for name, page in pages.items() if "## Log events" in page] == ["claude_code", "codex", "gemini_cli"]
    assert "| `api_request` | llm_call |" in pages["claude_code"]


def test_the_standard_page_lists_what_columns_are_read_from() -> None:
    page = standard_page()
    assert "| `tool_name` | `gen_ai.tool.name` |" in page
    assert "`gen_ai.conversation.id`" in page
