"""The SQL of rebuilding, one file each in `sql/`."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    return (files("pipeline.retranslation") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
