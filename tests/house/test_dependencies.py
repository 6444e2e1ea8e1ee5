"""Locked, hashed, from no named host; and none that would shadow a room."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = frozenset(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
LOCKS = ("run", "dev", "uv", "node", "kernel")


def locked(name: str) -> dict[str, tuple[str, str]]:
    """Canonical name -> (version, the entry's whole text)."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    found = (re.match(r"([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", entry) for entry in entries)
    return {canonicalize_name(match[1]): (match[2], entry) for match, entry in zip(found, entries, strict=True) if match}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_has_hashes(name: str) -> None:
    entries = locked(name)
    assert entries
    assert [package for package, (_, entry) in entries.items() if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_locks_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"https?:|--(extra-)?index-url|--find-links| @ ", text)


def test_locks_hold_what_the_project_asks_for() -> None:
    run = [*PROJECT["project"]["dependencies"], *(one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra)]
    for lock, wanted in (("run", run), ("dev", run + PROJECT["dependency-groups"]["dev"])):
        entries = locked(lock)
        missing = [
            str(requirement)
            for requirement in map(Requirement, wanted)
            if (name := canonicalize_name(requirement.name)) not in entries or not requirement.specifier.contains(entries[name][0])
        ]
        assert missing == [], f"requirements/{lock}.txt is behind pyproject.toml: run `make lock`"


def test_run_and_dev_locks_agree() -> None:
    dev = locked("dev")
    assert {name: version for name, (version, _) in locked("run").items() if dev.get(name, ("",))[0] != version} == {}


def test_no_dependency_ships_a_room() -> None:
    """The rooms lie flat in site-packages: one dependency of the same name and imports would meet the wrong code."""
    shadowed = {
        f"{distribution.name}: {file}"
        for distribution in metadata.distributions()
        if canonicalize_name(distribution.name) != "mission-control"
        for file in distribution.files or ()
        if file.parts[0].removesuffix(".py").partition(".")[0] in ROOMS and not file.parts[0].endswith((".dist-info", ".pth"))
    }
    assert shadowed == set()


def test_console_packages_are_pinned_and_hashed() -> None:
    package = json.loads((ROOT / "console/package.json").read_text(encoding="utf-8"))
    pins = package["dependencies"] | package["devDependencies"]
    assert {name: pin for name, pin in pins.items() if not re.fullmatch(r"\d+\.\d+\.\d+", pin)} == {}
    lock = json.loads((ROOT / "console/package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert {name for name in pins if f"node_modules/{name}" not in lock} == set()
    assert [name for name, entry in lock.items() if name and ("integrity" not in entry or "resolved" in entry)] == []


def test_the_project_is_never_uploaded() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]
