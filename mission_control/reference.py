"""The reference pages that list things, written from the code: `python -m mission_control.reference [--check]`.

Each page is a pure function from what the code says to Markdown; `--check` compares instead of writing.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from schemas import topics
from schemas.settings import Settings

REFERENCE = Path("docs/reference")
GENERATED = "<!-- Written by `make docs` from {source}; change it there. -->"

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


def settings_page(settings: type[Settings] = Settings) -> str:
    prefix = settings.model_config.get("env_prefix", "")
    rows = [
        (f"`{name}`", f"`{prefix}{name.upper()}`", _default(name, field), field.description or "")
        for name, field in settings.model_fields.items()
    ]
    return page(
        "Settings",
        "`schemas/settings.py`",
        "A command-line option overrides the environment variable, which overrides the key in `mission_control.yml`"
        " (in the working directory), which overrides the default.",
        table(("key", "environment variable", "default", "what it does"), rows),
    )


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "the user's data directory"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr) or value in ("", (), {}):
        return "none"
    return f"`{value}`"


def topics_page(words: ModuleType = topics) -> str:
    """Topics and headers with the text that follows each constant in the source."""
    rows = [(f"`{value}`", f"`{name}`", comment) for name, value, comment in _constants(words)]
    return page(
        "Topics and headers",
        "`schemas/topics.py`",
        "What lies in the log: each record's value is an OTLP `Export…ServiceRequest` in protobuf, its headers say who sent it and when.",
        table(("name", "constant", "meaning"), rows),
    )


def _constants(module: ModuleType) -> list[tuple[str, str, str]]:
    lines = inspect.getsource(module).splitlines()
    found = []
    for number, line in enumerate(lines):
        name = line.partition(":")[0]
        value = getattr(module, name, None) if ": Final" in line else None
        if isinstance(value, str):
            following = lines[number + 1] if number + 1 < len(lines) else ""
            found.append((name, value, following.strip().strip('"') if following.startswith('"""') else ""))
    return found


def pages() -> Mapping[str, Callable[[], str]]:
    """File name in `docs/reference/` and what writes it."""
    return {"settings.md": settings_page, "topics.md": topics_page}


def outdated(directory: Path) -> list[str]:
    """Names of the pages that differ from what the code says."""
    return [name for name, write in pages().items() if not _same(directory / name, write())]


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def write(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, render in pages().items():
        (directory / name).write_text(render(), encoding="utf-8")


def main(arguments: list[str], directory: Path = REFERENCE) -> int:
    """Exit status: 1 when `--check` found a page that `make docs` would change."""
    if "--check" not in arguments:
        write(directory)
        return 0
    stale = outdated(directory)
    for name in stale:
        print(f"{directory / name} is not what the code says; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
