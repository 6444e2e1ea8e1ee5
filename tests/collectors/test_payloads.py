"""Every recorded request of every known emitter is accepted over HTTP, as JSON and as protobuf, and nothing of it is lost."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import otlp
from schemas.otlp import JSON_TYPE, PROTOBUF_TYPE
from schemas.topics import LOGS, METRICS, SPANS
from tests.collectors.conftest import Collector

PAYLOADS = Path(os.environ.get("MISSION_CONTROL_PAYLOADS", Path(__file__).parents[3] / "shared" / "payloads"))
PATHS = {"resourceSpans": ("/v1/traces", SPANS), "resourceLogs": ("/v1/logs", LOGS), "resourceMetrics": ("/v1/metrics", METRICS)}


def payloads() -> Iterator[tuple[str, str, bytes]]:
    """(path, topic, body)"""
    for file in sorted(PAYLOADS.glob("**/*.json")):
        body = file.read_bytes()
        document = json.loads(body)
        for key, (path, topic) in PATHS.items():
            if isinstance(document, dict) and key in document:
                yield path, topic, body


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded payloads are not here")
async def test_all_of_them(collector: Collector) -> None:
    sent = list(payloads())
    assert len(sent) > 30
    for path, topic, body in sent:
        message = otlp.parse_json(topic, body)
        for content, content_type in ((body, JSON_TYPE), (message.SerializeToString(), PROTOBUF_TYPE)):
            response = await collector.http.post(path, content=content, headers={"content-type": content_type})
            assert (response.status_code, response.content) == (200, b"{}" if content_type == JSON_TYPE else b"")
            assert collector.log.appended[-1].message == message
    assert len(collector.log.appended) == 2 * len(sent)
