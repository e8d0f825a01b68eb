"""Race AnonBench against the same experiment typed plainly with `face_recognition`.

Same photographs, methods, strengths, attacks and processor cores, side by side in one run of this
command; then every distance, EER, failure rate and count of the two is compared. Ends with an error
if they do not agree, or if the plain way takes less than ``--at-least`` times as long.
``python benchmarks/compare_face_recognition.py [--data FOLDER] [--subjects N] [--methods blur]``
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from plain_face_recognition import METHODS, STRENGTHS, divide, equal_error_rate, read_labels

from anonbench.comparisons import distances
from anonbench.io import read_embeddings, read_table
from anonbench.protocols import ATTACKS

ROOT = Path(__file__).resolve().parents[1]
PHOTOGRAPHS = ROOT.parent / "shared" / "photos" / "lfw100"
DRAWN = ROOT / "data" / "drawn"

TOLERANCE = 1e-5
"""Largest difference allowed between two distances: dlib and PyTorch add float32 in other orders.
Counts and failure rates have to be the same; an EER may move as far as this moves it."""

ROUNDING = 1e-8
"""Of the nine digits in a CSV file."""

SCORES = "results/score/{}_face/photos.dlib.metrics.csv"
VARIANTS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "numbers": ("the same numbers", {"policies": ["detected"]}, False),
    "run": ("whole run, policy detected", {"policies": ["detected"]}, True),
    "both": ("whole run, both policies", {"policies": ["detected", "aligned"]}, True),
}
"""What AnonBench is asked for: label, protocol, and whether for everything (with intervals,
utility, figures, checks and report) or for the score files alone."""


@dataclass(frozen=True)
class Timing:
    """Seconds that a command took; `cpu` adds up all its processes."""

    wall: float
    cpu: float
    output: str


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    times, tables = race(options)
    return _verdict(times, tables, options.at_least)


def race(options: argparse.Namespace) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Run everything; return the times, and the numbers side by side for each run of AnonBench."""
    cores = sorted(os.sched_getaffinity(0))
    times: list[dict[str, Any]] = []
    tables: dict[str, pd.DataFrame] = {}
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        work = Path(folder)
        n_images = _choose_photographs(options.data, options.subjects, work / "photos")
        print(f"{n_images} images, {', '.join(options.methods)} {', '.join(options.strengths)}; "
              f"{len(cores)} cores, load before the start {os.getloadavg()[0]:.1f}")  # fmt: skip
        for n in options.cores or dict.fromkeys([1, len(cores)]):
            plain = _plain(options, work / "photos", work / "plain.npz", cores[:n])
            times.append(_time_row(n, "plain", plain, plain))
            print(f"cores {n}, plain: {plain.wall:.1f} s ({plain.output.strip()})", flush=True)
            for key in options.variants:
                project = work / f"{key}-{n}"
                run, idle = _anonbench(key, options, project, cores[:n])
                name = f"AnonBench, {VARIANTS[key][0]}"
                times.append(_time_row(n, name, run, plain))
                print(f"cores {n}, {name}: {run.wall:.1f} s (snakemake -n {idle.wall:.1f} s, "
                      f"{_stages(project)})", flush=True)  # fmt: skip
                table = _agreement(work / "photos", project, work / "plain.npz")
                tables[f"{name}, cores {n}"] = table
    return pd.DataFrame(times), tables


def _time_row(cores: int, name: str, run: Timing, plain: Timing) -> dict[str, Any]:
    same = run is plain
    row = {"cores": cores, "run": name, "wall": run.wall, "cpu": run.cpu}
    for clock, ratio in (("wall", plain.wall / run.wall), ("cpu", plain.cpu / run.cpu)):
        row[f"plain / this, {clock}"] = math.nan if same else ratio
    return row


def _stages(project: Path) -> str:
    """Return the seconds that the jobs of each stage took, by Snakemake's own benchmarks."""
    root = project / "benchmarks" / "results"
    seconds = Counter[str]()
    for file in sorted(root.rglob("*.tsv")):
        seconds[file.relative_to(root).parts[0]] += pd.read_csv(file, sep="\t")["s"].iloc[0]
    return ", ".join(f"{stage} {s:.1f} s" for stage, s in seconds.items())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    default = PHOTOGRAPHS if PHOTOGRAPHS.is_dir() else DRAWN
    parser.add_argument("--data", type=Path, default=default, help="folder with labels.csv")
    parser.add_argument("--subjects", type=int, help="use only the first N subjects")
    parser.add_argument("--methods", default=",".join(METHODS), help="default: %(default)s")
    parser.add_argument("--strengths", default=STRENGTHS, help="of every method: pixels of the box "
                        "kernel's side, cells on the mosaic's; default: %(default)s")  # fmt: skip
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--cores", type=int, nargs="+", help="default: 1, and all there are")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="FACTOR",
                        help="fail unless the plain way takes so many times as long as AnonBench's "
                        "first variant on as many cores")  # fmt: skip
    options = parser.parse_args(arguments)
    if not (options.data / "labels.csv").is_file():
        parser.error(f"no labels.csv in {options.data}; `snakemake` draws data/drawn")
    options.methods, options.strengths = options.methods.split(","), options.strengths.split(",")
    if not set(options.methods) <= set(METHODS):
        parser.error(f"methods are {', '.join(METHODS)}")
    return options


def _choose_photographs(data: Path, subjects: int | None, out: Path) -> int:
    """Link the images of the first subjects, so that both sides read the same folder."""
    labels = read_labels(data)
    chosen = set(sorted(set(labels.values()))[:subjects])
    rows = [(path, subject) for path, subject in labels.items() if subject in chosen]
    for path, _ in rows:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).symlink_to((data / path).resolve())
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "subject"), *rows])
    return len(rows)


def _timed(command: list[str], folder: Path, cores: list[int]) -> Timing:
    """Run a command on some cores only; everything it starts stays on them."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
    env["PYTHONPATH"] = str(ROOT / "src")  # the code beside this file, whatever is installed
    log = folder / "output.log"
    before = os.times()
    start = time.perf_counter()
    with log.open("w") as file:
        done = subprocess.run(
            command, cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT,
            check=False, preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )  # fmt: skip
    wall, after = time.perf_counter() - start, os.times()
    output = log.read_text(errors="replace")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-4000:]}")
    cpu = after.children_user + after.children_system
    return Timing(wall, cpu - before.children_user - before.children_system, output)


def _plain(options: argparse.Namespace, photos: Path, out: Path, cores: list[int]) -> Timing:
    script = Path(__file__).with_name("plain_face_recognition.py")
    command = [sys.executable, str(script), str(photos), str(out)]
    command += ["--methods", ",".join(options.methods), "--strengths", ",".join(options.strengths)]
    return _timed(command, photos.parent, cores)


def _anonbench(key: str, options: argparse.Namespace, project: Path,
               cores: list[int]) -> tuple[Timing, Timing]:  # fmt: skip
    """Time a run by Snakemake in an empty folder, and a dry run before it."""
    _, protocol, everything = VARIANTS[key]
    methods = [f"{method}_face" for method in options.methods]
    strengths = [int(s) for s in options.strengths]
    targets = [] if everything else [SCORES.format(method) for method in options.methods]
    project.mkdir()
    experiment = {
        "run": {"datasets": ["photos"], "methods": methods, "recognisers": ["dlib"],
                "expressions": []},
        "datasets": {"photos": {"type": "folder", "path": str(project.parent / "photos"),
                                "faces": "central", "enrolment": "first"}},
        "methods": {method: {"strengths": strengths} for method in methods},
        "protocol": protocol,
        # The plain way has no second detector for the subject, and looks for no eyes or landmarks.
        "detection": {
            "subject": ["dlib_hog"],
            "landmarks": "",
            "options": {"haar": {"eyes": False}, "dlib_hog": {"landmarks": False}},
        },
        # Rates of few comparisons are worth nothing, but here they are only to be the same.
        "metrics": {"minimum_mated": 1},
    }  # fmt: skip
    (project / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    command = [
        "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile"), "--cores", str(len(cores)),
        "--configfile", str(ROOT / "params.yaml"), "experiment.yaml",
    ]  # fmt: skip
    idle = _timed([*command, "-n"], project, cores)
    return _timed(command, project, cores), idle


def _agreement(photos: Path, project: Path, plain_out: Path) -> pd.DataFrame:
    """Compare all numbers; `agrees` is False where any is further off than it may be."""
    labels = read_labels(photos)
    gallery, probes = divide(labels)
    mated = np.array([[labels[p] == labels[g] for g in gallery] for p in probes])
    rows = []
    with np.load(plain_out) as plain:
        for key, theirs in json.loads(str(plain["numbers"])).items():
            method, strength, attack = key.split("/")
            ours = _our_numbers(project, method, strength, attack)
            distance = _our_distances(project, method, strength, attack, probes, gallery)
            rows.append(_row(key, theirs, ours, plain[key], distance, mated))
    return pd.DataFrame(rows)


def _our_numbers(project: Path, method: str, strength: str, attack: str) -> dict[str, float]:
    """Return what AnonBench printed of a condition; `n` is the number of comparisons behind it."""
    metrics = read_table(project / SCORES.format(method))
    condition = {"policy": "detected", "strength": strength, "attack": attack}
    chosen = (metrics[list(condition)] == pd.Series(condition)).all(axis=1)
    metrics = metrics[chosen].set_index("metric")
    values, n = metrics["value"], metrics["n"]
    mated = int(n["fnmr_at_fmr_0.1"])
    eer, fta, nonmated = values["eer"], values["fta"], int(n["eer"]) - mated
    return {"eer": eer, "fta": fta, "mated": mated, "nonmated": nonmated}


def _our_distances(
    project: Path, method: str, strength: str, attack: str, probes: list[str], gallery: list[str]
) -> NDArray[np.float32]:
    """Return AnonBench's distances (probes x gallery), inf where one side failed."""

    def side(source: str, names: list[str]) -> NDArray[np.float32]:
        folder = "original" if source == "original" else f"{method}_face"
        found = read_embeddings(project / f"results/embed/{folder}/photos.dlib.npz")
        place = found.strengths.index("none" if source == "original" else strength)
        rows = [found.image_ids.index(name) for name in names]
        return found.embeddings[place, found.policies.index("detected")][rows]

    return distances(side(ATTACKS[attack].probe, probes), side(ATTACKS[attack].gallery, gallery))


def _row(
    key: str,
    theirs: dict[str, float],
    ours: dict[str, float],
    plain: NDArray[np.float64],
    distance: NDArray[np.float32],
    mated: NDArray[np.bool_],
) -> dict[str, Any]:
    """Compare one condition."""
    completed = np.isfinite(plain)
    same_pairs = bool((completed == np.isfinite(distance)).all())
    both = completed & np.isfinite(distance)
    furthest = float(np.abs(plain[both] - distance[both]).max(initial=0.0))
    # The EER with all distances as far off as they may be, for better and for worse.
    own, others = plain[completed & mated], plain[completed & ~mated]
    least = equal_error_rate(list(own - TOLERANCE), list(others + TOLERANCE))
    most = equal_error_rate(list(own + TOLERANCE), list(others - TOLERANCE))
    neither = math.isnan(theirs["eer"]) and math.isnan(ours["eer"])
    agrees = (
        same_pairs
        and furthest <= TOLERANCE
        and (neither or least - ROUNDING <= ours["eer"] <= most + ROUNDING)
        and abs(theirs["fta"] - ours["fta"]) <= ROUNDING
        and all(theirs[name] == ours[name] for name in ("mated", "nonmated"))
    )
    columns: dict[str, Any] = {"condition": key}
    for name in ("eer", "fta", "mated", "nonmated"):
        columns |= {f"{name}": theirs[name], f"{name} AnonBench": ours[name]}
    return {**columns, "largest difference": furthest, "agrees": agrees}


def _verdict(times: pd.DataFrame, tables: dict[str, pd.DataFrame], at_least: float) -> int:
    """Print all tables and say whether the race counts."""
    shown, faults = None, []
    for run, table in tables.items():
        if shown is None or not table.equals(shown):
            print(f"\nNumbers, plain and {run}:\n{table.to_string(index=False)}")
        shown = table
        wrong = table.loc[~table["agrees"], "condition"]
        faults += [f"{run}: {key}: numbers disagree" for key in wrong]
    print(f"\nTimes in seconds:\n{times.round(2).to_string(index=False)}")
    ratio = times["plain / this, wall"].dropna().iloc[0]
    if ratio < at_least:
        faults.append(f"the plain way takes {ratio:.2f} times as long, less than {at_least:g}")
    print("\n".join(["", *faults]) if faults else "\nAll numbers agree.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
