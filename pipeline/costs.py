"""What calls cost whose cost nobody states, as the views `threads` and `execution_steps` compute it, from prices that are kept in memory."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.summaries.segment import price_key
from schemas.store import Store

OLDEST: Final = 10.0
"""Seconds after which prices that are asked for are read again: an operator may have set one."""
_PRICES: Final = "SELECT toString(provider) AS provider, toString(model) AS model, input_usd, output_usd, cache_read_usd, cache_write_usd FROM model_prices FINAL"


class Cost(NamedTuple):
    """`estimated`: a price list was used for a part of it. `usd` is None when nothing is known."""

    usd: float | None
    estimated: bool


class Costs:
    """Asked from any thread; read again by whoever looks prices up."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._prices: Mapping[str, Sequence[float]] = {}
        self._without: set[str] = set()
        self._read_at, self._is_asked = float("-inf"), False

    def of_thread(self, row: Mapping[str, Any]) -> Cost | None:
        """Of a row of `thread_summaries`. None while it is not known whether a model of it has a price."""
        return self._of(row["cost_usd"], row["unpriced"])

    def of_step(self, row: Mapping[str, Any]) -> Cost | None:
        """Of a row of `steps`, in the same way."""
        if row["type"] != "llm_call" or row["cost_usd"] is not None:
            return Cost(row["cost_usd"], False)
        read, wrote = row["cache_read_tokens"], row["cache_write_tokens"]
        tokens = max(0, row["input_tokens"] - read - wrote), row["output_tokens"], read, wrote
        return self._of(None, {price_key(row["provider"], row["model"]): tokens} if row["model"] else {})

    def _of(self, stated: float | None, unpriced: Mapping[str, Sequence[int]]) -> Cost | None:
        self._is_asked = self._is_asked or bool(unpriced)
        prices = self._prices
        if any(model not in prices and model not in self._without for model in unpriced):
            return None
        known = [(prices[model], tokens) for model, tokens in unpriced.items() if model in prices]
        if not known:
            return Cost(stated, False)
        return Cost((stated or 0.0) + sum(sum(price * count for price, count in zip(*one, strict=True)) for one in known), True)

    def have_none(self, models: Iterable[tuple[str, str]]) -> None:
        """The list has no price for these (provider, model)."""
        self._without.update(price_key(*model) for model in models)

    def refresh(self) -> None:
        """Read the prices again where somebody asks for such and they are old. Raises what the store raises."""
        if self._is_asked and self._clock() >= self._read_at + OLDEST:
            self.read()

    def read(self) -> None:
        rows = self._store.query(_PRICES)
        self._prices = {
            price_key(row["provider"], row["model"]): (row["input_usd"], row["output_usd"], row["cache_read_usd"], row["cache_write_usd"])
            for row in rows
        }
        self._read_at, self._is_asked = self._clock(), False
