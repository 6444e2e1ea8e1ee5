"""Every query of docs/cookbook.md over seeded data, through the SQL endpoint and its guard; each must have an answer."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.store import ClickHouseStore
from tests.control.sql_fixtures import Endpoint, serving
from tests.dashboards.seed import seed

PAGE = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^### (\d+)\. (.+?)\n+```sql\n(.+?)\n```", PAGE, re.MULTILINE | re.DOTALL)
PROJECT = "cookbook-shop"


@pytest.fixture(scope="module")
def endpoint(store: ClickHouseStore) -> Iterator[Endpoint]:
    seed(store, PROJECT, [])
    with serving(store) as opened:
        yield opened


def test_the_query_of_the_capacity_page_answers(endpoint: Endpoint) -> None:
    page = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text(encoding="utf-8")
    (sql,) = re.findall(r"```sql\n(.+?)\n```", page, re.DOTALL)
    lines = endpoint.text(sql + "\nFORMAT TSV").splitlines()
    assert {line.split("\t")[0] for line in lines} >= {"spans", "logs"}


def test_there_are_forty_questions_in_order() -> None:
    assert [int(number) for number, _, _ in RECIPES] == list(range(1, 41))
    assert PAGE.count("```sql") == 40
    assert len({question for _, question, _ in RECIPES}) == 40


@pytest.mark.parametrize(("number", "question", "sql"), RECIPES, ids=[f"{number}" for number, _, _ in RECIPES])
def test_the_query_answers(endpoint: Endpoint, number: str, question: str, sql: str) -> None:
    assert "project = 'shop'" in sql
    lines = endpoint.text(sql.replace("'shop'", f"'{PROJECT}'") + "\nFORMAT TSVWithNames").splitlines()
    assert len(lines) > 1, question
    assert "\\N" not in lines[0]
