"""Puts tables into their places in a page: what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`."""

import re
from collections.abc import Sequence

from bench.tables import Table, markdown


def places(page: str) -> list[str]:
    """The names the page has places for, in order."""
    return [name for name in re.findall(r"<!-- bench:([\w-]+) -->", page) if f"<!-- /bench:{name} -->" in page]


def written(page: str, tables: Sequence[Table], measured: str) -> str:
    """The page with these tables, each with the line `measured`; the others stay. Tables without a place are left out."""
    for table in tables:
        begin, end = f"<!-- bench:{table.name} -->", f"<!-- /bench:{table.name} -->"
        if begin in page and end in page:
            before, _, rest = page.partition(begin)
            page = f"{before}{begin}\n{markdown(table)}\n\n{measured}\n{end}{rest.partition(end)[2]}"
    return page
