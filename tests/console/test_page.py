"""What every screen shares: the way in, the connection, the theme, small screens, weight."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

pytestmark = pytest.mark.slow
CARD = '[data-testid="thread-card"]'
MOST_SCRIPT_BYTES = 500_000


def test_after_a_break_the_page_says_so_and_misses_nothing(system: Any, visit: Any, project: str) -> None:
    visitor = visit(system)
    page, open_sockets = visitor.page, []

    def through(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        open_sockets.append(socket)

    page.route_web_socket("**/ws*", through)
    agent = system.agent(project)
    agent.send(agent.chat(0, 500, "hello", "hi"))
    visitor.go("/threads", project)
    page.reload()
    expect(page.locator(CARD)).to_have_count(1)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.route("**/api/threads?limit=1", lambda route: route.abort())
    open_sockets[-1].close()
    expect(page.get_by_test_id("connection")).to_contain_text("Reconnecting")
    meanwhile = system.agent(project)
    meanwhile.send(meanwhile.chat(0, 500, "while you were away", "hi"))
    page.unroute("**/api/threads?limit=1")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    expect(page.locator(CARD)).to_have_count(2)


def test_without_a_session_the_page_asks_for_the_token(system: Any, visit: Any, project: str) -> None:
    visitor = visit(system)
    page = visitor.go("/threads", project)
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.context.clear_cookies()
    page.evaluate(f"location.hash = '#/logs?project={project}'")  # a link may be gone already: the page asks in the background too
    expect(page.get_by_role("heading", name="Log in to Mission Control")).to_be_visible()
    page.get_by_label("Or paste the token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.get_by_label("Or paste the token").fill(system.token)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Logs")).to_be_visible()
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.reload()
    expect(page.get_by_role("heading", name="Logs")).to_be_visible()
    visitor.forgive("401")


def test_dark_by_default_light_by_choice_that_stays(system: Any, visit: Any) -> None:
    page = visit(system).page
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Light theme").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize("path", ["/threads", "/threads/{thread}", "/threads/{thread}?tab=transcript", "/logs", "/connect"])
def test_every_screen_fits_a_phone(path: str, system: Any, visit: Any, project: str) -> None:
    agent = system.agent(project, name="a-rather-long-name-for-a-small-screen")
    agent.send(agent.chat(0, 500, "hello " * 50, "w" * 500), agent.tool("files.read", 500, 900), agent.end())
    agent.log("a line " * 60)
    agent.summarised()
    page = visit(system, width=390, height=844).go(path.format(thread=agent.thread), project)
    expect(page.locator("main h1")).to_be_visible()
    expect(
        page.locator('[data-testid="thread-card"], [data-testid="step"], [data-testid="message"], [data-testid="log"], figure').first
    ).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_the_page_is_light_and_keeps_to_its_policy(system: Any, visit: Any) -> None:
    visitor = visit(system)
    expect(visitor.page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    scripts = [answer for answer in visitor.answers if answer.url.endswith(".js")]
    assert 0 < sum(len(answer.body()) for answer in scripts) < MOST_SCRIPT_BYTES
    assert all(answer.headers["content-security-policy"].startswith("default-src 'self'") for answer in visitor.answers)


def test_pure_modules_say_what_people_read(system: Any, visit: Any) -> None:
    page = visit(system).page
    said = page.evaluate(
        """async () => {
          const { duration, count, money, clip, plain, instant } = await import('/format.js');
          const { barsOf, ticksOf } = await import('/steps.js');
          const { partsOf } = await import('/messages.js');
          const loop = new Map([['a', { step_id: 'a', parent_step_id: 'b' }], ['b', { step_id: 'b', parent_step_id: 'a' }]]);
          const tree = new Map([['1', { step_id: '1' }], ['2', { step_id: '2', parent_step_id: '1' }], ['3', { step_id: '3', parent_step_id: 'gone' }]]);
          return {
            durations: [null, 0.4, 12, 1234, 61000, 3600000, 90000000].map(duration),
            counts: [0, 999, 1000, 12345, 1200000].map(count),
            money: [null, 0, 0.0012, 12.5].map(money),
            clipped: [clip('a\\u202eb\\n c'), clip('x'.repeat(20), 10)],
            plain: plain({ a: 1 }),
            instants: [instant('1970-01-01T00:00:00Z'), instant('2026-01-01T00:00:00.123456789Z'), instant('nonsense')],
            ring: barsOf(loop, new Set()).length,
            tree: barsOf(tree, new Set()).map((bar) => [bar.step.step_id, bar.depth]),
            folded: barsOf(tree, new Set(['1'])).length,
            ticks: ticksOf(61000, 6),
            parts: partsOf({ role: 'assistant', content: '[{"type":"tool_call","name":"t","arguments":{"a":1}},{"type":"reasoning","content":"hm"}]' }).map((part) => part.kind),
            text: partsOf({ role: 'user', content: '[not json' }),
          };
        }"""
    )
    assert said["durations"] == ["\u2013", "0.40 ms", "12 ms", "1.2 s", "1m 01s", "1h 00m", "1d 1h"]
    assert said["counts"] == ["0", "999", "1.0k", "12k", "1.2M"]
    assert said["money"] == ["\u2013", "$0", "$0.0012", "$12.50"]
    assert said["clipped"] == ["ab c", "xxxxxxxxx…"]
    assert said["plain"] == '{\n  "a": 1\n}'
    assert said["instants"] == [None, 1767225600123, None]
    assert said["ring"] == 0
    assert sorted(said["tree"]) == [["1", 0], ["2", 1], ["3", 0]]
    assert said["folded"] == 2
    assert said["ticks"][:3] == [0, 15000, 30000]
    assert said["parts"] == ["call", "reasoning"]
    assert said["text"] == [{"kind": "text", "text": "[not json", "name": ""}]


def test_own_modules_stay_small() -> None:
    console = Path(__file__).parents[2] / "console"
    own = [path for folder in (console, console / "parts", console / "screens") for path in folder.glob("*.js")]
    assert len(own) > 10
    assert {path.name: len(path.read_text().splitlines()) for path in own if len(path.read_text().splitlines()) >= 400} == {}
