"""The live tail: levels, text, pause, one record, the way to its thread."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
DEBUG, INFO, ERROR = 5, 9, 17


def test_records_arrive_live_and_levels_filter_them(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project)
    agent.log("stored before", INFO)
    page = visit(system).go("/logs", project)
    expect(page.get_by_test_id("log")).to_have_count(1)
    agent.log("now", INFO)
    agent.log("broken", ERROR)
    agent.log("details", DEBUG)
    expect(page.get_by_test_id("log")).to_have_count(3)
    page.get_by_role("button", name="DEBUG").click()
    expect(page.get_by_test_id("log")).to_have_count(4)
    for level in ("DEBUG", "INFO", "WARN"):
        page.get_by_role("button", name=level).click()
    expect(page.get_by_test_id("log")).to_have_count(1)
    expect(page.get_by_test_id("log")).to_contain_text("broken")


def test_pause_holds_the_view_and_resume_shows_what_came(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project)
    agent.log("one")
    page = visit(system).go("/logs", project)
    expect(page.get_by_test_id("log")).to_have_count(1)
    page.get_by_test_id("pause").click()
    agent.log("two")
    expect(page.get_by_test_id("pause")).to_contain_text("1 new")
    expect(page.get_by_test_id("log")).to_have_count(1)
    page.get_by_test_id("pause").click()
    expect(page.get_by_test_id("log")).to_have_count(2)


def test_text_filter_details_and_link_to_the_thread(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project)
    agent.send(agent.chat(0, 500, "hello", "hi"))
    agent.log("the needle <b>bold</b>", **{"shelf": "third"})
    agent.log("hay")
    visitor = visit(system)
    page = visitor.go("/logs", project)
    expect(page.get_by_test_id("log")).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("needle")
    expect(page.get_by_test_id("log")).to_have_count(1)
    page.get_by_test_id("log").get_by_role("button").click()
    expect(page.get_by_test_id("log-details")).to_contain_text("third")
    expect(page.get_by_test_id("log-details")).to_contain_text("<b>bold</b>")
    page.get_by_test_id("log-details").get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/threads/{agent.thread}"))
    expect(page.get_by_test_id("step").first).to_be_visible()
    visitor.forgive("404")  # the thread's summary may come after its log
