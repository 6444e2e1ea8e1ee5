"""A process to kill: appends numbered records for ever and reports each acknowledged one on standard output.

Arguments: directory, durability. A line is `NUMBER OFFSET`.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import cast

from pipeline.log import LocalLog
from pipeline.log.local import Durability


async def append(log: LocalLog, first: int, step: int) -> None:
    writer = log.writer()
    number = first
    while True:
        _, offset = await writer.append("otlp_spans", b"%d " % number + bytes(number * 37 % 3000), {"number": str(number)})
        os.write(1, b"%d %d\n" % (number, offset))
        number += step


async def main() -> None:
    directory, durability = Path(sys.argv[1]), cast(Durability, sys.argv[2])
    with LocalLog(directory, durability=durability, segment_bytes=100_000, min_free_bytes=0) as log:
        first = sum(1 for _ in log.records("otlp_spans")) * 1000
        os.write(1, b"ready\n")
        await asyncio.gather(*(append(log, first + lane, 8) for lane in range(8)))


if __name__ == "__main__":
    asyncio.run(main())
