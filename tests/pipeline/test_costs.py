"""What live events say that calls cost, where nobody states it: what the views say, or nothing while the price is not known yet."""

import threading
import time
from typing import Any

import pytest

from pipeline.costs import OLDEST, Cost, Costs
from pipeline.price_list import Price
from pipeline.prices import Prices, price_batch
from schemas.events import EVERYTHING
from schemas.store import ClickHouseStore
from tests.pipeline.line import Line
from tests.pipeline.test_prices import ESTIMATE, PRICE, List, call


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def model(line: Line) -> str:
    return f"m-{line.project}"


def told(line: Line) -> dict[str, dict[str, Any]]:
    """Cost as the latest events say it, by thread and step; without one nothing is said."""
    said = {}
    for event in line.heard.events():
        if event.type == "step" or event.type.startswith("thread."):
            said[event.id] = {name: event.payload[name] for name in ("cost_usd", "cost_estimated") if name in event.payload}
    return said


def shown(line: Line) -> dict[str, dict[str, Any]]:
    threads = {row["thread_id"]: {name: row[name] for name in ("cost_usd", "cost_estimated")} for row in line.rows("threads")}
    return threads | {row["step_id"]: {"cost_usd": row["cost_usd"]} for row in line.rows("execution_steps")}


def priced(line: Line) -> Prices:
    prices = Prices(line.store, List())
    line.summaries._costs = prices.costs
    prices.on_priced = line.summaries.priced
    return prices


def test_events_say_what_the_views_say(line: Line, model: str) -> None:
    prices = priced(line)
    for mapped in line.spans(call(1, model), call(2, model), call(3, model, mission_control__cost_usd=5.0)):
        prices.stored(mapped)
        steps = [event.payload for event in mapped.events(EVERYTHING) if event.type == "step"]
        assert ["cost_usd" in payload for payload in steps] == [False, False, True]
    line.summarise()
    assert told(line) == {"t": {}, **{f"{number:016x}": {} for number in (1, 2)}, f"{3:016x}": {"cost_usd": 5.0}}
    prices.look_up()
    line.summarise()
    assert told(line) == {"t": {"cost_usd": pytest.approx(5 + 2 * ESTIMATE), "cost_estimated": 1}}
    line.spans(call(4, model))
    line.summarise()
    heard, seen = told(line), shown(line)
    assert heard == {key: {name: pytest.approx(value) for name, value in seen[key].items()} for key in ("t", f"{4:016x}")}
    assert heard["t"]["cost_usd"] == pytest.approx(5 + 3 * ESTIMATE)


def test_a_model_without_a_price_costs_nothing_that_is_known(line: Line, model: str) -> None:
    prices = Prices(line.store, List(None))
    line.summaries._costs = prices.costs
    for mapped in line.spans(call(1, model)):
        prices.stored(mapped)
    prices.look_up()
    line.summarise()
    assert told(line) == shown(line) == {"t": {"cost_usd": None, "cost_estimated": 0}, f"{1:016x}": {"cost_usd": None}}


def test_prices_are_read_again_only_when_asked_for_and_old(store: ClickHouseStore, model: str) -> None:
    clock = Clock()
    costs = Costs(store, clock)
    row = {"type": "llm_call", "cost_usd": None, "provider": "p", "model": model, "input_tokens": 3, "output_tokens": 0}
    row |= {"cache_read_tokens": 1, "cache_write_tokens": 0}
    costs.refresh()
    assert costs.of_step(row) is None
    store.insert("model_prices", price_batch([("p", model, PRICE)]))
    costs.refresh()
    assert costs.of_step(row) == Cost(2 * 0.01 + 0.001, True)
    store.insert("model_prices", price_batch([("p", model, Price(1, 1, 1, 1))]))
    costs.refresh()
    assert costs.of_step(row) == Cost(2 * 0.01 + 0.001, True)
    clock.now = OLDEST
    costs.refresh()
    assert costs.of_step(row) == Cost(3.0, True)
    assert costs.of_step({**row, "type": "tool_call"}) == costs.of_step({**row, "model": ""}) == Cost(None, False)


def test_only_so_many_threads_wait_for_prices(line: Line, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.summaries.rounds.MOST_UNPRICED", 1)
    prices = priced(line)
    for mapped in line.spans(call(1, model), call(2, model, gen_ai__conversation__id="u")):
        prices.stored(mapped)
    line.summarise()
    told(line)
    stop = threading.Event()
    thread = threading.Thread(target=prices.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 120
    while not line.summaries.backlog() and time.monotonic() < deadline:
        stop.wait(0.05)
    stop.set()
    thread.join(120)
    line.summarise()
    assert len(told(line)) == 1
