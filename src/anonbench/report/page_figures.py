"""Figures of expressions as part of the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from anonbench.report.page_run import Run

PALETTE = 256
"""Colours of an embedded chart."""

_FIGURES = (
    ("expressions", "How much of the expressions is left"),
    ("confusion", "What expressions turn into"),
)


def expression_pictures(
    run: Run, figures: Sequence[Path | str]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the figures of expressions that there are.

    Parameters
    ----------
    run : Run
        Whose data sets, networks and policies.
    figures : sequence of path
        Figures of the run, in folders named by their data set.

    Returns
    -------
    dict
        By data set and network: pairs of caption and data URI, the first kind of figure first.
    """
    paths = {(Path(f).parent.name, Path(f).name): Path(f) for f in figures}
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for dataset in run.datasets:
        for network in run.networks:
            own = found.setdefault((dataset, network), [])
            for kind, caption in _FIGURES:
                for policy in run.plan["policies"]:
                    path = paths.get((dataset, f"{kind}.{network}.{policy}.png"))
                    if path is not None and path.is_file():
                        own.append((f"{caption}, {policy} faces", few_colours(path)))
    return found


def few_colours(path: Path) -> str:
    """Return a chart as a data URI of a PNG with a palette, a third of its size."""
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(PALETTE, Image.Quantize.MAXCOVERAGE, kmeans=2)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
