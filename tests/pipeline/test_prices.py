"""What calls cost where nobody says: stored tokens by the price of their model, whenever that becomes known."""

import subprocess
import threading
import time
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from pipeline.price_list import Price, Priced, edition, look_up
from pipeline.prices import Prices, from_list, price_batch
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import BASE_HOUR, span

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PRICE = Price(0.01, 0.1, 0.001, 0.02)


@pytest.fixture
def model() -> str:
    """Prices are the same for all projects, so each test calls a model of its own."""
    return f"m-{uuid.uuid4().hex[:12]}"


class List:
    """A price list that remembers what it was asked, and says so much for every model of the provider `p`; others' are of other tests."""

    def __init__(self, price: Price | None = PRICE) -> None:
        self.price = price
        self.asked: list[tuple[str, str]] = []

    def __call__(self, models: Collection[tuple[str, str]]) -> Sequence[Priced]:
        self.asked += models
        return [(*pair, self.price) for pair in models if pair[0] == "p"]


def call(number: int, model: str, **more: Any) -> Any:
    used = {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 50,
        "gen_ai.usage.cache_creation.input_tokens": 20,
    }
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "p",
        "gen_ai.request.model": model,
        "gen_ai.conversation.id": "t",
        **used,
    }
    return span(
        number,
        "chat",
        (number * 10, number * 10 + 5),
        said | {name.replace("__", "."): item for name, item in more.items()},
        in_trace=number,
    )


ESTIMATE = 30 * 0.01 + 10 * 0.1 + 50 * 0.001 + 20 * 0.02


def costs(line: Line) -> list[Any]:
    return [(cost and round(cost, 9), estimated) for cost, estimated in line.values("threads", "cost_usd, cost_estimated")]


def test_a_call_is_priced_once_its_model_is(line: Line, model: str) -> None:
    prices = Prices(line.store, ask := List())
    for mapped in line.spans(call(1, model), call(2, model)):
        prices.stored(mapped)
    line.summarise()
    line.count()
    assert costs(line) == [(None, 0)]
    prices.look_up()
    assert costs(line) == [(round(2 * ESTIMATE, 9), 1)]
    assert line.values("execution_steps", "round(cost_usd, 9)") == [ESTIMATE] * 2
    assert line.values("usage_hourly", "round(cost_usd, 9)") == [2 * ESTIMATE]
    for mapped in line.spans(call(3, model)):
        prices.stored(mapped)
    prices.look_up()
    assert ask.asked == [("p", model)]


def test_a_stated_cost_wins_and_a_corrected_price_holds_for_the_past(line: Line, model: str) -> None:
    line.spans(call(1, model, mission_control__cost_usd=5.0), call(2, model))
    line.summarise()
    line.count(BASE_HOUR)
    for price in (PRICE, Price(*(2 * part for part in PRICE))):
        line.store.insert("model_prices", price_batch([("p", model, price)]))
        factor = price.input_usd / PRICE.input_usd
        assert costs(line) == [(round(5 + factor * ESTIMATE, 9), 1)]
        assert line.values("execution_steps", "round(cost_usd, 9)") == [5.0, factor * ESTIMATE]
        assert line.values("usage_hourly", "round(cost_usd, 9)") == [round(5 + factor * ESTIMATE, 9)]


def test_all_stated_is_no_estimate(line: Line, model: str) -> None:
    line.store.insert("model_prices", price_batch([("p", model, PRICE)]))
    line.spans(
        call(1, model, mission_control__cost_usd=0.25),
        span(9, "execute_tool", (1, 2), {"gen_ai.operation.name": "execute_tool", "gen_ai.conversation.id": "t"}),
    )
    line.summarise()
    assert costs(line) == [(0.25, 0)]
    assert line.values("execution_steps", "cost_usd", "type = 'tool_call'") == [None]


def test_a_start_prices_what_was_called_before_and_leaves_the_operators_rows(line: Line, model: str) -> None:
    line.spans(call(1, model), call(2, model + "-own"), call(3, model + "-old"))
    line.summarise()
    own = price_batch([("p", model + "-own", PRICE)])
    old = price_batch([("p", model + "-old", PRICE)])
    for batch, source in ((own, "operator"), (old, "genai-prices 0")):
        place = batch.schema.get_field_index("source")
        line.store.insert("model_prices", batch.set_column(place, "source", pa.array([source])))
    prices = Prices(line.store, ask := List())
    prices.begin()
    prices.look_up()
    assert {pair for pair in ask.asked if pair[1].startswith(model)} == {("p", model), ("p", model + "-old")}


def test_a_model_that_nobody_knows_has_no_price_and_is_not_asked_for_again(line: Line, model: str) -> None:
    prices = Prices(line.store, ask := List(None))
    for _ in range(2):
        for mapped in line.spans(call(1, model), call(2, "")):
            prices.stored(mapped)
        prices.look_up()
    assert ask.asked == [("p", model)]
    line.summarise()
    assert costs(line) == [(None, 0)]


@pytest.mark.parametrize("error", [subprocess.TimeoutExpired("x", 1), OSError("away"), OperationalError("connection refused")])
def test_goes_on_after_a_failure(line: Line, model: str, error: Exception) -> None:
    failures = [error]
    ask = List()

    def look(models: Collection[tuple[str, str]]) -> Sequence[Priced]:
        if failures:
            raise failures.pop()
        return ask(models)

    prices, stop = Prices(line.store, look), threading.Event()
    for mapped in line.spans(call(1, model)):
        prices.stored(mapped)
    thread = threading.Thread(target=prices.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 120
    while ("p", model) not in ask.asked and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join(120)
    assert ("p", model) in ask.asked


def test_a_defect_ends_the_thread(line: Line, model: str) -> None:
    def look(models: Collection[tuple[str, str]]) -> Sequence[Priced]:
        raise ValueError(models)

    prices = Prices(line.store, look)
    for mapped in line.spans(call(1, model)):
        prices.stored(mapped)
    with pytest.raises(ValueError, match=model):
        prices.run(threading.Event())


@pytest.mark.parametrize(
    ("provider", "name", "wanted"),
    [
        ("openai", "gpt-4o", Price(2.5e-6, 1e-5, 1.25e-6, 2.5e-6)),
        ("anthropic", "claude-opus-4-6", Price(5e-6, 2.5e-5, 5e-7, 6.25e-6)),
        ("", "claude-sonnet-4-5", Price(3e-6, 1.5e-5, 3e-7, 3.75e-6)),
        ("somebody's gateway", "gpt-4o", Price(2.5e-6, 1e-5, 1.25e-6, 2.5e-6)),
        ("openai", "no such model", None),
    ],
)
def test_the_list(provider: str, name: str, wanted: Price | None) -> None:
    ((_, _, price),) = look_up([(provider, name)], NOW)
    assert price == (wanted and pytest.approx(wanted))


@pytest.mark.parametrize("provider", ["gcp.gen_ai", "gcp.vertex_ai", "gcp.gemini", "vertex_ai"])
def test_providers_by_the_names_of_the_conventions(provider: str) -> None:
    ((_, _, price),) = look_up([(provider, "gemini-2.5-pro")], NOW)
    assert price is not None
    assert price.input_usd > 0


def test_asked_in_a_process_of_its_own() -> None:
    assert [(provider, name, price is not None) for provider, name, price in from_list([("openai", "gpt-4o"), ("x", "y")])] == [
        ("openai", "gpt-4o", True),
        ("x", "y", False),
    ]
    assert edition().startswith("genai-prices ")
