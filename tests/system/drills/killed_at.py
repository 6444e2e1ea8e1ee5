"""`up`, which ends as by `kill -9` at one exact moment: `python -m tests.system.drills.killed_at TABLE before|after`, the insert into that table."""

import os
import signal
import sys
from unittest.mock import patch

import pyarrow as pa

from mission_control.app import run
from schemas.settings import load_settings
from schemas.store import ClickHouseStore


def main(table: str, moment: str) -> int:
    plain = ClickHouseStore.insert

    def insert(store: ClickHouseStore, name: str, batch: pa.RecordBatch) -> None:
        if (name, moment) == (table, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        plain(store, name, batch)
        if (name, moment) == (table, "after"):
            os.kill(os.getpid(), signal.SIGKILL)

    with patch.object(ClickHouseStore, "insert", insert):
        return run(load_settings())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
