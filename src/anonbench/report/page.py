"""The report: one HTML file that works offline and is the same for the same results."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from PIL import Image
from plotly.offline import get_plotlyjs

from anonbench.io import atomic, read_table, rows
from anonbench.report._templates import TEMPLATES, jinja_environment
from anonbench.report.cutouts import Archives, cutouts
from anonbench.report.page_closeness import closeness_table
from anonbench.report.page_contrasts import BEST, compared
from anonbench.report.page_data import payload
from anonbench.report.page_figures import expression_pictures
from anonbench.report.page_run import Key, Run, percent
from anonbench.report.page_tables import POLICY_NAMES, verdict
from anonbench.report.page_tradeoff import packed_points
from anonbench.report.page_utility import expression_tables, picture_table
from anonbench.report.page_warnings import LEDGER_ROWS, ledger_counts, notices

SHEET_BYTES = 1_000_000
"""A larger contact sheet is embedded smaller, as JPEG."""
SHEET_WIDTH = 1800


def write_report(
    *,
    plan: Mapping[str, Any],
    metrics: Path | str,
    curves: Path | str,
    histograms: Path | str,
    ledger: Path | str,
    leaks: Path | str,
    checks: Path | str,
    environment: Path | str,
    pareto: Path | str,
    contrasts: Path | str,
    manifests: Mapping[str, Path | str],
    archives: Archives,
    figures: Sequence[Path | str],
    out: Path | str,
) -> None:
    """Write the page.

    Parameters
    ----------
    plan : mapping
        `anonbench.workflow.Plan.summary`.
    metrics, curves, histograms, ledger, leaks, checks, pareto, contrasts : path
        As `anonbench.summarise.summarise_files` wrote them.
    environment : path
        As `anonbench.provenance.provenance_file` wrote it.
    manifests : mapping of str to path
        By data set.
    archives : mapping of (str, str) to path
        Anonymised images by data set and method: a few of them stand beside the trade-off.
    figures : sequence of path
        Figures of the run; contact sheets, and those of expressions and of pairs of methods,
        become part of the page.
    out : path
        HTML file. It holds scripts, styles, data and pictures, loads nothing, and depends on
        nothing but the inputs: neither on the time nor on the machine.
    """
    files = {
        "metrics": metrics, "curves": curves, "histograms": histograms, "ledger": ledger,
        "leaks": leaks, "checks": checks, "environment": environment, "pareto": pareto,
        "contrasts": contrasts,
    }  # fmt: skip
    run = Run.read(plan, files)
    pictures = cutouts(archives, _subjects(manifests), _strengths(run), run.ledger)
    data = payload(run, tradeoff=packed_points(run), cutouts=pictures)
    page = _environment().get_template("index.html.j2").render(_context(run, figures, data))
    with atomic(out) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")


def _environment() -> Environment:
    jinja = jinja_environment()
    jinja.filters["percent"] = percent
    return jinja


def _subjects(manifests: Mapping[str, Path | str]) -> dict[str, dict[str, str]]:
    tables = {dataset: read_table(path) for dataset, path in manifests.items()}
    return {d: dict(zip(t["image_id"], t["subject"], strict=True)) for d, t in tables.items()}


def _strengths(run: Run) -> dict[str, tuple[str, ...]]:
    return {m.name: m.strengths for m in run.methods}


def _context(run: Run, figures: Sequence[Path | str], data: str) -> dict[str, Any]:
    return {
        "run": run,
        "facts": [_dataset_facts(run, d) for d in run.datasets],
        "drawn": [d for d in run.datasets if run.is_drawn(d)],
        "bundled": [d for d in run.datasets if run.is_bundled(d)],
        "notices": notices(run),
        "passed": [c for c in run.checks if c["passed"]],
        "verdicts": [verdict(run, d) for d in run.datasets],
        "policy_names": POLICY_NAMES,
        "closeness": [closeness_table(run, d) for d in run.datasets],
        "expressions": [(d, expression_tables(run, d)) for d in run.datasets],
        "expression_pictures": expression_pictures(run, figures),
        "compared": compared(run, figures, data_uri),
        "best_attack": BEST,
        "pictures_left": [picture_table(run, d) for d in run.datasets],
        "sheets": contact_sheets(run.datasets, figures),
        "ledger_counts": ledger_counts(run),
        "ledger_rows": list(rows(run.ledger.head(LEDGER_ROWS))),
        "ledger_length": len(run.ledger),
        "parameters": json.dumps(run.environment.get("parameters", {}), indent=2, sort_keys=True),
        "code": list(_flat(run.environment.get("code", {}))),
        "plotly": _script(get_plotlyjs()),
        "data": Markup(data),
        "styles": _inline("style.css"),
        "scripts": [_inline(name) for name in ("page.js", "charts.js", "tradeoff.js")],
    }


def _inline(name: str) -> Markup:
    return _script((TEMPLATES / name).read_text("utf-8"))


def _script(text: str) -> Markup:
    """Return text of a script or style element, which must not hold the end of one."""
    if "</script" in text.lower() or "</style" in text.lower():
        raise ValueError("a script or style to inline holds the end tag of its own element")
    return Markup(text)


def _dataset_facts(run: Run, dataset: str) -> dict[str, Any]:
    """Return what the data set is and how much can be told from it."""
    cells = run.cells.get((dataset, "original", "none"), {})
    system, policy = run.plan["recognisers"][0], run.plan["policies"][0]
    at = f"{run.plan['metrics']['distance_threshold']:g}"

    def count(key: Key) -> str:
        row = cells.get(key)
        return "n/a" if row is None or row.n != row.n else f"{row.n:,.0f}"

    own = run.ledger[(run.ledger["dataset"] == dataset) & (run.ledger["stage"] == "ingest")]
    return {
        "name": dataset,
        "entry": run.dataset_entry(dataset),
        "images": count(Key("fail_closed")),
        "subjects": count(Key("fte", "baseline", system, policy)),
        "probes": count(Key("fta", "baseline", system, policy)),
        "mated": count(Key(f"mated_accepted_at_{at}", "baseline", system, policy)),
        "nonmated": count(Key(f"nonmated_accepted_at_{at}", "baseline", system, policy)),
        "ingest": len(own),
        "digest": run.environment.get("inputs", {}).get(dataset, "n/a"),
    }


def contact_sheets(datasets: Sequence[str], figures: Sequence[Path | str]) -> list[tuple[str, str]]:
    """Return the contact sheets that there are as (data set, data URI)."""
    paths = {Path(f).parent.name: Path(f) for f in figures if Path(f).name == "contact_sheet.png"}
    return [(d, data_uri(paths[d])) for d in datasets if d in paths and paths[d].is_file()]


def data_uri(path: Path) -> str:
    """Return a picture as a data URI, smaller if it is large."""
    data, kind = path.read_bytes(), "png"
    if len(data) > SHEET_BYTES:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        if small.width > SHEET_WIDTH:
            height = round(small.height * SHEET_WIDTH / small.width)
            small = small.resize((SHEET_WIDTH, height), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=85, subsampling=0)
        data, kind = buffer.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _flat(content: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Return the leaves of a nested mapping with their joined keys."""
    found: list[tuple[str, str]] = []
    for key, value in content.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            found += _flat(value, f"{name} / ")
        else:
            found.append((name, str(value)))
    return found
