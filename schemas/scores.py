"""Scores as they lie in the log: an evaluation event of OpenTelemetry's, whoever gave them. Control writes it, the pipeline reads it."""

from typing import Final

EVENT: Final = "gen_ai.evaluation.result"
NAME: Final = "gen_ai.evaluation.name"
VALUE: Final = "gen_ai.evaluation.score.value"
LABEL: Final = "gen_ai.evaluation.score.label"
EXPLANATION: Final = "gen_ai.evaluation.explanation"
SCORE_ID: Final = "mission_control.score.id"
"""The same id again is the same score: the last that was said of it holds."""
SOURCE: Final = "mission_control.score.source"
"""Who judged, where it is not the service that sends."""
KEY: Final = "mission_control.score.key"
"""Tells judgements of one thing under one name apart: the same key again is the same score."""
USER: Final = "user.id"
THREAD: Final = "mission_control.thread.id"
SENT_BY_API: Final = "api"
"""The source (`schemas.topics.SOURCE_HEADER`) of records that came in by `POST /api/scores`."""
