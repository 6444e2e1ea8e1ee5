"""What every transport does with a request: check it, append it to the log, say what became of it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter, time_ns
from typing import Final, Literal, TypeVar

from collectors.admission import Admission
from collectors.errors import OverQuotaError
from collectors.keys import Keys, KnownKeys, Sender, is_project_name
from collectors.quotas import Quotas
from schemas import otlp
from schemas.errors import LogUnavailableError
from schemas.metrics import Metrics
from schemas.otlp import Encoding, ExportRequest, ResourceBlock
from schemas.ports import LogWriter
from schemas.settings import MEBIBYTE, Settings
from schemas.topics import DEFAULT_PROJECT, PROJECT_HEADER, RECEIVED_HEADER, REFUSED_HEADER, SENDER_KEY_HEADER, SOURCE_HEADER

Transport = Literal["http", "grpc"]
Result = TypeVar("Result")

INLINE_BYTES: Final = 256 * 1024
"""Larger requests are worked on in a thread, so that the event loop stays responsive."""
_TRANSLATION_COST: Final = 32
"""How much more a byte costs that is read by Python, JSON or a repair, than one that protobuf's own parser reads."""
_THREADS: Final = 2
BOOK_SECONDS: Final = 1.0
"""How long refusals by quota are gathered before they are booked."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as a transport took it, `body` decompressed."""

    topic: str
    body: bytes
    encoding: Encoding
    sender: Sender
    transport: Transport


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an accepted request; `rejected` records were left out because of `reason`."""

    rejected: int = 0
    reason: str = ""

    def __str__(self) -> str:
        return "partial" if self.rejected else "accepted"


ACCEPTED: Final = Outcome()


@dataclass(frozen=True, slots=True)
class Checked:
    """What goes to the log: the sender's own bytes wherever possible."""

    value: bytes
    records: int
    outcome: Outcome = ACCEPTED
    repaired: bool = False
    projects: Mapping[str, int] = field(default_factory=dict)
    """Records by project, where quotas want to know."""


class Receiver:
    """Shared by all transports of one process; used from its event loop."""

    def __init__(
        self,
        log: LogWriter,
        settings: Settings,
        metrics: Metrics,
        clock: Callable[[], int] = time_ns,
        keys: Keys | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        """`clock` gives nanoseconds since 1970."""
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(_THREADS, "otlp")
        self.keys = keys or KnownKeys.of(settings)
        self._quotas = quotas or Quotas.of(settings)
        self._booking: asyncio.Task[None] | None = None
        memory = max(4 * settings.otlp_max_bytes, 64 * MEBIBYTE)
        self.admission = Admission(settings.otlp_max_concurrent, memory, metrics.otlp_in_work)

    async def receive(self, incoming: Incoming) -> Outcome:
        """Returns once the records are durable.

        Raises MalformedRequestError, OverQuotaError and LogUnavailableError; then nothing of the request was kept.
        """
        checked = await self._check(incoming)
        if checked.projects:
            self._admit(incoming, checked)
        if checked.records:
            await self._log.append(incoming.topic, checked.value, self._headers(incoming))
        self._count(incoming, checked)
        return checked.outcome

    def _admit(self, incoming: Incoming, checked: Checked) -> None:
        try:
            self._quotas.admit(incoming.topic, incoming.sender.key, checked.projects)
        except OverQuotaError as error:
            labels = otlp.SIGNAL_NAMES[incoming.topic], incoming.transport
            self._metrics.otlp_records_rejected.labels(*labels, f"{error.kind}_quota").inc(checked.records)
            if self._booking is None or self._booking.done():
                self._booking = asyncio.create_task(self._book_refused())
            raise

    async def _book_refused(self) -> None:
        """What was turned away goes to the ledger by way of the log, like everything that came in."""
        await asyncio.sleep(BOOK_SECONDS)
        for (topic, project, kind), records in self._quotas.refused().items():
            headers = {RECEIVED_HEADER: str(self._clock()), SOURCE_HEADER: f"refused: {kind} quota", REFUSED_HEADER: str(records)}
            try:
                await self._log.append(topic, b"", headers | {PROJECT_HEADER: project})
            except LogUnavailableError as error:
                logger.warning("refused records are not in the ledger", extra={"project": project, "records": records, "error": str(error)})

    async def _check(self, incoming: Incoming) -> Checked:
        counted = self._quotas.active
        size = len(incoming.body)
        if incoming.encoding == "protobuf":
            checked = await self.work(size, lambda: check_as_sent(incoming, counted))
            if checked is not None:
                return checked
        return await self.work(_TRANSLATION_COST * size, lambda: check_translated(incoming, counted))

    async def work(self, size: int, job: Callable[[], Result]) -> Result:
        """`job` here when it is about few bytes, else in a thread."""
        if size <= INLINE_BYTES:
            return job()
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def record(self, topic: str, transport: Transport, outcome: str, started: float) -> None:
        """Every request once; `started` is of time.perf_counter."""
        signal = otlp.SIGNAL_NAMES[topic]
        self._metrics.otlp_requests.labels(signal, transport, outcome).inc()
        self._metrics.otlp_seconds.labels(signal, transport).observe(perf_counter() - started)

    def close(self) -> None:
        """After the last request. What was refused during its last second is not booked."""
        if self._booking is not None:
            self._booking.cancel()
        self._threads.shutdown()

    def _headers(self, incoming: Incoming) -> dict[str, str]:
        headers = {RECEIVED_HEADER: str(self._clock()), SOURCE_HEADER: f"otlp_{incoming.transport}"}
        if incoming.sender.project:
            headers[PROJECT_HEADER] = incoming.sender.project
        if incoming.sender.key:
            headers[SENDER_KEY_HEADER] = incoming.sender.key
        return headers

    def _count(self, incoming: Incoming, checked: Checked) -> None:
        labels = otlp.SIGNAL_NAMES[incoming.topic], incoming.transport
        self._metrics.otlp_bytes.labels(*labels).inc(len(incoming.body))
        self._metrics.otlp_records_accepted.labels(*labels).inc(checked.records)
        if checked.repaired:
            self._metrics.otlp_repaired.labels(*labels).inc()
        if checked.outcome.rejected:
            self._metrics.otlp_records_rejected.labels(*labels, "project").inc(checked.outcome.rejected)


def check_as_sent(incoming: Incoming, counted: bool = False) -> Checked | None:
    """`counted`: by project too. None when the sender's own bytes cannot be forwarded; raises MalformedRequestError."""
    message = otlp.parse_strict(incoming.topic, incoming.body)
    if message is None:
        return None
    otlp.refuse_foreign(incoming.topic, incoming.body, message)
    return _checked(incoming, message, incoming.body, counted)


def check_translated(incoming: Incoming, counted: bool = False) -> Checked:
    """For JSON, and for protobuf that only an indulgent reader takes; raises MalformedRequestError."""
    if incoming.encoding == "json":
        return _checked(incoming, otlp.parse_json(incoming.topic, incoming.body), None, counted)
    message = otlp.parse_lenient(incoming.topic, incoming.body)
    return replace(_checked(incoming, message, None, counted), repaired=True)


def _checked(incoming: Incoming, message: ExportRequest, as_sent: bytes | None, counted: bool) -> Checked:
    blocks = otlp.blocks(message)
    refused = [block for block in blocks if not _belongs(block, incoming.sender)]
    records = sum(otlp.count(block) for block in blocks)
    projects = _by_project(blocks, incoming.sender) if counted else {}
    if not refused:
        return Checked(message.SerializeToString() if as_sent is None else as_sent, records, projects=projects)
    rejected = sum(otlp.count(block) for block in refused)
    outcome = Outcome(rejected, _reason(refused, incoming.sender))
    kept = [block for block in blocks if _belongs(block, incoming.sender)]
    del blocks[:]
    blocks.extend(kept)
    return Checked(message.SerializeToString(), records - rejected, outcome, projects=_by_project(kept, incoming.sender) if counted else {})


def _by_project(blocks: Iterable[ResourceBlock], sender: Sender) -> dict[str, int]:
    """Records that these blocks put into each project."""
    counts: Counter[str] = Counter()
    for block in blocks:
        counts[sender.project or otlp.resource_project(block.resource) or DEFAULT_PROJECT] += otlp.count(block)
    return counts


def _belongs(block: ResourceBlock, sender: Sender) -> bool:
    """Whether the sender may put this block where it says it belongs."""
    if sender.project and not sender.bound:
        return True
    named = otlp.resource_project(block.resource)
    if not named:
        return True
    return named == sender.project if sender.project else is_project_name(named)


def _reason(refused: list[ResourceBlock], sender: Sender) -> str:
    names = sorted({otlp.resource_project(block.resource)[:64] for block in refused})
    if sender.project:
        return f"resources name {PROJECT_HEADER} {', '.join(map(repr, names))}, this request is for {sender.project!r}"
    return f"resources name {PROJECT_HEADER} {', '.join(map(repr, names))}, which cannot be a project's name"
