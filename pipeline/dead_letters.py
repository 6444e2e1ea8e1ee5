"""Dead letters that were sent again: marked, so that nobody sends them twice by mistake."""

from collections.abc import Sequence

from schemas.store import Store

_ID = "concat(log_topic, '/', toString(log_partition), '/', toString(log_offset), '/', toString(part))"


def mark_replayed(store: Store, ids: Sequence[str]) -> None:
    """`ids` as `mission-control dead-letters list` shows them: topic/partition/offset/part. Those that are marked stay as they are."""
    store.command(
        "INSERT INTO dead_letter_rows SELECT * REPLACE (now64(9) AS replayed_at, version + 1 AS version) FROM dead_letter_rows FINAL"
        f" WHERE replayed_at IS NULL AND {_ID} IN {{ids:Array(String)}}",
        {"ids": list(ids)},
    )
