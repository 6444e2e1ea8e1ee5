"""What the list of threads makes of one."""

from datetime import UTC, datetime

from mission_control.commands.threads import took

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_what_has_ended_took_what_it_took() -> None:
    assert took({"ended_at": "2026-01-02T03:00:02Z", "started_at": "2026-01-02T03:00:00Z", "duration_ms": 2000.0}, NOW) == 2000


def test_what_goes_on_takes_until_now() -> None:
    """A thread that stalled is as old as it is, whenever it was heard last."""
    assert took({"ended_at": None, "started_at": "2026-01-02T03:04:00Z", "duration_ms": 10.0}, NOW) == 5000


def test_a_sender_whose_clock_is_ahead() -> None:
    assert took({"ended_at": None, "started_at": "2026-01-02T03:05:00Z", "duration_ms": 0.0}, NOW) == 0
