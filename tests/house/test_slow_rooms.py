"""What fails by chance is tried once more and named; what fails twice, or breaks, is a failure."""

from pathlib import Path

import pytest

from tests.slow_rooms import SECOND_LOOKS, Rooms, main

SLOW = "import pytest\nfrom pathlib import Path\npytestmark = pytest.mark.slow\n"
FINE = "def test_fine(): pass\n"
BY_CHANCE = "def test_by_chance():\n    seen = Path('seen')\n    before = seen.exists()\n    seen.touch()\n    assert before\n"
ALWAYS = "def test_always(): assert False\n"
MANY = f"@pytest.mark.parametrize('number', range({SECOND_LOOKS + 1}))\ndef test_many(number): assert False\n"
BROKEN = "import nothing_of_this_name\n"


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rooms:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take longer than these tests
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    return Rooms(tmp_path, tmp_path / "place")


def furnish(rooms: Rooms, **tests: str) -> None:
    for room, lines in tests.items():
        place = rooms.root / "tests" / room
        place.mkdir(parents=True, exist_ok=True)
        (place / f"test_{place.name}.py").write_text(SLOW + lines)


def test_what_passes_alone_is_named(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(rooms, fine=FINE, moody=FINE + BY_CHANCE)
    assert main(rooms, 2) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "FAILED AT FIRST, PASSED ALONE, not to be trusted until it is mended:",
        "  tests/moody/test_moody.py::test_by_chance",
    ]
    assert "1 passed" in said.out.rpartition("slow tests of moody")[2]


def test_nothing_is_said_of_what_passes(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(rooms, **{"fine": FINE, "system": FINE, "system/drills": FINE})
    (rooms.root / "tests" / "payloads").mkdir()
    assert rooms.names() == ["system/drills", "system", "fine"]
    assert main(rooms, 1) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("1 passed") == 3


@pytest.mark.parametrize("lines", [ALWAYS, MANY, BY_CHANCE + BROKEN])
def test_what_fails_fails(rooms: Rooms, capsys: pytest.CaptureFixture[str], lines: str) -> None:
    furnish(rooms, fine=FINE, bad=lines)
    assert main(rooms, 2) == 1
    said = capsys.readouterr()
    assert "slow tests failed in: bad" in said.err
    assert said.out.count("slow tests of bad") == (2 if lines is ALWAYS else 1)
