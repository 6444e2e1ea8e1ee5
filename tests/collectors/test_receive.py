"""Random and broken requests, straight into the receiver: a clear refusal or a faithful append, nothing else."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collectors.errors import OverloadedError, explanation, refusal, retry_after
from collectors.http import OtlpHttp
from collectors.keys import Sender
from collectors.receive import Incoming, Receiver, check_as_sent, check_translated
from schemas import otlp
from schemas.errors import MalformedRequestError, StoreUnavailableError
from schemas.metrics import Metrics
from schemas.settings import load_settings
from schemas.topics import SIGNALS, SPANS
from tests.collectors.conftest import MemoryLog, spans_request

GOOD = spans_request(3, "shop", text="with some text").SerializeToString()
ANYONE = Sender("", bound=False)


def broken(positions: list[tuple[int, int]]) -> bytes:
    body = bytearray(GOOD)
    for position, value in positions:
        body[position % len(body)] = value
    return bytes(body)


mutated = st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 255)), max_size=6).map(broken)
bodies = st.one_of(st.binary(max_size=200), mutated, st.integers(0, len(GOOD)).map(lambda size: GOOD[:size]))


@given(body=bodies, topic=st.sampled_from(SIGNALS), encoding=st.sampled_from(["protobuf", "json"]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_comes_is_refused_or_readable(body: bytes, topic: str, encoding: otlp.Encoding) -> None:
    try:
        incoming = Incoming(topic, body, encoding, ANYONE, "http")
        checked = (check_as_sent(incoming) if encoding == "protobuf" else None) or check_translated(incoming)
    except MalformedRequestError:
        return
    message = otlp.parse_strict(topic, checked.value)
    assert message is not None
    assert sum(map(otlp.count, otlp.blocks(message))) == checked.records


async def test_the_default_clock_is_the_systems() -> None:
    log = MemoryLog()
    receiver = Receiver(log, load_settings(), Metrics(CollectorRegistry()))
    await receiver.receive(Incoming(SPANS, GOOD, "protobuf", ANYONE, "http"))
    receiver.close()
    assert int(log.appended[0].headers["mission_control.received_unix_nano"]) > 10**18


def test_errors_in_words() -> None:
    assert refusal(MalformedRequestError("x")).http == 400
    assert retry_after(OverloadedError("busy", 3)) == 3
    assert retry_after(StoreUnavailableError("away")) is None
    assert refusal(StoreUnavailableError("away")).http == 500
    assert explanation(KeyError("secret")) == "internal error; the collector's log has the details"


async def test_websockets_and_lifespan_are_answered() -> None:
    settings_ = load_settings()
    app = OtlpHttp(Receiver(MemoryLog(), settings_, Metrics(CollectorRegistry())), settings_)
    sent: list[str] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    async def receive() -> dict[str, str]:
        return {"type": "lifespan"}

    await app({"type": "websocket", "headers": []}, receive, send)
    await app({"type": "lifespan"}, receive, send)
    assert sent == ["websocket.close", "lifespan.startup.complete", "lifespan.shutdown.complete"]
