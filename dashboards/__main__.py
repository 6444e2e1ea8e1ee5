"""`python -m dashboards` writes every file anew; with `--check` it only says which are behind."""

import sys
from pathlib import Path

from dashboards.files import GRAFANA
from dashboards.generate import files


def behind(root: Path, wanted: dict[Path, str]) -> list[Path]:
    """Files below `root` that are missing, differ, or that nobody generates any more."""
    present = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    differing = {path for path, text in wanted.items() if path not in present or (root / path).read_text(encoding="utf-8") != text}
    return sorted(differing | (present - wanted.keys()))


def write(root: Path, wanted: dict[Path, str]) -> None:
    for path in behind(root, wanted):
        if path not in wanted:
            (root / path).unlink()
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(wanted[path], encoding="utf-8")


def main(arguments: list[str], root: Path = GRAFANA) -> int:
    wanted = files()
    if "--check" not in arguments:
        write(root, wanted)
        return 0
    late = behind(root, wanted)
    for path in late:
        print(f"behind: {root.name}/{path} (run `make dashboards`)", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
