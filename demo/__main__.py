"""`python -m demo`: the demo fleet as a process of its own."""

from __future__ import annotations

import argparse

from demo.fleet import run
from demo.scenarios import SCENARIOS


def main(arguments: list[str] | None = None) -> int:
    """Parse the options and run the fleet; the exit status."""
    parser = argparse.ArgumentParser(prog="demo", description="A fleet of scripted agents on real MCP servers, emitting OTLP.")
    parser.add_argument("--endpoint", default="http://127.0.0.1:4318", help="OTLP/HTTP base URL")
    parser.add_argument("--seed", type=int, default=7, help="the same seed, the same day")
    parser.add_argument("--speed", type=float, default=1.0, help="2.0 = twice as fast")
    parser.add_argument("--duration", type=float, help="seconds, default until stopped")
    parser.add_argument("--once", choices=sorted(SCENARIOS), help="play one scenario and end")
    options = parser.parse_args(arguments)
    run(options.endpoint, options.seed, speed=options.speed, duration=options.duration, once=options.once)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
