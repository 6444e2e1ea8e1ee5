"""What a project and a key may send: how much is too much, who is told what, and that others notice nothing."""

import asyncio
import logging

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.errors import OverQuotaError
from collectors.quotas import BURST_SECONDS, Quotas
from schemas.topics import SPANS
from tests.collectors.conftest import Collect, Collector, spans_request


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_a_steady_rate() -> None:
    clock = Clock()
    quotas = Quotas(10, 0, {}, clock)
    for _ in range(10):
        quotas.admit("spans", "", {"noisy": 10})
    with pytest.raises(OverQuotaError, match="project 'noisy' sends more than 10 records/s; retry in 1 s"):
        quotas.admit("spans", "", {"noisy": 10})
    quotas.admit("spans", "", {"quiet": 10})
    clock.now += 1
    quotas.admit("spans", "", {"noisy": 10})
    assert quotas.refused() == {("spans", "noisy", "project"): 10}
    assert quotas.refused() == {}


def test_a_large_request_comes_through_and_is_paid_for() -> None:
    clock = Clock()
    quotas = Quotas(10, 0, {}, clock)
    quotas.admit("spans", "", {"noisy": 200})
    with pytest.raises(OverQuotaError) as caught:
        quotas.admit("spans", "", {"noisy": 1})
    assert caught.value.retry_after == pytest.approx(11)
    clock.now += caught.value.retry_after
    quotas.admit("spans", "", {"noisy": 1})


def test_exceptions_and_keys() -> None:
    quotas = Quotas(1, 2, {"free": 0, "poor": 0.1}, Clock())
    for _ in range(100):
        quotas.admit("spans", "", {"free": 1_000})
    quotas.admit("spans", "", {"poor": 1})
    with pytest.raises(OverQuotaError) as caught:
        quotas.admit("spans", "", {"poor": 1})
    assert caught.value.kind == "project"
    quotas.admit("spans", "k", {"free": 20})
    with pytest.raises(OverQuotaError, match="key 'k' sends more than 2 records/s") as caught:
        quotas.admit("spans", "k", {"other": 1})
    assert caught.value.kind == "key"
    quotas.admit("spans", "", {"other": 10})  # what was refused took nothing


def test_names_are_the_senders_choice_and_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.quotas._MOST_BUCKETS", 3)
    quotas = Quotas(1, 0, {}, Clock())
    quotas.admit("spans", "", {"noisy": 100})
    for number in range(20):
        quotas.admit("spans", "", {f"p{number}": 1})
    with pytest.raises(OverQuotaError):
        quotas.admit("spans", "", {"noisy": 1})
    assert len(quotas._buckets) == 3


def body(count: int, *projects: str) -> bytes:
    request = ExportTraceServiceRequest()
    for project in projects:
        request.MergeFrom(spans_request(count, project))
    return request.SerializeToString()


async def post(collector: Collector, content: bytes, project: str = "") -> int:
    headers = {"content-type": "application/x-protobuf"} | ({"x-mission-control-project": project} if project else {})
    return (await collector.http.post("/v1/traces", content=content, headers=headers)).status_code


async def test_one_noisy_agent_starves_nobody(collect: Collect) -> None:
    collector = await collect(quota_records_per_second=5)
    noisy, quiet = body(int(50 * BURST_SECONDS), ""), body(1, "quiet")
    statuses = await asyncio.gather(*(post(collector, noisy, "noisy") for _ in range(20)), *(post(collector, quiet) for _ in range(20)))
    assert statuses[:20].count(200) == 1
    assert statuses[:20].count(429) == 19
    assert statuses[20:] == [200] * 20
    assert collector.metric("otlp_records_rejected_total", signal="spans", transport="http", reason="project_quota") == 19 * 500


async def test_the_sender_is_told_why_and_for_how_long(collect: Collect) -> None:
    collector = await collect(quota_projects={"noisy": 1})
    assert await post(collector, body(30, "noisy")) == 200
    answer = await collector.http.post("/v1/traces", content=body(1, "noisy"), headers={"content-type": "application/x-protobuf"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 20
    assert b"project 'noisy' sends more than 1 records/s" in answer.content
    async with grpc.aio.insecure_channel(f"127.0.0.1:{collector.grpc_port}") as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export", bytes, bytes)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await export(body(1, "noisy"))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "sends more than 1 records/s" in str(caught.value.details())


async def test_what_was_refused_goes_to_the_ledger_by_the_log(collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.receive.BOOK_SECONDS", 0.05)
    collector = await collect(quota_projects={"noisy": 1})
    assert [await post(collector, body(30, "noisy")) for _ in range(3)] == [200, 429, 429]
    async with asyncio.timeout(120):
        while len(collector.log.appended) < 2:  # noqa: ASYNC110  the log tells nobody
            await asyncio.sleep(0.01)
    booked = collector.log.appended[-1]
    assert (booked.topic, booked.value) == (SPANS, b"")
    assert booked.headers["mission_control.refused"] == "60"
    assert booked.headers["mission_control.project"] == "noisy"
    assert booked.headers["mission_control.source"] == "refused: project quota"


async def test_a_log_that_takes_nothing_takes_no_refusals_either(
    collect: Collect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collectors.receive.BOOK_SECONDS", 0.01)
    caplog.set_level(logging.WARNING)
    collector = await collect(quota_projects={"noisy": 1})
    assert await post(collector, body(30, "noisy")) == 200
    collector.log.refuse()
    assert await post(collector, body(1, "noisy")) == 429
    async with asyncio.timeout(120):
        while "refused records are not in the ledger" not in caplog.text:  # noqa: ASYNC110  the log tells nobody
            await asyncio.sleep(0.01)


async def test_a_key_has_its_own(collect: Collect) -> None:
    collector = await collect(api_key="k", quota_key_records_per_second=1)
    headers = {"content-type": "application/x-protobuf", "x-api-key": "k"}
    answers = [await collector.http.post("/v1/traces", content=body(30, f"p{n}"), headers=headers) for n in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert b"key 'api_key' sends more" in answers[1].content
