"""Where the time of a run went: one row a stage, from what Snakemake measured of every job."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonbench.io import atomic
from anonbench.report._templates import jinja_environment


@dataclass(frozen=True)
class StageTime:
    """What the jobs of one stage took.

    Attributes
    ----------
    name : str
        The rule.
    jobs, measured : int
        Jobs of the run, and those whose times are known here: others ran elsewhere.
    seconds : float
        Wall-clock time, summed over the measured jobs.
    memory : float
        Largest resident memory of a job in MiB; NaN where it was too short to be seen.
    """

    name: str
    jobs: int
    measured: int
    seconds: float
    memory: float


def stage_times(files: Mapping[str, Sequence[Path | str]]) -> list[StageTime]:
    """Add up Snakemake's benchmark files.

    Parameters
    ----------
    files : mapping of str to sequence of path
        By rule, the benchmark file of every job. One that is not there was not measured.

    Returns
    -------
    list of StageTime
        In the order given.
    """
    return [_stage(name, [Path(path) for path in paths]) for name, paths in files.items()]


def _stage(name: str, paths: Sequence[Path]) -> StageTime:
    measured = [row for path in paths if path.is_file() for row in _rows(path)]
    memory = [float(row["max_rss"]) for row in measured if row["max_rss"] not in ("-", "NA")]
    return StageTime(
        name=name,
        jobs=len(paths),
        measured=len(measured),
        seconds=sum(float(row["s"]) for row in measured),
        memory=max(memory, default=float("nan")),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a benchmark file; there is one, as jobs are not repeated."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def write_times(files: Mapping[str, Sequence[Path | str]], out: Path | str) -> None:
    """Write the page of times that the report's provenance names.

    It is a page of its own, as times belong to one machine, and nothing else in a report does.
    """
    stages = stage_times(files)
    page = (
        jinja_environment()
        .get_template("time.html.j2")
        .render(stages=stages, total=sum(stage.seconds for stage in stages))
    )
    with atomic(out) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")
