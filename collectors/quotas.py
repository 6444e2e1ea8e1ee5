"""How much each project and each key may send: buckets that fill at a steady rate, so that one noisy agent starves nobody.

A request is let in while its bucket is not empty, and may take it below: so large requests come through, and are paid for afterwards.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final, Literal

from collectors.errors import OverQuotaError
from schemas.settings import Settings

BURST_SECONDS: Final = 10.0
"""How long a sender that was quiet may send at any rate: a bucket holds what flows in during this time."""
_MOST_BUCKETS: Final = 10_000
"""Of projects; names are the senders' choice, so the fullest are forgotten beyond that."""
Who = tuple[Literal["project", "key"], str]


@dataclass(slots=True)
class Bucket:
    """`level` in records, at the time `at` (seconds); `rate` records per second flow in."""

    rate: float
    level: float
    at: float

    def filled(self, now: float) -> float:
        self.level = min(self.rate * BURST_SECONDS, self.level + self.rate * (now - self.at))
        self.at = now
        return self.level


class Quotas:
    """Used from the event loop only. A rate of 0 is no limit."""

    def __init__(self, rate: float, key_rate: float, exceptions: Mapping[str, float], clock: Callable[[], float] = monotonic) -> None:
        """`rate` for each project, `exceptions` by its name, `key_rate` for each key, in records per second."""
        self._rate, self._key_rate, self._exceptions, self._clock = rate, key_rate, exceptions, clock
        self._buckets: dict[Who, Bucket] = {}
        self._refused: Counter[tuple[str, str, str]] = Counter()

    @classmethod
    def of(cls, settings: Settings) -> "Quotas":
        return cls(settings.quota_records_per_second, settings.quota_key_records_per_second, settings.quota_projects)

    @property
    def active(self) -> bool:
        return bool(self._rate or self._key_rate or self._exceptions)

    def admit(self, signal: str, key: str, records: Mapping[str, int]) -> None:
        """Take `records` (by project) from their buckets. Raises OverQuotaError, and takes nothing, when one of them is empty."""
        wanted: dict[Who, int] = {("project", project): count for project, count in records.items()}
        if key:
            wanted["key", key] = sum(records.values())
        now = self._clock()
        taken = [(who, bucket, count) for who, count in wanted.items() if (bucket := self._bucket(who, now))]
        for (kind, name), bucket, _ in taken:
            if bucket.filled(now) <= 0:
                self._refuse(signal, kind, records)
                raise OverQuotaError(f"{kind} {name!r} sends more than {bucket.rate:g} records/s", 1 - bucket.level / bucket.rate, kind)
        for _, bucket, count in taken:
            bucket.level -= count

    def refused(self) -> dict[tuple[str, str, str], int]:
        """Records turned away since the last call, by signal, project and kind of quota."""
        counted, self._refused = dict(self._refused), Counter()
        return counted

    def _refuse(self, signal: str, kind: str, records: Mapping[str, int]) -> None:
        for project, count in records.items():
            self._refused[signal, project, kind] += count

    def _bucket(self, who: Who, now: float) -> Bucket | None:
        kind, name = who
        rate = self._key_rate if kind == "key" else self._exceptions.get(name, self._rate)
        if not rate:
            return None
        if who not in self._buckets:
            if len(self._buckets) >= _MOST_BUCKETS:
                del self._buckets[max(self._buckets, key=lambda one: self._buckets[one].filled(now))]
            self._buckets[who] = Bucket(rate, rate * BURST_SECONDS, now)
        return self._buckets[who]
