"""All figures of one data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from anonbench.report._style import save, style
from anonbench.report._tables import LandmarkFiles, Tables
from anonbench.report.closeness import closeness_figure
from anonbench.report.confusions import confusion_figure
from anonbench.report.contact_sheet import contact_sheet_figure
from anonbench.report.contrasts import contrasts_figure
from anonbench.report.det import det_figure
from anonbench.report.det_methods import methods_figure
from anonbench.report.distances import distances_figure
from anonbench.report.expressions import expressions_figure
from anonbench.report.landmarks import landmarks_figure
from anonbench.report.names import SUFFIXES, contrast_stems
from anonbench.report.strengths import strengths_figure
from anonbench.report.tradeoff import tradeoff_figure
from anonbench.report.tradeoff_details import details_figure
from anonbench.report.tradeoff_grid import grid_figure

BY_SUFFIX = ("contact_sheet",)
"""Figures that are drawn anew for each file format; others are drawn once."""

Draw = Callable[[str], Figure]
"""Suffix -> figure."""


def write_figures(
    *,
    dataset: str,
    plan: Mapping[str, Any],
    metrics: Path | str,
    curves: Path | str,
    histograms: Path | str,
    ledger: Path | str,
    pareto: Path | str,
    manifest: Path | str,
    archives: Mapping[str, Path | str],
    out: Sequence[Path | str],
    confusion: Path | str | None = None,
    contrasts: Path | str | None = None,
    located: Path | str | None = None,
    faces: Mapping[str, Path | str] | None = None,
    refound: Mapping[str, Path | str] | None = None,
    processes: int = 1,
) -> None:
    """Draw the figures of one data set.

    Parameters
    ----------
    dataset, plan : str, mapping
        Name in the tables; `anonbench.workflow.Plan.summary`.
    metrics, curves, histograms, ledger, pareto : path
        Summary tables of the run.
    manifest : path
        Labels of the data set.
    archives : mapping of str to path
        Anonymised images of the data set by method.
    out : sequence of path
        Files to write; their names are those of `anonbench.report.names.figure_names`. The same
        input gives the same bytes.
    confusion : path, optional
        Summary table of predicted expressions; None where the run has no expression network.
    contrasts : path, optional
        Summary table of differences; None where the run compares no methods.
    located, faces, refound : path and mappings of str to path, optional
        See `anonbench.report._tables.LandmarkFiles`.
    processes : int
        How many figures to draw at a time.

    Raises
    ------
    ValueError
        For a file that is no figure of this run.
    """
    files = {"metrics": metrics, "curves": curves, "histograms": histograms, "ledger": ledger}
    files |= {"pareto": pareto, "manifest": manifest}
    if confusion is not None:
        files["confusion"] = confusion
    if contrasts is not None:
        files["contrasts"] = contrasts
    tables = Tables.read(dataset, plan, files, archives, _landmarks(located, faces, refound))
    known = drawings(tables)
    wanted = [(path, Path(path).suffix, Path(path).name) for path in out]
    unknown = [n for _, suffix, n in wanted
               if suffix not in SUFFIXES or n.removesuffix(suffix) not in known]  # fmt: skip
    if unknown:
        raise ValueError(f"no figures of this run: {', '.join(unknown)}")
    stems = dict.fromkeys(n.removesuffix(suffix) for _, suffix, n in wanted)
    jobs = [(stem, [p for p, suffix, n in wanted if n == stem + suffix]) for stem in stems]
    if processes == 1:
        _write_all(tables, jobs)
        return
    with ProcessPoolExecutor(processes) as pool:
        shares = [jobs[k::processes] for k in range(processes)]
        list(pool.map(partial(_write_all, tables), shares))


def _landmarks(
    located: Path | str | None,
    faces: Mapping[str, Path | str] | None,
    refound: Mapping[str, Path | str] | None,
) -> LandmarkFiles | None:
    if located is None or not faces or not refound:
        return None
    known = ({name: Path(path) for name, path in given.items()} for given in (faces, refound))
    return LandmarkFiles(Path(located), *known)


def _write_all(tables: Tables, jobs: Sequence[tuple[str, Sequence[Path | str]]]) -> None:
    """Draw figures, given by stem, into their files."""
    draw = drawings(tables)
    for stem, paths in jobs:
        _write(draw[stem], paths, stem in BY_SUFFIX)


def _write(draw: Draw, paths: Sequence[Path | str], by_suffix: bool) -> None:
    with style():
        figure = None
        for path in paths:
            if figure is None or by_suffix:
                figure = draw(Path(path).suffix)
            save(figure, path)


def drawings(tables: Tables) -> dict[str, Draw]:
    """Return what draws each figure of a run, by the stem of its file name."""
    plan = tables.plan
    systems = [(r, p) for r in plan["recognisers"] for p in plan["policies"]]
    found: dict[str, Draw] = {}
    for system, policy in systems:
        for attack in plan["attacks"]:
            where = f"{attack}.{system}.{policy}"
            found[f"det.{where}"] = _any(det_figure, tables, attack, system, policy)
            found[f"det_methods.{where}"] = _any(methods_figure, tables, attack, system, policy)
        found[f"strengths.{system}.{policy}"] = _any(strengths_figure, tables, system, policy)
        found[f"distances.{system}.{policy}"] = _any(distances_figure, tables, system, policy)
        found[f"closeness.{system}.{policy}"] = _any(closeness_figure, tables, system, policy)
    for network in plan.get("expressions", {}):
        for policy in plan["policies"]:
            where = f"{network}.{policy}"
            found[f"expressions.{where}"] = _any(expressions_figure, tables, network, policy)
            found[f"confusion.{where}"] = _any(confusion_figure, tables, network, policy)
    found["tradeoff"] = _any(tradeoff_figure, tables)
    found["tradeoff_grid"] = _any(grid_figure, tables)
    found["tradeoff_details"] = _any(details_figure, tables)
    compared = {"contrasts": contrasts_figure, "landmarks": landmarks_figure}
    for stem in contrast_stems(plan):
        found[stem] = _any(compared[stem], tables)
    found["contact_sheet"] = lambda suffix: contact_sheet_figure(tables, limited=suffix == ".svg")
    return found


def _any(function: Callable[..., Figure], *arguments: Any) -> Draw:
    """Return a drawing that is the same for every suffix."""
    return partial(_ignore_suffix, function, arguments)


def _ignore_suffix(function: Callable[..., Figure], arguments: Sequence[Any], _: str) -> Figure:
    return function(*arguments)
