"""One thread: timeline, details, who allowed it, transcript, logs; and threads of any size."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_the_timeline_grows_live_and_tells_all_of_a_step(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="coder")
    agent.send(agent.chat(0, 2000, "fix it", "I read first"), agent.tool("files.read", 2000, 2500, error="no such file"))
    agent.summarised("running")
    page = visit(system).go(f"/threads/{agent.thread}", project)
    expect(page.locator('[data-testid="step"][data-type="llm_call"]')).to_have_count(1)
    agent.send(agent.tool("files.write", 3000, 3400))
    expect(page.locator('[data-testid="step"][data-type="tool_call"]')).to_have_count(2)
    agent.send(agent.end())
    expect(page.locator('[data-testid="step"][data-type="directive"]')).to_have_count(1)
    page.locator('[data-testid="step"]', has_text="files.read").get_by_role("button", name="files.read").click()
    details = page.get_by_test_id("details")
    expect(details).to_contain_text("no such file")
    expect(details).to_contain_text("500 ms")
    expect(details).to_contain_text('"path": "/tmp/a"')
    expect(page.get_by_test_id("unchecked")).to_contain_text("Nobody checked")
    page.keyboard.press("Escape")
    expect(details).to_have_count(0)


def test_what_is_judged_meanwhile_shows_at_once(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="coder")
    chat = agent.chat(0, 2000, "fix it", "done")
    agent.send(chat, agent.end())
    agent.summarised()
    page = visit(system).go(f"/threads/{agent.thread}", project)
    page.locator('[data-testid="step"][data-type="llm_call"]').get_by_role("button").first.click()
    scores = page.locator('[data-testid="scores"]')
    expect(page.get_by_test_id("details")).to_be_visible()
    expect(scores).to_have_count(0)
    judgement = {
        "name": "helpful",
        "value": 0.75,
        "comment": "it was",
        "trace_id": chat["traceId"],
        "step_id": chat["spanId"],
        "source": "ada",
    }
    system.call("POST", f"{system.console}/api/scores?project={project}", judgement, authorization=f"Bearer {system.token}")
    expect(scores).to_have_count(2)
    for place in (scores.first, page.get_by_test_id("details").get_by_test_id("scores")):
        expect(place).to_contain_text("helpful0.75 by ada it was")


def test_who_allowed_a_call_stands_beside_it(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="coder")
    call = agent.tool("deploy.start", 0, 500)
    agent.send(call, agent.tool("metrics.range", 600, 700), agent.end())
    agent.log(
        "not on a Friday",
        span=call["spanId"],
        **{
            "event.name": "permission.check",
            "permission.check.id": "check-1",
            "permission.resource.type": "tool",
            "permission.resource.id": "deploy.start",
            "permission.action": "execute",
            "permission.result": "deny",
            "permission.reason": "not on a Friday",
            "permission.policy.id": "release-policy",
        },
    )
    agent.summarised()
    page = visit(system).go(f"/threads/{agent.thread}", project)
    page.locator('[data-testid="step"][data-type="tool_call"]').get_by_role("button", name="deploy.start").click()
    decision = page.get_by_test_id("details").get_by_test_id("permission")
    expect(decision).to_contain_text("Denied")
    expect(decision).to_contain_text("not on a Friday")
    expect(page.locator('[data-testid="step"][data-type="check_permission"]')).to_contain_text("denied")
    unasked = page.locator('[data-testid="step"][data-type="tool_call"]').filter(has_text="unchecked")
    expect(unasked).to_have_count(1)
    expect(unasked).to_contain_text("metrics.range")
    page.get_by_role("tab", name="Permissions").click()
    expect(page.get_by_role("tabpanel").get_by_test_id("permission")).to_contain_text("release-policy")
    expect(page.get_by_role("tabpanel")).to_contain_text("1 tool call that nobody allowed or denied")
    page.get_by_test_id("unchecked-calls").get_by_role("button", name="show step").click()
    expect(page.get_by_test_id("unchecked")).to_contain_text("Nobody checked")


def test_escalations_say_why_and_scores_stand_with_the_thread_and_its_step(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="coder")
    call = agent.tool("deploy.start", 0, 500)
    agent.send(call, agent.tool("metrics.range", 600, 700), agent.end())
    said = {"event.name": "permission.check", "permission.resource.type": "tool", "permission.resource.id": "deploy.start"}
    agent.log("", span=call["spanId"], **said, **{"permission.result": "allow", "permission.mode": "bypassPermissions"})
    scores = f"{system.console}/api/scores?project={project}"
    for given in (
        {"thread_id": agent.thread, "name": "helpful", "value": 0.75},
        {"trace_id": agent.trace, "span_id": call["spanId"], "name": "safe", "label": "no"},
    ):
        system.call("POST", scores, given, authorization=f"Bearer {system.token}")
    agent.summarised()
    url = f"{system.console}/api/threads/{agent.thread}?project={project}"
    until = time.monotonic() + 120
    while time.monotonic() < until and len(system.call("GET", url, authorization=f"Bearer {system.token}")["scores"]) < 2:
        time.sleep(0.1)
    page = visit(system).go(f"/threads/{agent.thread}", project)
    expect(page.locator(".thread-head").get_by_test_id("scores")).to_contain_text("helpful")
    expect(page.locator(".thread-head").get_by_test_id("scores")).to_contain_text("0.75")
    page.locator('[data-testid="step"][data-type="tool_call"]').get_by_role("button", name="deploy.start").click()
    expect(page.get_by_test_id("details").get_by_test_id("scores")).to_contain_text("no")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Permissions").click()
    decision = page.get_by_role("tabpanel").get_by_test_id("permission")
    expect(decision).to_contain_text("accepted without asking")
    expect(decision.get_by_test_id("escalation-reason")).to_have_text("allowed without asking, in the mode bypassPermissions")


def test_the_transcript_keeps_whitespace_and_shows_html_as_text(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project)
    agent.send(agent.chat(0, 900, "<img src=x onerror=alert(1)> hello", "Look:\n```python\nif x:\n    run()\n```\nDone."))
    agent.summarised("running")
    page = visit(system).go(f"/threads/{agent.thread}?tab=transcript", project)
    messages = page.get_by_test_id("message")
    expect(messages).to_have_count(2)
    expect(messages.first).to_contain_text("<img src=x onerror=alert(1)> hello")
    expect(messages.last.locator("pre")).to_have_text("if x:\n    run()\n", use_inner_text=False)
    agent.send(agent.chat(1000, 1900, "and now?", "That is all."))
    expect(messages).to_have_count(4)
    expect(messages.last).to_contain_text("That is all.")


def test_ten_thousand_steps_are_only_drawn_where_one_looks(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="long")
    steps = [agent.tool(f"tool-{number}", number, number + 1) for number in range(10_000)]
    for start in range(0, len(steps), 2500):
        agent.send(*steps[start : start + 2500])
    agent.send(agent.end())
    agent.summarised()
    page = visit(system).go(f"/threads/{agent.thread}", project)
    waterfall = page.get_by_test_id("waterfall")
    expect(waterfall).to_have_attribute("data-count", "10001", timeout=60_000)
    assert page.get_by_test_id("step").count() < 100
    waterfall.evaluate("element => { element.scrollTop = element.scrollHeight; }")
    expect(page.get_by_test_id("step").last).to_contain_text("tool-9999")
    assert page.get_by_test_id("step").count() < 100


def test_hostile_names_neither_run_nor_break_the_layout(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="\u202e<script>alert(1)</script>\u0007" + "x" * 2000)
    agent.send(agent.chat(0, 500, "A" * 1_000_000, "ok"), agent.tool("t" * 5000, 500, 900), agent.end())
    page = visit(system).go("/threads", project)
    shown = page.get_by_test_id("thread-card")
    expect(shown).to_contain_text("<script>alert(1)</script>")
    assert "\u202e" not in shown.inner_text()
    assert shown.evaluate("element => element.scrollWidth <= element.clientWidth")
    shown.get_by_role("link").click()
    expect(page.get_by_test_id("step").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_an_unknown_thread_says_so(system: Any, visit: Any, project: str) -> None:
    visitor = visit(system)
    page = visitor.go("/threads/nobody", project)
    expect(page.get_by_role("alert")).to_contain_text("cannot be shown")
    visitor.forgive("404")


def test_logs_of_a_thread_and_the_way_to_its_parent(system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project)
    agent.send(agent.chat(0, 500, "hello", "hi"))
    agent.log("the first word")
    agent.summarised("running")
    page = visit(system).go(f"/threads/{agent.thread}?tab=logs", project)
    expect(page.get_by_test_id("log")).to_contain_text("the first word")
    agent.log("the second word", severity=17)
    expect(page.get_by_test_id("log")).to_have_count(2)
    page.get_by_role("link", name="Back to threads").click()
    expect(page).to_have_url(re.compile(r"#/threads($|\?)"))
