"""The load generator's process, seen from the measurement that uses it."""

import json
import subprocess
import sys
from dataclasses import asdict

from bench.errors import SenderError
from bench.sender import Plan, Sent


class Generator:
    """Builds its requests when made; sends them between `go` and `result`. A context manager that leaves no process behind."""

    def __init__(self, plan: Plan) -> None:
        command = [sys.executable, "-m", "bench.sender", json.dumps(asdict(plan))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "Generator":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_ready(self) -> None:
        """Until all requests are built."""
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise SenderError(self._process.communicate()[1])

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def result(self, timeout: float) -> Sent:
        """What was sent, once all of it is. Raises SenderError, also after `timeout` seconds."""
        try:
            output, errors = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise SenderError(f"not done after {timeout:.0f} s") from error
        if self._process.returncode:
            raise SenderError(errors)
        return Sent(**json.loads(output))


def send(plan: Plan, timeout: float = 600.0) -> Sent:
    """Build and send, and wait for the end. Raises SenderError."""
    with Generator(plan) as generator:
        generator.wait_ready()
        generator.go()
        return generator.result(timeout)
