"""Scores that people and programs give by REST: checked here, then through the log like everything that comes in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from control import times
from control.errors import BusyError
from schemas.errors import LogUnavailableError
from schemas.ports import LogWriter
from schemas.scores import EVENT, EXPLANATION, LABEL, NAME, SCORE_ID, SENT_BY_API, SOURCE, THREAD, USER, VALUE
from schemas.topics import LOGS, PROJECT_HEADER, RECEIVED_HEADER, SOURCE_HEADER

_HEX: Final = {"trace_id": 32, "span_id": 16}
"""Digits of each id."""
MOST: Final = 1e300
Short = Annotated[str, Field(max_length=256)]
Long = Annotated[str, Field(max_length=65_536)]


class GivenScore(BaseModel):
    """One judgement of a thread, a trace or a step. Give a `value`, a `label` or both; the same `id` again replaces what it said before."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=256, description="What was judged, such as helpfulness.")]
    value: Annotated[float | str | None, Field(description="A number; a word is taken as the label.")] = None
    label: Annotated[Short, Field(description="A word, such as pass.")] = ""
    thread_id: Annotated[str, Field(max_length=8192, description="The thread.")] = ""
    trace_id: Annotated[str, Field(description="The trace, 32 hexadecimal digits; its thread is found by itself.")] = ""
    span_id: Annotated[str, Field(validation_alias=AliasChoices("span_id", "step_id"), description="The step, 16 hexadecimal digits.")] = ""
    comment: Annotated[Long, Field(validation_alias=AliasChoices("comment", "explanation"), description="Why.")] = ""
    source: Annotated[Short, Field(description="Who judged.")] = SENT_BY_API
    user_id: Annotated[Short, Field(description="The person who judged, or on whose behalf.")] = ""
    id: Annotated[Short, Field(description="Chosen by the sender, so that it can be sent again; made here where missing.")] = ""
    timestamp: Annotated[str, Field(max_length=64, description="ISO-8601 or seconds since 1970; now where missing.")] = ""

    @field_validator("value", mode="before")
    @classmethod
    def _is_number_or_word(cls, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MOST:
            raise ValueError("take a finite number or a word")
        return float(value)

    @field_validator("trace_id", "span_id")
    @classmethod
    def _is_hexadecimal(cls, value: str, info: Any) -> str:
        digits = _HEX[info.field_name]
        if value and not (re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", value) and int(value, 16)):
            raise ValueError(f"take {digits} hexadecimal digits that are not all zero")
        return value.lower()

    @model_validator(mode="after")
    def _says_something_about_something(self) -> "GivenScore":
        if isinstance(self.value, str):
            if self.label and self.label != self.value:
                raise ValueError("value is a word and so is label; give a number as value")
            self.label, self.value = self.value[:256], None
        if self.value is None and not self.label:
            raise ValueError("give a value (a number) or a label (a word)")
        if not (self.thread_id or self.trace_id):
            raise ValueError("name what is judged: thread_id or trace_id")
        return self


@dataclass(frozen=True, slots=True)
class Scores:
    """Where given scores go."""

    log: LogWriter

    async def give(self, project: str, given: GivenScore) -> dict[str, str]:
        """Returns the score's id once it is durable. Raises BusyError when it cannot be kept now, BadParameterError."""
        now = times.now_ns()
        at = times.optional("timestamp", given.timestamp)
        score_id = given.id or uuid4().hex
        request = as_event(given, score_id, now if at is None else at)
        headers = {PROJECT_HEADER: project, RECEIVED_HEADER: str(now), SOURCE_HEADER: SENT_BY_API}
        try:
            await self.log.append(LOGS, request.SerializeToString(), headers)
        except LogUnavailableError as error:
            raise BusyError(str(error), max(1, round(error.retry_after))) from error
        return {"project": project, "score_id": score_id}


def as_event(given: GivenScore, score_id: str, at: int) -> ExportLogsServiceRequest:
    """The score as the evaluation event that any OTLP sender could have sent at `at` (ns)."""
    said: Mapping[str, str] = {
        NAME: given.name, LABEL: given.label, EXPLANATION: given.comment, SCORE_ID: score_id, SOURCE: given.source, USER: given.user_id,
        THREAD: given.thread_id,
    }  # fmt: skip
    attributes = [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in said.items() if value]
    if isinstance(given.value, float):
        attributes.append(KeyValue(key=VALUE, value=AnyValue(double_value=given.value)))
    verdict = given.label if given.value is None else f"{given.value:g} {given.label}".strip()
    record = LogRecord(
        event_name=EVENT, time_unix_nano=at, severity_number=SeverityNumber.SEVERITY_NUMBER_INFO, severity_text="INFO", body=AnyValue(string_value=f"{given.name}: {verdict}"),
        attributes=attributes, trace_id=bytes.fromhex(given.trace_id), span_id=bytes.fromhex(given.span_id),
    )  # fmt: skip
    request = ExportLogsServiceRequest()
    scopes = request.resource_logs.add().scope_logs.add(log_records=[record])
    scopes.scope.name = "mission_control.api"
    return request
