"""How what processors commit comes to the clients of a server: directly inside one process, by the commits topic between several."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from control.hub import Hub
from mission_control.opening import Log
from mission_control.roles import Role
from pipeline.log import LocalLog
from schemas.ports import CommitListener

JOIN_SECONDS = 2.0
Check = Callable[[], str]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """`listener` is told by this process's processors; `check` is for /ready."""

    listener: CommitListener
    check: Check


@contextlib.contextmanager
def live_updates(log: Log, hub: Hub, role: Role) -> Iterator[Live]:
    """While the block runs, `hub` hears of every commit, if this role serves, and the others of ours."""
    if isinstance(log, LocalLog):
        yield Live(hub, lambda: "")
        return
    from pipeline.log.kafka_commits import CommitFeed, CommitPublisher

    publisher, feed, stop = CommitPublisher(log), CommitFeed(log, hub), threading.Event()
    threads = [threading.Thread(target=publisher.run, name="commits-out", daemon=True)] if role.processes else []
    if role.serves:
        threads.append(threading.Thread(target=feed.run, args=(stop,), name="commits-in", daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield Live(publisher, feed.check if role.serves else lambda: "")
    finally:
        publisher.close()
        stop.set()
        for thread in threads:
            thread.join(JOIN_SECONDS)
