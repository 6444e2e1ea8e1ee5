"""Markdown of generated pages."""

from collections.abc import Iterable
from typing import Final

GENERATED: Final = "<!-- Written by `make docs` from {source}; change it there. -->"

Row = tuple[str, ...]


def page(title: str, source: str, introduction: str, *sections: str) -> str:
    """One Markdown page that says where it comes from."""
    return "\n\n".join([f"# {title}", GENERATED.format(source=source), introduction, *sections]) + "\n"


def table(header: Row, rows: Iterable[Row]) -> str:
    """A Markdown table; bars and line ends inside cells are escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
