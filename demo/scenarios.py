"""A working day: what the agents of the fleet do. Each scenario is one thread, or a tree of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from demo.agents import Approval, LoopDetectedError, Run
from mission_control import emit

SERVICES = ("api", "checkout", "billing", "search-index", "notifications")
CUSTOMERS = ("Haldane Ltd", "Orbis", "Nordlicht", "Kestrel Foods", "Meridian Rail")
Script = Callable[[Run], Awaitable[str]]
_PATIENCE = 6
_GLANCES = (
    "The next reading.",
    "Quiet so far; again.",
    "Still within the error budget.",
    "Latency moved a little, I look again.",
    "Nothing new.",
)


@dataclass(frozen=True)
class Scenario:
    """`share`: how many cards of the deck it has. `tasks`: what the person says, one is drawn. `long`: never twice at a time."""

    name: str
    agent: str
    share: int
    tasks: tuple[str, ...]
    script: Script
    long: bool = False


async def question(run: Run) -> str:
    """2 to 10 seconds: an answer from the head, or after one look."""
    if run.chance.random() < 0.6:
        await run.act("One query will tell.", "database", "query", sql="select count(*) from orders where day = today()")
    await run.think("48,211 orders so far today, 6 % more than last Monday at this hour. Nothing unusual by region.")
    return "answered"


async def ticket(run: Run) -> str:
    """Half a minute to two: read, look up, answer; the mail server fails now and then."""
    number = f"SUP-{run.chance.randint(2000, 9999)}"
    await run.act(f"I read {number} first.", "tickets", "get", ticket=number)
    await run.act("This looks like the pagination change of last week; the runbook should say.", "search", "docs", query="export empty")
    await run.world.sleep(run.chance.uniform(2, 12))
    fault = "error" if run.chance.random() < 0.3 else None
    sent = await run.act("I tell the customer what happened.", "mail", "send", fault=fault, to=run.chance.choice(CUSTOMERS), subject=number)
    if sent.failed:
        await run.act("The mail server refused; once more.", "mail", "send", to="customer", subject=number)
    await run.act(
        "Noted in the ticket.", "tickets", "comment", ticket=number, text="Cause found: cursor was dropped after page 1; fixed in 2026.11.3"
    )
    await run.act("And closed.", "tickets", "close", ticket=number)
    await run.think(f"{number} is answered: exports were cut after the first page, the fix is out since this morning.")
    return f"{number} closed"


async def research(run: Run) -> str:
    """One to three minutes: search, read several pages, one fails."""
    topic = run.chance.choice(("queues with exactly-once delivery", "retry budgets", "HTTP/3 in front of gRPC", "partial indexes"))
    await run.act(f"I start wide: {topic}.", "search", "web", query=topic)
    for page in range(run.chance.randint(3, 6)):
        fault = "error" if run.chance.random() < 0.15 else None
        await run.act(
            f"Source {page + 1} looks primary.", "browser", "open", fault=fault, url=f"https://example.org/{topic.split()[0]}/{page}"
        )
        await run.world.sleep(run.chance.uniform(3, 14))
    await run.act("What do we have on this ourselves?", "search", "docs", query=topic)
    await run.think(
        f"On {topic}: two of four sources measured it. Both agree on the order of magnitude, neither tested failover. I would trial it."
    )
    return f"{topic}: trial recommended, 4 sources"


async def code_change(run: Run) -> str:
    """Three to eight minutes: planner, below it coder and reviewer, each a thread of its own."""
    branch = f"fix/retry-{run.chance.randint(100, 999)}"
    await run.act("Is there a directive for this?", "registry", "search", query="code change")

    async def write(coder: Run) -> str:
        await coder.act("First what is there.", "filesystem", "search", pattern="def next_delay")
        for path in ("src/api/retry.py", "src/api/client.py", "tests/test_retry.py"):
            await coder.act(f"I need all of {path}.", "filesystem", "read", path=path)
            await coder.world.sleep(coder.chance.uniform(4, 20))
            fault = "error" if coder.chance.random() < 0.12 else None
            await coder.act(
                "The delay must double and be capped.", "filesystem", "write", fault=fault, path=path, content="class RetryPolicy: …"
            )
        await coder.act("Last look at the whole change.", "git", "diff", branch=branch)
        await coder.think("Retries now back off exponentially, capped at 30 s, and only idempotent calls are retried. 14 tests pass.")
        return f"{branch}: 4 files changed, tests pass"

    async def review(reviewer: Run) -> str:
        await reviewer.act("The diff first.", "git", "diff", branch=branch)
        await reviewer.world.sleep(reviewer.chance.uniform(5, 25))
        await reviewer.act("How does the caller use it?", "filesystem", "read", path="src/api/client.py")
        await reviewer.think("Correct. One remark: the jitter is drawn per attempt; say so in the docstring. Approved.")
        return "approved with one remark"

    await run.delegate("coder", f"retries on {branch}: exponential, capped, idempotent calls only", write)
    await run.delegate("reviewer", f"review {branch}", review)
    await run.think(f"{branch} is written, tested and reviewed; one remark about a docstring is left.")
    return f"{branch} ready"


def _deploy(verdict: emit.Result, because: str) -> Script:
    async def deploy(run: Run) -> str:
        """One to five minutes: a plan, a person decides, then the rollout is watched."""
        service, version = run.chance.choice(SERVICES), f"2026.11.{run.chance.randint(3, 19)}"
        with emit.step(
            "deploy_staging",
            "directive",
            {"mission_control.entity.id": "directive/deploy_staging", "mission_control.entity.version": "1.4.2"},
        ):
            await run.act("The plan first.", "deploy", "plan", service=service, version=version)
            wait = run.chance.uniform(15, 150)
            approval = Approval(f"{service} {version} goes to production", wait, verdict, because, "high")
            started = await run.ask("This changes production, so I ask.", "deploy", "start", approval, service=service, version=version)
            if started.failed:
                await run.think(f"Not deployed: {because}. {service} stays on the version before; I noted it for tomorrow.")
                return "not deployed"
            for replica in range(1, 5):
                await run.world.sleep(run.chance.uniform(5, 20))
                await run.act(f"Replica {replica}: is it ready, does it answer?", "deploy", "status", service=service, replica=str(replica))
        await run.think(f"{service} {version} runs on all replicas; error rate and latency are as before.")
        return f"{service} {version} deployed"

    return deploy


async def denied(run: Run) -> str:
    """Half a minute: the agent asks for what it does not hold, is refused at once, and finds another way."""
    await run.act("Perhaps the key was rotated; I look at the names of the secrets.", "secrets", "list", scope="billing")
    await run.act("Not for me. The metrics may tell as much.", "metrics", "range", query="rate(auth_failures[5m])")
    await run.think(
        "I may not see secrets. The failures began at 09:42, with the rotation: someone with access should check the new key's scope."
    )
    return "handed over"


async def escalation(run: Run) -> str:
    """One to three minutes: the child asks for more than its parent holds; a lead grants it once."""

    async def hotfix(coder: Run) -> str:
        await coder.act("The failing line.", "filesystem", "read", path="src/checkout/tax.py")
        await coder.act(
            "Fixed: the canton was missing from the table.", "filesystem", "write", path="src/checkout/tax.py", content="CH = …"
        )
        why = "coder asks for git.commit, which neither it nor planner holds"
        approval = Approval(
            why, coder.chance.uniform(30, 110), "allow", "granted once for the hotfix by the team lead", "high", escalates=True
        )
        await coder.ask(
            "This must go out, and I may not commit. I ask for it.", "git", "commit", approval, message="Tax table: add cantons"
        )
        await coder.think("Committed. The permission was for this one commit.")
        return "hotfix committed as 4be71aa"

    await run.act("Which ticket is it?", "tickets", "get", ticket="SUP-7741")
    await run.delegate("coder", "checkout answers 500 for cards from CH: fix it now", hotfix)
    await run.think("The hotfix is committed with a permission granted once; operator can deploy it.")
    return "hotfix ready"


async def stall(run: Run) -> str:
    """Goes silent in the middle of a step, is given up after a quarter of an hour."""
    await run.act("I collect the sources.", "search", "web", query="licence terms of embedded databases")
    with emit.step("summarise_sources"):
        await run.world.sleep(900)
    raise emit.CancelRequested("silent for 15 minutes: given up")


async def crash(run: Run) -> str:
    """The MCP server dies during a call; nobody handles it, the thread fails."""
    await run.act("The page is large, I open it anyway.", "browser", "open", url="https://example.org/archive/all")
    await run.world.sleep(run.chance.uniform(2, 8))
    await run.act("I take all of its tables.", "browser", "extract", fault="crash", url="https://example.org/archive/all", selector="table")
    return "never reached"


async def loop(run: Run) -> str:
    """The same call again and again; stopped at the sixth."""
    for _ in range(_PATIENCE):
        await run.act("Still not ready. I look again.", "deploy", "status", service="search-index", replica="1")
        await run.world.sleep(run.chance.uniform(0.5, 3))
    raise LoopDetectedError("deploy.status", _PATIENCE)


async def watch(run: Run) -> str:
    """Twelve to twenty minutes: a rollout is watched over lunch."""
    service = run.chance.choice(SERVICES)
    await run.act("What is normal here?", "metrics", "range", query=f"p99({service})")
    for reading in range(run.chance.randint(24, 30)):
        await run.world.sleep(run.chance.uniform(18, 32))
        await run.act(run.chance.choice(_GLANCES), "metrics", "alerts", service=service, since=f"{reading * 25} s after the start")
        if reading % 7 == 3:
            await run.act("And the rollout itself?", "deploy", "status", service=service, replica=str(1 + reading // 7))
    await run.think(f"{service} was quiet all the time: no alert that stayed, p99 as before. I end the watch.")
    return "quiet"


async def incident(run: Run) -> str:
    """Three to six minutes: alerts, a failing dashboard, a researcher below, a rollback that is approved."""
    service = run.chance.choice(SERVICES)

    async def look(researcher: Run) -> str:
        await researcher.act("Has the vendor said anything?", "search", "web", query=f"{service} upstream outage")
        await researcher.world.sleep(researcher.chance.uniform(6, 25))
        await researcher.act("The status page.", "browser", "open", url="https://status.example.net")
        await researcher.think("No outage at the vendor. The error began with our release.")
        return "the vendor is fine; it is our release"

    await run.act("What fires?", "metrics", "alerts", service=service, since="15 min ago")
    await run.act("Since when?", "metrics", "range", fault="error", query=f"error_rate({service})")
    await run.act("The dashboard timed out; a smaller range.", "metrics", "range", query=f"error_rate({service})[10m]")
    await run.delegate("researcher", f"is {service}'s error rate ours or the vendor's?", look)
    approval = Approval(f"rolling {service} back", run.chance.uniform(10, 60), "allow", "approved by the engineer on call", "critical")
    await run.ask("It is ours. I want to roll back.", "deploy", "rollback", approval, service=service)
    for minutes in (1, 2, 4):
        await run.world.sleep(run.chance.uniform(10, 30))
        await run.act("Is it going down?", "metrics", "range", query=f"error_rate({service})[{minutes}m]")
    await run.think(f"{service} is back on the version before; the error rate fell from 3.4 % to 0.3 % within four minutes.")
    return "rolled back"


async def meeting(run: Run) -> str:
    """One to three minutes, most of it waiting for a person's answer."""
    who = run.chance.choice(CUSTOMERS)
    await run.act("When are they free?", "calendar", "free", who=who)
    await run.think("Tuesday 10:00 or 14:00, which do you prefer?")
    with emit.waiting_for("user", "which slot?"):
        await run.world.sleep(run.chance.uniform(20, 110))
    run.hear("14:00 please")
    await run.act("Tuesday 14:00 it is.", "calendar", "invite", who=who, title="Renewal")
    await run.think(f"{who} is invited for Tuesday 14:00.")
    return "invited"


async def inventory(run: Run) -> str:
    """Half a minute to one: items of the registry are loaded, checked and signed, step by step."""
    await run.act("What changed?", "registry", "search", query="modified since yesterday")
    for item in ("deploy_staging", "triage_incident", "health_probe"):
        with emit.step(f"check {item}", "directive", {"mission_control.entity.id": f"directive/{item}"}):
            await run.act(f"I compare {item} with its lockfile.", "registry", "load", item_id=item)
            await run.world.sleep(run.chance.uniform(1, 6))
    await run.act("All in order: signed.", "registry", "sign", item_id="deploy_staging")
    await run.think("Three items checked, one signed; no capability was widened.")
    return "3 checked, 1 signed"


async def rotation(run: Run) -> str:
    """One to two minutes: a secret is rotated after a person agreed, then checked."""
    approval = Approval("rotating api-signing-key, 40 days old", run.chance.uniform(8, 60), "allow", "approved by security", "critical")
    await run.ask("It is due; I ask for it.", "secrets", "rotate", approval, name="api-signing-key")
    await run.world.sleep(run.chance.uniform(3, 12))
    await run.act("Do all consumers use the new key?", "metrics", "range", query="rate(auth_failures[5m])")
    await run.think("Rotated; no authentication failed since.")
    return "rotated"


async def report(run: Run) -> str:
    """Four to eight minutes: a long report, one slow query after the other."""
    for region in ("eu-west", "eu-north", "us-east", "us-west", "ap-south", "sa-east"):
        fault = "error" if run.chance.random() < 0.12 else None
        sql = f"select day, orders, failed from daily where region = '{region}' order by day desc limit 28"
        await run.act(f"Next region: {region}.", "database", "query", fault=fault, sql=sql)
        await run.world.sleep(run.chance.uniform(25, 60))
        await run.think(f"{region}: 1,377 orders yesterday, 2.9 % failed. That is twice the usual share; it began on Friday evening.")
    await run.think(
        "The week in one line: orders +6 %, failures doubled in eu-west since Friday's release, flat elsewhere. Table attached."
    )
    return "report written"


SCENARIOS: dict[str, Scenario] = {
    s.name: s
    for s in (
        Scenario(
            "watch",
            "operator",
            1,
            ("Keep an eye on the rollout until one o'clock", "Watch this release for twenty minutes"),
            watch,
            long=True,
        ),
        Scenario("escalation", "planner", 1, ("Checkout fails for Swiss cards, get it fixed today",), escalation),
        Scenario(
            "code-change",
            "planner",
            3,
            ("Make our retries back off exponentially", "Stop retrying calls that are not idempotent"),
            code_change,
        ),
        Scenario(
            "approval",
            "operator",
            2,
            ("Deploy today's build", "Ship the release that passed staging"),
            _deploy("allow", "approved, quiet hour"),
        ),
        Scenario("report", "analyst", 2, ("Weekly report by region, please", "Why did failures rise last week?"), report),
        Scenario("ticket", "support", 5, ("A customer's export is empty, please answer", "Answer the oldest open ticket"), ticket),
        Scenario("research", "researcher", 4, ("What do others use for this? Primary sources only", "Is it worth a trial?"), research),
        Scenario("stall", "researcher", 1, ("Compare the licences of embedded databases",), stall, long=True),
        Scenario("incident", "operator", 2, ("The error rate is up, find out why", "Pager: HighErrorRate"), incident),
        Scenario("question", "analyst", 6, ("How many orders today?", "Anything unusual this morning?"), question),
        Scenario("denial", "analyst", 2, ("Why do logins to billing fail since 09:42?",), denied),
        Scenario("loop", "operator", 1, ("Tell me when the search index is ready",), loop),
        Scenario("refusal", "operator", 1, ("Deploy on Friday afternoon",), _deploy("deny", "not on a Friday afternoon")),
        Scenario("crash", "researcher", 1, ("Collect all tables of the archive page",), crash),
        Scenario("meeting", "support", 2, ("Find a slot with the customer for the renewal",), meeting),
        Scenario("rotation", "operator", 1, ("Rotate what is older than 30 days",), rotation),
        Scenario("inventory", "planner", 2, ("Check what changed in the registry since yesterday",), inventory),
    )
}
