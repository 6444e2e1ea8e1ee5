"""The hub: hands committed events to whoever subscribed, without a query and without ever waiting for a client."""

import asyncio
import logging
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from control.channels import names_of
from control.figures import Figures
from control.interests import Interests, covers
from control.position import Position
from control.readings import Readings
from control.replay import Replay
from control.snapshots import Snapshots
from control.subscription import Happening, Subscription, Texts
from schemas.events import Commit, Event, Interest
from schemas.metrics import Metrics

KEPT_COMMITS: Final = 512
KEPT_EVENTS: Final = 20_000
"""Recent commits answer short interruptions without a query."""
PIECE: Final = 200
"""Events that are handed out before those who read get their turn; less than the smallest sensible queue."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A recent commit: the position before it, and its events as far as anybody was interested."""

    before: Position
    events: Sequence[Event]
    interest: Interest


class Hub:
    """A CommitListener. `publish` may come from any thread; everything else belongs to the event loop of `running`."""

    def __init__(self, metrics: Metrics, late_ns: int = 0) -> None:
        """`late_ns`: by how much summaries of one process may be told after later ones of another. Cursors stand that much earlier,
        so a resume may tell a thread's state again, and misses none."""
        self._metrics, self._late_ns = metrics, late_ns
        self._lock = threading.Lock()
        self._inbox: deque[tuple[Commit, int]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._waking = False
        self._position = Position(secrets.token_hex(4), 0, {}, time.time_ns())
        self._subscriptions: dict[tuple[str, str], set[Subscription]] = defaultdict(set)
        self._recent: deque[Kept] = deque()
        self._recent_events = 0
        self._interests = Interests()
        self.connections = 0
        self.snapshots: Snapshots
        self.replay: Replay
        self.figures: Figures

    @property
    def position(self) -> Position:
        """Before the next commit that will be handed out."""
        return self._position

    def start_at(self, topic: str, offsets: dict[int, int]) -> None:
        """Tell where the log's readers begin, before the first commit: a resume then never reads past it."""
        self._position = Position(self._position.hub, 0, {**self._position.offsets, topic: dict(offsets)}, self._position.time_ns)

    def publish(self, commit: Commit) -> None:
        """Called on pipeline threads. Never blocks, never raises."""
        with self._lock:
            self._inbox.append((commit, time.time_ns()))
            loop, first = self._loop, not self._waking
            self._waking = True
        if loop is not None and first:
            try:
                loop.call_soon_threadsafe(self._wake.set)
            except RuntimeError:  # the loop was closed: nobody is listening any more
                log.debug("a commit came after the event loop had ended")

    @asynccontextmanager
    async def running(self, readings: Readings, figures: Figures) -> AsyncIterator[None]:
        """Hand out commits until the end of the block."""
        self.snapshots, self.replay, self.figures = Snapshots(readings), Replay(readings.reader), figures
        with self._lock:
            self._loop = asyncio.get_running_loop()
        self._wake.set()
        task = asyncio.create_task(self._hand_out(), name="hub")
        try:
            yield
        finally:
            with self._lock:
                self._loop = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _hand_out(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            with self._lock:
                self._waking = False
                batch = list(self._inbox)
                self._inbox.clear()
            for commit, published_ns in batch:
                await self._hand_out_one(commit, published_ns)

    async def _hand_out_one(self, commit: Commit, published_ns: int) -> None:
        built = await self._build(commit)
        before, self._position = self._position, self._position.after(commit, published_ns - self._late_ns)
        if built is None:
            # Its subscribers find what they missed in the tables: the ring is broken here, so a resume asks those.
            self._recent.clear()
            self._recent_events = 0
        else:
            events, interest = built
            self._keep(Kept(before, events, interest))
            await self._dispatch(before, events)
        self._metrics.event_delay.observe(max(0.0, (time.time_ns() - published_ns) / 1e9))

    async def _build(self, commit: Commit) -> tuple[Sequence[Event], Interest] | None:
        """What anybody wants of it; again where somebody came meanwhile for something else. None when nobody listens, or it fails."""
        while (interest := self._interests.current()) is not None:
            try:
                events = await asyncio.to_thread(commit.events, interest)
            except Exception:
                log.exception("the events of a commit of %s could not be built", commit.topic or "summaries")
                return None
            if self._interests.current() is interest:
                return events, interest
        return None

    def _keep(self, kept: Kept) -> None:
        self._recent.append(kept)
        self._recent_events += len(kept.events)
        while len(self._recent) > KEPT_COMMITS or self._recent_events > KEPT_EVENTS:
            self._recent_events -= len(self._recent.popleft().events)

    async def _dispatch(self, before: Position, events: Sequence[Event]) -> None:
        """In pieces, because a commit may hold more events than a queue: who reads gets the time to."""
        if not self._subscriptions or not events:
            return
        found: dict[Subscription, list[Happening]] = defaultdict(list)
        cursor, after = before.encode(), cursor_of(self._position)
        for place, event in enumerate(events, 1):
            happening = Happening(event, f"{cursor}.{place}")
            for subscription in self._interested(event):
                found[subscription].append(happening)
        longest = max(map(len, found.values()), default=0)
        for start in range(0, longest, PIECE):
            texts: Texts = {}
            for subscription, happenings in found.items():
                piece = happenings[start : start + PIECE]
                if piece and self._is_here(subscription):
                    lost = subscription.take(piece, after if start + PIECE >= len(happenings) else piece[-1].seen, texts)
                    self._metrics.websocket_dropped.inc(lost)
            if start + PIECE < longest:
                await asyncio.sleep(0)

    def _is_here(self, subscription: Subscription) -> bool:
        return subscription in self._subscriptions.get((subscription.channel.project, subscription.channel.name), ())

    def _interested(self, event: Event) -> set[Subscription]:
        """One event may come by two names of one subscription only once."""
        interested: set[Subscription] = set()
        for name in names_of(event):
            for project in (event.project, "*"):
                interested.update(found for found in self._subscriptions.get((project, name), ()) if found.wants(event))
        return interested

    def add(self, subscription: Subscription) -> None:
        key = (subscription.channel.project, subscription.channel.name)
        self._subscriptions[key].add(subscription)
        self._interests.listen(key)

    def remove(self, subscription: Subscription) -> None:
        key = (subscription.channel.project, subscription.channel.name)
        self._subscriptions[key].discard(subscription)
        if not self._subscriptions[key]:
            del self._subscriptions[key]
            self._interests.leave(key)

    def recall(self, subscription: Subscription, since: Position, seen: int) -> list[tuple[Event, str]] | None:
        """What a subscription missed after `since`, with cursors, from recent commits; None when they do not reach back."""
        if since.hub != self._position.hub or not 0 <= since.commit <= self._position.commit:
            return None
        kept = [one for one in self._recent if one.before.commit >= since.commit]
        channel = (subscription.channel.project, subscription.channel.name)
        if len(kept) != self._position.commit - since.commit or not all(covers(one.interest, channel) for one in kept):
            return None
        missed: list[tuple[Event, str]] = []
        ends = [*(one.before for one in kept), self._position][1:]
        for one, end in zip(kept, ends, strict=True):
            start = seen if one.before.commit == since.commit else 0
            cursor = one.before.encode()
            matches = [
                (event, f"{cursor}.{place}")
                for place, event in enumerate(one.events, 1)
                if place > start and self._concerns(subscription, event)
            ]
            if matches:
                matches[-1] = (matches[-1][0], cursor_of(end))
            missed += matches
        return missed

    def _concerns(self, subscription: Subscription, event: Event) -> bool:
        channel = subscription.channel
        return channel.project in (event.project, "*") and channel.name in names_of(event) and subscription.wants(event)


def cursor_of(position: Position) -> str:
    return f"{position.encode()}.0"
