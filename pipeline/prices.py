"""Prices of the models that are called: each new (provider, model) is looked up once and becomes a row of `model_prices`."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import orjson
import pyarrow as pa

from pipeline.batch import Mapped
from pipeline.costs import Costs
from pipeline.price_list import Price, Priced, edition
from schemas.store import Store, is_retryable

Model = tuple[str, str]
"""(provider, model) as spans name them."""
PROGRAM: Final = (sys.executable, "-m", "pipeline.price_list")
PATIENCE: Final = 60.0
"""Seconds that the look-up may take."""
TICK: Final = 0.5
"""Seconds between two looks at whether a model is new."""
MOST: Final = 10_000
"""Models remembered: beyond that somebody makes names up, and they have no price."""
OPERATOR: Final = "operator"
"""Source of rows that are set by hand, which no list overrides."""
_CALLED: Final = "SELECT DISTINCT toString(provider) AS provider, toString(model) AS model FROM steps WHERE type = 'llm_call' AND model != '' LIMIT {most:UInt32}"
_PRICED: Final = "SELECT toString(provider) AS provider, toString(model) AS model FROM model_prices FINAL WHERE source IN ({edition:String}, {operator:String})"
logger = logging.getLogger(__name__)


def from_list(models: Collection[Model]) -> Sequence[Priced]:
    """What the published list says. Raises subprocess.SubprocessError or OSError where it cannot be asked."""
    done = subprocess.run(PROGRAM, input=orjson.dumps(list(models)), capture_output=True, check=True, timeout=PATIENCE)
    return [(provider, model, Price(*price) if price else None) for provider, model, price in orjson.loads(done.stdout)]


class Prices:
    """Told of every stored batch, by any thread; looks up on a thread of its own, so that nobody waits for it."""

    def __init__(self, store: Store, look_up: Callable[[Collection[Model]], Sequence[Priced]] = from_list) -> None:
        self._store, self._look_up = store, look_up
        self.costs = Costs(store)
        self.on_priced: Callable[[], None] = lambda: None
        """Called when models have got a price that they had not."""
        self._known: set[Model] = set()
        self._new: set[Model] = set()

    def stored(self, mapped: Mapped) -> None:
        """This batch is in the tables."""
        if (spans := mapped.tables.get("spans")) is not None:
            called = pa.table([spans.column("provider"), spans.column("model")], names=["provider", "model"])
            self._need((row["provider"], row["model"]) for row in called.group_by(["provider", "model"]).aggregate([]).to_pylist())

    def _need(self, models: Iterable[Model]) -> None:
        new = {model for model in models if model[1]} - self._known
        if new and len(self._known) < MOST:
            self._known |= new
            self._new |= new

    def run(self, stop: threading.Event) -> None:
        """Until `stop`. What was called before and has no price of this list's edition is looked up first."""
        begun = False
        while not stop.wait(TICK):
            try:
                if not begun:
                    self.begin()
                    begun = True
                self.look_up()
                self.costs.refresh()
            except (subprocess.SubprocessError, OSError) as error:
                logger.warning("the price list does not answer", extra={"error": str(error)[:500]})
            except Exception as error:
                if not is_retryable(error):
                    raise
                logger.warning("prices wait for the store", extra={"error": str(error)[:500]})

    def begin(self) -> None:
        """Take note of what is priced, and of what is not although it was called."""
        priced = self._store.query(_PRICED, {"edition": edition(), "operator": OPERATOR})
        self._known |= {(row["provider"], row["model"]) for row in priced}
        self._need((row["provider"], row["model"]) for row in self._store.query(_CALLED, {"most": MOST}))

    def look_up(self) -> None:
        """Store the prices of all models that are new. Raises what the list and the store raise; then they are new still."""
        if not (models := sorted(self._new)):
            return
        found = self._look_up(models)
        if rows := [(provider, model, price) for provider, model, price in found if price is not None]:
            self._store.insert("model_prices", price_batch(rows))
            self.costs.read()
        self.costs.have_none((provider, model) for provider, model, price in found if price is None)
        self._new.difference_update(models)
        if rows:
            self.on_priced()


def price_batch(rows: Sequence[tuple[str, str, Price]]) -> pa.RecordBatch:
    """Rows of `model_prices`."""
    columns = {
        "provider": pa.array([row[0] for row in rows], pa.string()),
        "model": pa.array([row[1] for row in rows], pa.string()),
        **{name: pa.array([getattr(row[2], name) for row in rows], pa.float64()) for name in Price._fields},
        "source": pa.array([edition()] * len(rows), pa.string()),
        "version": pa.array([time.time_ns()] * len(rows), pa.uint64()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))
