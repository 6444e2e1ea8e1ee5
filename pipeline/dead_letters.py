"""What becomes of dead letters: those sent again are marked, so that nobody sends them twice by mistake; those nobody wants go."""

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


def drop(store: Store, ids: Sequence[str]) -> int:
    """Delete these with their bytes, for good; returns how many there were."""
    wanted = {"ids": list(ids)}
    found = store.query(f"SELECT count() AS n FROM dead_letter_rows FINAL WHERE {_ID} IN {{ids:Array(String)}}", wanted)
    store.command(f"DELETE FROM dead_letter_rows WHERE {_ID} IN {{ids:Array(String)}}", wanted)
    return int(found[0]["n"])
