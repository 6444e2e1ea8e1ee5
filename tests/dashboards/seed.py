"""A data set that fills every panel; `seed.sql` says what is in it."""

from pathlib import Path

from schemas.store import Store


def seed(store: Store, project: str, own_metrics: list[tuple[str, str, str, str]]) -> None:
    """`own_metrics` are (name, kind, label, its value) of Mission Control's metrics; kind is gauge, sum or histogram."""
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in text.split(";\n"):
        if "INSERT" in statement:
            store.command(statement, {"project": project, "metrics": own_metrics})
