"""The list of threads: live, filtered, searched, walked by keys; and what it shows when there is nothing."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow
CARD = '[data-testid="thread-card"]'


def card(page: Page, thread: str) -> Any:
    return page.locator(f'{CARD}[data-thread="{thread}"]')


def test_a_thread_appears_while_it_runs_and_completes_without_reload(system: Any, visit: Any, project: str) -> None:
    page = visit(system).go("/threads", project)
    expect(page.get_by_test_id("empty")).to_be_visible()
    agent = system.agent(project, name="researcher")
    agent.send(agent.chat(0, 900, "Is the earth round?", "Nearly."))
    shown = card(page, agent.thread)
    expect(shown).to_have_attribute("data-state", "running")
    expect(shown).to_contain_text("researcher")
    expect(shown).to_contain_text("Is the earth round?")
    expect(page.get_by_test_id("empty")).to_have_count(0)
    expect(page.get_by_role("heading", name="Active Threads")).to_be_visible()
    before = shown.get_by_test_id("duration").inner_text()
    expect(shown.get_by_test_id("duration")).not_to_have_text(before)
    agent.send(agent.end())
    expect(shown).to_have_attribute("data-state", "complete")
    expect(shown.get_by_test_id("duration")).to_contain_text("19.0 s")


def test_an_open_permission_stands_on_top_with_what_and_since_when(system: Any, visit: Any, project: str) -> None:
    for number in range(3):
        agent = system.agent(project, name=f"other-{number}")
        agent.send(agent.chat(0, 100, "hello", "hi"))
    asking = system.agent(project, name="operator")
    asking.began -= 60 * 1_000_000_000
    asking.send(asking.chat(0, 100, "ship it", "asking"))
    asking.log(
        "may I?",
        **{
            "event.name": "permission.check",
            "permission.check.id": "check-1",
            "permission.resource.type": "tool",
            "permission.resource.id": "deploy.start",
            "permission.action": "execute",
            "permission.result": "ask",
        },
    )
    page = visit(system).go("/threads", project)
    first = page.locator(CARD).first
    expect(first).to_have_attribute("data-state", "waiting")
    expect(first).to_contain_text("deploy.start")
    expect(first).to_contain_text(re.compile(r"since \d+ s"))
    expect(page.get_by_role("button", name="1 Waiting")).to_be_visible()


def test_status_filter_and_search_narrow_the_list_and_stay_in_the_address(system: Any, visit: Any, project: str) -> None:
    running, failed = system.agent(project, name="runner"), system.agent(project, name="breaker")
    running.send(running.chat(0, 100, "count the apples", "one"))
    failed.send(failed.end(error="the tool is gone"))
    page = visit(system).go("/threads", project)
    expect(page.locator(CARD)).to_have_count(2)
    page.get_by_role("button", name="1 Error").click()
    expect(page.locator(CARD)).to_have_count(1)
    expect(card(page, failed.thread)).to_contain_text("the tool is gone")
    page.reload()
    expect(page.locator(CARD)).to_have_count(1)
    page.get_by_role("button", name="1 Error").click()
    page.keyboard.press("/")
    page.keyboard.type("apples")
    expect(page.locator(CARD)).to_have_count(1)
    expect(card(page, running.thread)).to_be_visible()
    expect(page).to_have_url(re.compile("q=apples"))


def test_keys_walk_the_list_open_a_thread_and_come_back(system: Any, visit: Any, project: str) -> None:
    for number in range(3):
        agent = system.agent(project, name=f"agent-{number}")
        agent.send(agent.chat(0, 100, "hello", "hi"))
    page = visit(system).go("/threads", project)
    expect(page.locator(CARD)).to_have_count(3)
    second = page.locator(CARD).nth(1).get_attribute("data-thread")
    for key in ("j", "j", "j", "k", "Enter"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(f"/threads/{second}"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(CARD)).to_have_count(3)


def test_older_threads_come_page_by_page(system: Any, visit: Any, project: str) -> None:
    for number in range(130):
        agent = system.agent(project, name=f"agent-{number}")
        agent.send(agent.end(after=1000))
    agent.summarised()
    page = visit(system).go("/threads", project)
    expect(page.locator(CARD)).to_have_count(100)
    page.locator(CARD).last.scroll_into_view_if_needed()
    expect(page.locator(CARD)).to_have_count(130)


def test_the_page_follows_real_data_and_a_choice_wins(fresh_system: Any, visit: Any) -> None:
    page = visit(fresh_system).page
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.get_by_test_id("snippet")).to_contain_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:")
    trial = fresh_system.agent("doctor", name="trial")
    trial.send(trial.chat(0, 100, "is it there", "it is"))
    demo = fresh_system.agent("demo", name="sample")
    demo.send(demo.chat(0, 100, "hello", "hi"))
    expect(card(page, demo.thread)).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("demo fleet")
    real = fresh_system.agent("default", name="mine")
    real.send(real.chat(0, 100, "hello", "hi"))
    expect(card(page, real.thread)).to_be_visible()
    expect(card(page, demo.thread)).to_have_count(0)
    page.get_by_test_id("project").select_option("demo")
    expect(card(page, demo.thread)).to_be_visible()
    page.goto(fresh_system.console)
    expect(card(page, demo.thread)).to_be_visible()


def test_plain_traces_are_named_where_they_would_seem_lost(system: Any, visit: Any, project: str) -> None:
    page = visit(system).go("/threads", project)
    agent = system.agent(project)
    span = agent.span("GET /health", {}, parent="")
    span["attributes"] = []
    agent.send(span)
    page.get_by_role("button", name="Show plain traces").click()
    expect(page.locator(CARD)).to_contain_text("GET /health")


@pytest.mark.parametrize("name", ["Python", "curl", "Claude Code", "Codex", "Gemini CLI"])
def test_the_lines_to_connect_an_agent_can_be_copied(name: str, system: Any, visit: Any, project: str) -> None:
    visitor = visit(system, permissions=["clipboard-read", "clipboard-write"])
    page = visitor.go("/threads", project)
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_test_id("snippet")).to_contain_text(system.otlp_http)  # the usual ports stand there until the real ones are known
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == page.get_by_test_id("snippet").locator("code").inner_text()
    assert "127.0.0.1" in copied
