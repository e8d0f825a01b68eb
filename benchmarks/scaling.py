"""Run the whole workflow on data sets of growing size: time and memory of every stage.

``python benchmarks/scaling.py [--images 500,1000] [--subjects 20,100] [--strengths 1,2]``. Every
size runs through Snakemake in a clone of its own; the rows go to ``scaling.csv`` and the plot to
``images/scaling.png`` in the folder ``--out``. A size whose rows are there is not run again, unless
``--again`` asks for it, so an interrupted study goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from clones import ROOT, Clone, fresh_clone
from scaling_data import Size, sources, write_data_set
from scaling_plot import draw, fits, fits_text

from anonbench.io import atomic
from anonbench.report.times import stage_times

STRENGTHS = (30, 40, 50, 60, 70, 80, 90, 100)
"""Sides of the box kernel in pixels; a run takes the first of them."""

KEY = ["images", "subjects", "strengths"]
COLUMNS = [*KEY, "stage", "jobs", "seconds", "cpu_seconds", "memory_mib", "cores"]
"""`seconds` (wall-clock) and `cpu_seconds` are sums over a stage's jobs, `memory_mib` the largest
resident memory of one, both as Snakemake samples them: every half second at first, every 30 s
after half a minute. Stage `whole run` is the command, Snakemake's own time included."""

WHOLE = "whole run"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    csv, plot = options.out / "scaling.csv", options.out / "images" / "scaling.png"
    table = read(csv)
    table = table[:0] if options.again else table
    if options.plot:
        todo = []
    else:
        todo = [s for s in sizes(options) if not _finished(table, s)]
        others = set(table["cores"]) - {options.cores}
        if others:
            print(f"{csv.name} was measured with --cores {others.pop()}: choose that, or --again")
            return 2
    faces = sources() if todo else []
    for number, size in enumerate(todo, 1):
        print(f"{number} of {len(todo)}: {size}", flush=True)
        rows = run(size, faces, options.cores, options.work)
        print(f"  {rows.set_index('stage').loc[WHOLE, 'seconds']:.0f} s", flush=True)
        table = pd.concat([table, rows]) if len(table) else rows
        table = table.sort_values(KEY, kind="stable", ignore_index=True)
        with atomic(csv) as partial:
            table.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    if table.empty:
        print(f"nothing to draw: no rows in {csv.name}")
        return 2
    draw(table, plot)
    print(fits_text(fits(table)))
    return 0


def read(csv: Path) -> pd.DataFrame:
    """Return the rows of a study so far; none if there is no file."""
    return pd.read_csv(csv) if csv.is_file() else pd.DataFrame(columns=COLUMNS)


def _finished(table: pd.DataFrame, size: Size) -> bool:
    """Tell whether a table has the rows of a size."""
    own = table[(table[KEY] == [size.images, size.subjects, size.strengths]).all(axis=1)]
    return WHOLE in set(own["stage"])


def sizes(options: argparse.Namespace) -> list[Size]:
    """Return what to run, the smallest first and nothing twice."""
    chosen = {Size.of(n) for n in options.images}
    chosen |= {Size.of(options.subjects_at, subjects=n) for n in options.subjects}
    chosen |= {Size.of(options.strengths_at, strengths=n) for n in options.strengths}
    return sorted(chosen)


def run(size: Size, faces: Sequence[bytes], cores: int, work: Path | None = None) -> pd.DataFrame:
    """Run the workflow once on a set of a size; return one row a stage, see `COLUMNS`.

    Parameters
    ----------
    size : Size
        Images, subjects, strengths.
    faces : sequence of bytes
        What the set is made of.
    cores : int
        For Snakemake.
    work : Path, optional
        Where the clone is made, and removed; by default where temporary files go.

    Raises
    ------
    CommandError
        If the run fails.
    """
    with tempfile.TemporaryDirectory(prefix="scaling-", dir=work) as folder:
        clone = fresh_clone(Path(folder) / "clone")
        write_data_set(clone.path / "data" / "scaling", size, faces)
        clone.edit(experiment(size.strengths))
        whole = clone.run("snakemake", "--cores", str(cores))
        stages = _stages(clone)
    last = {"stage": WHOLE, "jobs": stages["jobs"].sum(), "seconds": whole.wall,
            "cpu_seconds": whole.cpu, "memory_mib": np.nan}  # fmt: skip
    rows = pd.concat([stages, pd.DataFrame([last])], ignore_index=True)
    rows = rows.assign(
        images=size.images, subjects=size.subjects, strengths=size.strengths, cores=cores
    )
    return rows[COLUMNS]


def experiment(strengths: int) -> dict[str, Any]:
    """Return what a run changes in params.yaml: one method, and HOG the only detector."""
    data = {"type": "folder", "path": "data/scaling", "faces": "largest", "enrolment": "first"}
    method = {"detectors": ["dlib_hog"], "strengths": list(STRENGTHS[:strengths])}
    return {
        "run": {
            "datasets": ["scaling"],
            "methods": ["blur_face"],
            "recognisers": ["dlib"],
            "expressions": [],
        },
        "datasets": {"scaling": data},
        "methods": {"blur_face": method},
        "detection": {"subject": ["dlib_hog"], "utility": ["dlib_hog"], "landmarks": ""},
    }


def _stages(clone: Clone) -> pd.DataFrame:
    """Return what the stages of a finished run took, in the order of the data."""
    files = clone.benchmark_files()
    rows = []
    for stage in stage_times(files):
        cpu = [pd.read_csv(f, sep="\t")["cpu_time"] for f in files[stage.name]]
        seconds = pd.to_numeric(pd.concat(cpu), errors="coerce").sum(skipna=False)
        rows.append({"stage": stage.name, "jobs": stage.jobs, "seconds": stage.seconds,
                     "cpu_seconds": seconds, "memory_mib": stage.memory})  # fmt: skip
    return pd.DataFrame(rows)


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",") if part]
    if any(n < 1 for n in numbers):
        raise argparse.ArgumentTypeError("numbers are at least 1")
    return numbers


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=_numbers, default="500,1000,2000,4000,8000",
                        help="sizes, in images; default: %(default)s")  # fmt: skip
    parser.add_argument("--subjects", type=_numbers, default="20,100,500",
                        help="numbers of subjects; default: %(default)s")  # fmt: skip
    parser.add_argument("--subjects-at", type=int, default=2000, metavar="IMAGES",
                        help="images divided among them; default: %(default)s")  # fmt: skip
    parser.add_argument("--strengths", type=_numbers, default="1,2,4,8",
                        help="numbers of strengths; default: %(default)s")  # fmt: skip
    parser.add_argument("--strengths-at", type=int, default=500, metavar="IMAGES",
                        help="images of these runs; default: %(default)s")  # fmt: skip
    parser.add_argument("--cores", type=int, default=1, help="for Snakemake; with one, no stage "
                        "waits for what runs beside it; default: %(default)s")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="forget the rows there are")
    parser.add_argument("--plot", action="store_true", help="run nothing, draw the rows there are")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="default: docs")
    parser.add_argument("--work", type=Path, help="folder for the clones")
    options = parser.parse_args(arguments)
    if max(options.strengths, default=1) > len(STRENGTHS):
        parser.error(f"--strengths: there are {len(STRENGTHS)}")
    try:
        sizes(options)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    sys.exit(main())
