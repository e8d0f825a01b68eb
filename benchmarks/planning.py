"""What a run on a large data set takes: hours, storage and comparisons, from measured costs.

``python benchmarks/planning.py`` reads what ``scaling.py`` and ``everything.py`` measured
(``docs/scaling.csv``, ``docs/benchmarks.json``) and how large the bundled faces are as stored, and
writes the tables of ``docs/planning.md`` between their markers. ``--scaling FILE`` takes another
machine's rows, ``--print`` writes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from clones import ROOT
from faces_look import decode
from marked_tables import fill, markdown
from scaling_data import sources

from anonbench.io import encode_png

PAGE = ROOT / "docs" / "planning.md"
JOB_START = 8.0
"""Seconds that starting a job takes on Slurm, where Snakemake starts twice more for each."""
CORES = 32
"""Of a node."""
PART = 20_000
"""Images a part, the default of `part_size`."""
DIMENSION = 128
"""Of dlib's embeddings; float32, for two policies."""
STAGES = ("anonymise", "redetect", "embed", "measure")
"""Done once a condition, a method at a strength; `redetect` by one detector."""


@dataclass(frozen=True)
class Costs:
    """Seconds of one core.

    Attributes
    ----------
    once : dict of str to float
        An image, by stages that look at the originals.
    condition : dict of str to float
        An image and condition, by `STAGES`.
    pairs : float
        Comparisons a second, on two threads.
    bytes : float
        Of an image as stored.
    """

    once: dict[str, float]
    condition: dict[str, float]
    pairs: float
    bytes: float


@dataclass(frozen=True)
class Target:
    """A data set by its size."""

    name: str
    images: int
    subjects: int


TARGETS = (
    Target("CelebA, test partition", 19_962, 1_000),
    Target("CelebA", 202_599, 10_177),
    Target("CASIA-WebFace", 494_414, 10_575),
    Target("VGGFace2", 3_310_000, 9_131),
    Target("WebFace42M", 42_000_000, 2_000_000),
)
CONDITIONS = 13
"""Of the default experiment: twelve methods at strengths, and `original`; `blank` costs little."""

STRENGTHS = 3
"""Of a method of that experiment, at most."""


def costs(scaling: pd.DataFrame, benchmarks: dict, faces: Sequence[bytes]) -> Costs:
    """Return the costs by the rows of the scaling study."""
    largest = scaling[scaling["images"] == scaling["images"].max()].set_index("stage")
    images = float(largest["images"].iloc[0])
    once = {s: float(largest["seconds"][s]) / images for s in ("ingest", "detect", "locate")}
    by_strength = scaling[scaling["images"] == scaling["images"].min()]
    condition = {}
    for stage in STAGES:
        rows = by_strength[by_strength["stage"] == stage]
        # The slope leaves out what a job costs by itself, and the controls, which have no strength.
        slope = np.polyfit(rows["strengths"], rows["seconds"], 1)[0]
        condition[stage] = float(slope) / float(rows["images"].iloc[0])
    rows = benchmarks["parts"]["all_pairs"]["rows"]
    speed = next(r["ours"] for r in rows if r["what"] == "comparing two embeddings")
    stored = float(np.mean([len(encode_png(decode(face))) for face in faces[::8]]))
    return Costs(once, condition, float(speed.split()[0]) * 1e6, stored)


def cost_table(c: Costs) -> pd.DataFrame:
    """Return what an image costs, by stage."""
    rows = [(s, "image", 1000 * v) for s, v in c.once.items()]
    rows += [(s, "image and condition", 1000 * v) for s, v in c.condition.items()]
    return pd.DataFrame(
        [(s, per, f"{ms:.1f}") for s, per, ms in rows], columns=["stage", "once an", "ms of a core"]
    )


def plan(target: Target, c: Costs) -> dict[str, str]:
    """Return the row of one data set."""
    parts = max(1, -(-target.images // PART))
    work = target.images * (sum(c.once.values()) + CONDITIONS * sum(c.condition.values())) / 3600
    # A job a method, stage and part, and detection; eight methods with the controls' one.
    jobs = parts * (8 * len(STAGES) + 1)
    core_hours = work + jobs * JOB_START / 3600
    chain = chain_hours(target.images, target.images / parts, c)
    one, ten = (max(core_hours / (n * CORES), chain) for n in (1, 10))
    probes = target.images - target.subjects
    pairs = target.subjects * probes
    return {
        "data set": target.name,
        "images": f"{target.images:,}",
        "parts": f"{parts:,}",
        "core hours": _short(core_hours),
        "start of jobs": f"{100 * (1 - work / core_hours):.1f} %",
        "hours, 1 node": _short(one),
        "hours, 10 nodes": _short(ten),
        "longest chain, hours": _short(chain),
        "images, GB": _short(target.images * (1 + CONDITIONS) * c.bytes / 1e9),
        "embeddings, GB": _short(target.images * CONDITIONS * 2 * DIMENSION * 4 / 1e9),
        "comparisons": f"{pairs:.1e}",
        "their time": _time(pairs / c.pairs),
    }


def chain_hours(images: float, part: float, c: Costs) -> float:
    """Return the hours of the jobs that have to wait for each other, however many nodes there are.

    Ingest and locate of all images, and for a part detection and a method with `STRENGTHS`.
    """
    work = c.condition
    method = work["anonymise"] + work["redetect"] + max(work["embed"], work["measure"])
    whole = images * (c.once["ingest"] + c.once["locate"])
    return (whole + part * (c.once["detect"] + STRENGTHS * method) + 6 * JOB_START) / 3600


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"


def part_table(c: Costs) -> pd.DataFrame:
    """Return what share of a method's time the start of its jobs takes, by the size of a part."""
    each = sum(c.condition.values())
    rows = []
    for size in (1_000, 5_000, 10_000, 20_000, 50_000):
        start = len(STAGES) * JOB_START
        shares = (f"{100 * start / (start + k * size * each):.1f} %" for k in (1, 3))
        longest = 3 * size * max(c.condition.values()) / 60
        rows.append((f"{size:,}", *shares, f"{longest:.0f} min"))
    columns = ["images a part", "1 strength", "3 strengths", "longest job, 3 strengths"]
    return pd.DataFrame(rows, columns=columns)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scaling", type=Path, default=ROOT / "docs" / "scaling.csv")
    parser.add_argument("--print", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    benchmarks = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    c = costs(pd.read_csv(options.scaling), benchmarks, sources())
    tables = {
        "costs": markdown(cost_table(c)) + f"\n\nA stored image takes {c.bytes / 1000:.0f} kB.",
        "parts": markdown(part_table(c)),
        "runs": markdown(pd.DataFrame([plan(target, c) for target in TARGETS])),
    }
    if options.print:
        print("\n\n".join(tables.values()))
        return 0
    fill(PAGE, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
