"""Free ports for peers that cannot choose their own, and waiting for them to answer."""

import socket
import subprocess
import time

import httpx

from bench.errors import NotStartedError


def free_port() -> int:
    """Free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(name: str, url: str, process: "subprocess.Popen[bytes]", seconds: float = 120.0) -> None:
    """Until it answers anything at all. Raises NotStartedError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotStartedError(name, f"it ended with {process.returncode}")
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise NotStartedError(name, f"no answer after {seconds:.0f} s")
