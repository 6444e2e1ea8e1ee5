"""What people read: times, sizes, and texts that cannot act."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from mission_control.commands import since, words
from mission_control.commands.output import cut, styled
from mission_control.commands.tree import DEEPEST, walk

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, wide 漢字, emoji 👩‍🚀, tab\tand\nline", "plain, wide 漢字, emoji 👩‍🚀, tab\tand\nline"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\rb\x00\x7f\x9b", "a\\x0db\\x00\\x7f\\x9b"),
        ("abc\u202egpj.exe\u2066", "abc\\u202egpj.exe\\u2066"),
        ("half \ud800, hidden \u200b, tag \U000e0041", "half \\ud800, hidden \\u200b, tag \\U000e0041"),
    ],
)
def test_texts_cannot_act(text: str, shown: str) -> None:
    assert words.visible(text) == shown


def test_a_cell_is_one_line_of_limited_length() -> None:
    assert words.line("a\n  b\t c") == "a b c"
    assert words.line("x" * 500, longest=10) == "x" * 9 + "…"
    assert words.line(None) == ""
    assert words.line({"ключ": [1, None]}) == '{"ключ": [1, null]}'


def test_markup_is_no_markup() -> None:
    assert cut("[red]danger[/red] :bomb:").plain == "[red]danger[/red] :bomb:"
    assert styled("[bold]").plain == "[bold]"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.5, "now"), (-0.5, "now"), (12, "12 s ago"), (185, "3 m ago"), (7300, "2 h ago"), (200_000, "2 d ago"), (-90, "in 1 m")],
)
def test_how_long_ago(seconds: float, shown: str) -> None:
    assert words.ago((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == shown


@pytest.mark.parametrize("nothing", [None, "", "yesterday", 7])
def test_no_time_is_shown_as_none(nothing: object) -> None:
    assert words.ago(nothing, NOW) == ""
    assert words.clock(nothing, NOW) == ""


def test_times_are_read_as_the_api_writes_them() -> None:
    assert words.instant("2026-03-01T12:00:00.123456789Z") == NOW + timedelta(microseconds=123456)
    assert words.instant("2026-03-01T12:00:00") == NOW


def test_the_clock_is_local_and_has_a_date_on_other_days() -> None:
    local = NOW.astimezone()
    assert words.clock("2026-03-01T12:00:00.123456789Z", NOW) == local.strftime("%H:%M:%S.123")
    before = (NOW - timedelta(days=3)).astimezone()
    assert words.clock(before.isoformat(), NOW) == before.strftime("%Y-%m-%d %H:%M:%S.000")


@pytest.mark.parametrize(
    ("milliseconds", "shown"), [(None, ""), (0.4, "0 ms"), (999, "999 ms"), (1500, "1.5 s"), (61_000, "1 m 01 s"), (3_720_000, "1 h 02 m")]
)
def test_durations(milliseconds: float | None, shown: str) -> None:
    assert words.duration(milliseconds) == shown


def test_numbers() -> None:
    assert [words.count(number) for number in (None, 12, 4_500, 1_200_000, 3e9)] == ["0", "12", "4.5k", "1.2M", "3.0G"]
    assert [words.money(usd) for usd in (None, 0, 0.0123, 12.5)] == ["", "$0.00", "$0.0123", "$12.50"]
    assert [words.size(number) for number in (5, 2048, 3 << 20, 4 << 30)] == ["5 B", "2.0 kB", "3.0 MB", "4.0 GB"]


def test_since_takes_spans_and_times() -> None:
    day = words.instant(since.parse("24h"))
    assert day is not None
    assert abs(since.now() - day - timedelta(days=1)) < timedelta(minutes=1)
    assert since.parse("2026-03-01T12:00:00+01:00") == "2026-03-01T11:00:00Z"
    with pytest.raises(typer.BadParameter, match="write 30m, 24h"):
        since.parse("soon")


def step(name: str, parent: str = "") -> dict[str, str]:
    return {"step_id": name, "parent_step_id": parent}


def shape(*items: dict[str, str]) -> list[tuple[int, str]]:
    return [(depth, item["step_id"]) for depth, item in walk(items)]


def test_steps_lie_under_their_parents_in_the_order_of_time() -> None:
    items = (step("root"), step("a", "root"), step("b", "root"), step("a1", "a"), step("elsewhere", "unknown"), step("a2", "a"))
    assert shape(*items) == [(0, "root"), (1, "a"), (2, "a1"), (2, "a2"), (1, "b"), (0, "elsewhere")]


def test_rings_and_twins_show_every_item_once() -> None:
    assert shape(step("a", "b"), step("b", "a"), step("self", "self")) == [(0, "self"), (0, "a"), (1, "b")]
    assert shape(step("twin"), step("twin"), step("child", "twin")) == [(0, "twin"), (1, "child"), (0, "twin")]


def test_deep_trees_are_indented_to_a_limit() -> None:
    items = [step("0"), *(step(str(number), str(number - 1)) for number in range(1, 5000))]
    depths = [depth for depth, _ in walk(items)]
    assert len(depths) == 5000
    assert max(depths) == DEEPEST
