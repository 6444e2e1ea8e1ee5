"""What the wiring decides by itself; that everything works together is told by `tests/system`."""

import threading

import pytest

from mission_control import app
from mission_control.app import check_exposure
from schemas.errors import SettingsError
from schemas.settings import load_settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_alone_needs_no_key(host: str) -> None:
    check_exposure(load_settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "mission-control.example"])
def test_all_others_do(host: str) -> None:
    with pytest.raises(SettingsError) as raised:
        check_exposure(load_settings(host=host))
    assert raised.value.setting == "host"
    assert "MISSION_CONTROL_API_KEY" in str(raised.value)
    check_exposure(load_settings(host=host, api_key="secret"))


def test_an_end_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    codes: list[int] = []
    ended = threading.Event()

    def leave(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr(app, "SHUTDOWN_SECONDS", 0.01)
    monkeypatch.setattr("os._exit", leave)
    monkeypatch.setattr("faulthandler.dump_traceback", lambda all_threads: None)
    with app._watchdog() as watchdog:
        watchdog.start()
        assert ended.wait(120)
        watchdog.join()
    assert codes == [1]
    assert "safe in the log" in caplog.text


def test_an_end_in_time_is_left_alone() -> None:
    with app._watchdog() as watchdog:
        watchdog.start()
    watchdog.join(120)
    assert not watchdog.is_alive()
