"""`python -m mission_control.health`: exit status 0 when the system of MISSION_CONTROL_DATA_DIR answers; for health checks of containers.

It reads nothing but run.json and loads nothing but the standard library, because it runs every few seconds.
"""

import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Final

SECONDS: Final = 4.0


def answers(directory: Path) -> bool:
    """Whether `/health` says 200, over whatever the port speaks. Raises OSError and ValueError when it does not answer at all."""
    address = str(json.loads((directory / "run.json").read_text(encoding="utf-8"))["console"])
    context = None
    if address.startswith("https:"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it asks itself, and tells no secret
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"{address}/health", timeout=SECONDS) as answer:
        return bool(answer.status == 200)


def main() -> int:
    try:
        return 0 if answers(Path(os.environ["MISSION_CONTROL_DATA_DIR"])) else 1
    except (OSError, ValueError, KeyError) as error:
        print(f"it does not answer: {error!r}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
