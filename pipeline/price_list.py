"""The published price list (genai-prices), asked in a process of its own: with all its models it takes more memory than it is worth keeping.

`python -m pipeline.price_list` reads a JSON array of [provider, model] and writes one of [provider, model, price or null].
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import orjson

PACKAGE: Final = "genai-prices"
MILLION: Final = 1_000_000
_PROVIDERS: Final = {
    "gcp.gen_ai": "google", "gcp.gemini": "google", "gcp.vertex_ai": "google", "gemini": "google", "google_genai": "google", "vertex_ai": "google",
    "xai": "x-ai", "x_ai": "x-ai", "aws.bedrock": "aws", "bedrock": "aws", "azure.ai.openai": "azure", "azure.ai.inference": "azure", "az.ai.openai": "azure",
    "mistral_ai": "mistral", "mistralai": "mistral", "moonshot_ai": "moonshotai",
}  # fmt: skip
"""As the GenAI conventions and SDKs name providers -> as the list does."""


class Price(NamedTuple):
    """US dollars a token. Where a model has tiers by length, of the lowest."""

    input_usd: float
    output_usd: float
    cache_read_usd: float
    cache_write_usd: float


Priced = tuple[str, str, Price | None]


def edition() -> str:
    """Which list this is, as stored in `model_prices.source`."""
    return f"{PACKAGE} {version(PACKAGE)}"


def look_up(pairs: Iterable[Sequence[str]], now: datetime) -> list[Priced]:
    """The prices of these (provider, model) as they are now; None for what the list does not know."""
    return [(provider, model, _price(provider, model, now)) for provider, model in pairs]


def _price(provider: str, model: str, now: datetime) -> Price | None:
    from genai_prices import data_snapshot

    known = data_snapshot.get_snapshot()
    for name in (_PROVIDERS.get(provider.lower(), provider) or None, None):
        try:
            _, found = known.find_provider_model(model, None, name, None)
        except LookupError:
            continue
        return _of(found.get_prices(now))
    return None


def _of(prices: Any) -> Price | None:
    """A kind of token without a price of its own costs what input costs; free models have no price that means anything."""
    into, out = _number(prices.input_mtok), _number(prices.output_mtok)
    if into is None and out is None:
        return None
    read, write = _number(prices.cache_read_mtok), _number(prices.cache_write_mtok)
    plain = into or 0.0
    parts = (plain, out or 0.0, plain if read is None else read, plain if write is None else write)
    return Price(*(part / MILLION for part in parts))


def _number(said: Any) -> float | None:
    base = getattr(said, "base", said)
    return None if base is None else float(base)


if __name__ == "__main__":
    said = look_up(orjson.loads(sys.stdin.buffer.read()), datetime.now(UTC))
    sys.stdout.buffer.write(orjson.dumps([(provider, model, price and list(price)) for provider, model, price in said]))
