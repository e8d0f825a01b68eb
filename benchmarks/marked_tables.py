"""Tables of pages, each between two comments that name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from anonbench.io import atomic


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markers(name: str) -> tuple[str, str]:
    """Return the comments before and after a table."""
    return f"<!-- {name}: start -->", f"<!-- {name}: end -->"


def check(path: Path, names: Iterable[str]) -> None:
    """Check that a page has the markers of tables, for instance before they are computed.

    Raises
    ------
    ValueError
        If it lacks one; the message names both.
    """
    page = path.read_text(encoding="utf-8")
    for start, end in map(markers, names):
        if f"{start}\n" not in page or f"\n{end}" not in page:
            raise ValueError(f"{path}: no {start} and {end}")


def fill(path: Path, tables: Mapping[str, str]) -> None:
    """Replace tables of a page, by name; nothing is written unless `check` finds them all."""
    check(path, tables)
    page = path.read_text(encoding="utf-8")
    for name, table in tables.items():
        start, end = markers(name)
        before, rest = page.split(f"{start}\n", 1)
        page = f"{before}{start}\n{table}\n{end}" + rest.split(f"\n{end}", 1)[1]
    with atomic(path) as partial:
        partial.write_text(page, encoding="utf-8")
