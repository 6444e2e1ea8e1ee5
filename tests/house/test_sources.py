"""What holds for every file in git: sizes, and nothing of one machine or one registry."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE_LINES = 400
FUNCTION_LINES = 60

# Written in halves, as this file is in git too.
HOSTS = re.compile(
    "|".join(
        name + r"\." + end
        for name, end in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
            ("maven", "org"),
            ("maven", "apache\\.org"),
            ("deb", "debian\\.org"),
            ("crates", "io"),
            ("golang", "org"),
        )
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.~$}])/(?:root|work|home/\w+|Users/\w+)(?![\w-])")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in (ROOT / name for name in listed.split("\0") if name) if path.is_file()]


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """(place, line) of a text file; nothing of a binary one."""
    data = path.read_bytes()
    if b"\0" in data:
        return
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        yield f"{path.relative_to(ROOT)}:{number}", line


def test_no_registry_host_in_git() -> None:
    assert [place for path in tracked() for place, line in lines_of(path) if HOSTS.search(line)] == []


def test_no_absolute_machine_path_in_git() -> None:
    assert [place for path in tracked() for place, line in lines_of(path) if MACHINE_PATHS.search(line)] == []


def test_files_are_short() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in tracked("*.py", "*.js")}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES} == {}


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": size
        for path in tracked("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_names_say_what_is_inside() -> None:
    said_nothing = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)\.(py|js)$")
    assert [str(path.relative_to(ROOT)) for path in tracked("*.py", "*.js") if said_nothing.search(path.name)] == []


def test_every_ignored_type_error_has_a_reason() -> None:
    bare = re.compile(r"# type: ignore(\[[^\]]*\])?\s*$")
    assert [place for path in tracked("*.py") for place, line in lines_of(path) if bare.search(line)] == []


def test_test_files_have_unique_names() -> None:
    """pytest imports them by file name alone."""
    names = [path.name for path in tracked("tests/**/*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
    assert "__init__.py" not in names


def test_documentation_links_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    dead = [
        f"{place} -> {target}"
        for path in tracked("*.md")
        for place, line in lines_of(path)
        for target in link.findall(line)
        if not (path.parent / target).exists()
    ]
    assert dead == []
