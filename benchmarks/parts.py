"""The parts of the one benchmark command: each measures one thing and returns rows of the table.

A part imports what it measures when it runs, so that one that cannot run fails alone.
"""

from __future__ import annotations

import csv
import importlib.util
import math
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from clones import BUNDLED, fresh_clone, need_faces
from faces_look import read_encoded, read_labels
from faces_text import table as markdown_table
from page import Result, Row, commit
from scaling_plot import ORDER

from anonbench.report.times import stage_times

EMBEDDER, COORDINATE, EER = 10.0, 1e-5, 1e-4
PRODUCT, MEMORY_GIB = 1.3, 2.0
START, DEMO_MINUTES = 5.0, 6.0
"""The goals."""


def _tiny(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def embedder(quick: bool) -> Result:
    """Measure recogniser `dlib` against dlib's own call."""
    from embedder_speed import cut_chips, measure

    need_faces()
    chips, subjects = cut_chips(BUNDLED, 24 if quick else 200)
    found = measure(chips, subjects, 3 if quick else 7)
    ratio, difference = found["ratio"], found["difference"]
    rows = [
        Row("embedding a face, processor time on one thread", f"{found['dlib_ms']:.2f} ms",
            f"{found['dlib_native_ms']:.1f} ms, dlib's own call", ratio,
            f"≥ {EMBEDDER:g} times as fast", ratio >= EMBEDDER),
        Row(f"largest difference of a coordinate, {len(chips)} faces", _tiny(difference),
            "dlib's own call", None, f"≤ {COORDINATE:g}", difference <= COORDINATE),
    ]  # fmt: skip
    if "eer" in found:
        gap = found["eer_difference"]
        rows.append(Row("difference of the EER", _tiny(gap), "dlib's own call", None,
                        f"≤ {EER:g}", gap <= EER))  # fmt: skip
    notes = [f"By wall clock the ratio is {found['ratio_wall']:.2f}."]
    return Result(rows, notes)


def detectors(quick: bool) -> Result:
    """Measure all detectors, in full and for boxes only, and the packing of images."""
    from detector_speed import BLURRED, BOXES, FULL, STRENGTH, measure, table

    costs = measure(4, 2) if quick else measure()
    by_key = {(c.name, c.build, c.images): c.ms for c in costs}
    rows = [
        Row(f"looking for faces in a blurred image, {name}, processor time",
            f"{ms:.1f} ms, {BOXES}", f"{by_key[name, FULL, BLURRED]:.1f} ms, {FULL}",
            by_key[name, FULL, BLURRED] / ms)
        for (name, build, images), ms in by_key.items() if build == BOXES and images == BLURRED
    ]  # fmt: skip
    head, *body = table(costs)
    text = (
        "Milliseconds of processor time an image on one core, medians, faces of 256 x 256 pixels; "
        f"blurred: box blur of the face, {STRENGTH} pixels. The workflow builds detectors for "
        "boxes only where it looks at methods' images. PNG as the archives store it.\n\n"
        + markdown_table(head, body)
    )
    return Result(rows, text=text)


def all_pairs(quick: bool) -> Result:
    """Measure the pass over all pairs against the bare product and others."""
    from all_pairs import measure

    threads = min(2, len(os.sched_getaffinity(0)))
    found = measure(10_000, threads, 1) if quick else measure(200_000, threads, 3)
    ratio, peak, different = found["ratio"], found["peak_gib"], found["different"]
    held = f"{found['held_comparisons']:,} comparisons"
    rows = [
        Row(f"pass over {found['comparisons'] / 1e6:,.0f} million pairs, {threads} threads",
            f"{found['sweep'] / 1e6:.0f} million/s",
            f"{found['product'] / 1e6:.0f} million/s, the float32 product alone", ratio,
            f"≤ {PRODUCT:g} times the product's time", ratio <= PRODUCT),
        Row(f"its memory, {found['images']:,} images", f"{peak:.2f} GiB", "", None,
            f"< {MEMORY_GIB:g} GiB", peak < MEMORY_GIB),
        Row(f"operating points that differ, {held}", f"{different:.0f}", "all scores in memory",
            None, "0", different == 0),
        Row(f"embeddings to error rates, {held}", f"{found['counted_seconds']:.2f} s",
            f"{found['roc_seconds']:.2f} s, scikit-learn's roc_curve of finished scores",
            found["roc_seconds"] / found["counted_seconds"]),
        Row("comparing two embeddings", f"{found['sweep'] / 1e6:.0f} million/s",
            f"{found['loop_rate'] / 1e6:.2f} million/s, a loop over pairs",
            found["sweep"] / found["loop_rate"]),
    ]  # fmt: skip
    notes = [
        f"By processor time the pass takes {found['ratio_cpu']:.2f} times as much as the product.",
        f"All that a score job does with {found['images']:,} images, rates and 1,000 bootstrap "
        f"replicates included: {found['seconds']:.0f} s, in {found['passes']:.0f} pass(es).",
        f"The AUC from the counts differs from that of the scores by {_tiny(found['auc_gap'])}.",
    ]
    if ratio > PRODUCT:
        notes.append(
            "Above the goal: what counts the pairs (histogram, nearest image) costs "
            f"{100 * (ratio - 1):.0f} % on top of the product."
        )
    return Result(rows, notes)


def start_up(quick: bool) -> Result:
    """Measure Snakemake where nothing is to be computed."""
    from start_up import measure

    empty, *starts = measure(1 if quick else 3, quick=quick)
    rows = [
        Row(s.what, f"{s.wall:.1f} s ({s.cpu:.1f} s processor)",
            f"{empty.wall:.1f} s, an empty Snakefile", None, f"≤ {START:g} s", s.wall <= START)
        for s in starts
    ]  # fmt: skip
    slow = [s for s in starts if s.wall > START]
    notes = ["Wall-clock time; that of an empty Snakefile is Snakemake itself."]
    notes += [
        f"{s.what}: above the goal; {max(0.0, s.wall - s.cpu):.1f} s of it were waiting, on other "
        f"programs or on the disk, and {empty.wall:.1f} s are Snakemake itself."
        for s in slow
    ]
    return Result(rows, notes)


def curves(quick: bool) -> Result:
    """Measure error rates at all thresholds against scikit-learn's."""
    from det_curve import measure

    mated, nonmated = (10_000, 990_000) if quick else (100_000, 9_900_000)
    turns = [measure(mated, nonmated) for _ in range(1 if quick else 3)]
    ours, theirs = (median(t[key] for t in turns) for key in ("ours", "sklearn"))
    gap = max(max(t["fmr"], t["fnmr"]) for t in turns)
    rows = [
        Row(f"error rates at all thresholds, {mated + nonmated:,} scores", f"{ours:.2f} s",
            f"{theirs:.2f} s, scikit-learn's det_curve", theirs / ours),
        Row(f"largest difference of a rate at {turns[0]['shared']:,.0f} shared thresholds",
            _tiny(gap), "scikit-learn"),
    ]  # fmt: skip
    eer, away = turns[0]["eer"], _tiny(turns[0]["eer_gap"])
    notes = [f"The EER is {eer:.6f}, {away} from the nearest point of scikit-learn's curve."]
    return Result(rows, notes)


def experiment(quick: bool) -> Result:
    """Measure an experiment against the same typed plainly with the package face_recognition."""
    if importlib.util.find_spec("face_recognition") is None:
        return Result(reason="the package face_recognition is not installed")
    import compare_face_recognition as compare

    subjects, strengths = (3, ["15"]) if quick else (20, ["5", "15", "30"])
    cores = min(2, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="experiment-") as folder:
        images = _unpack(Path(folder) / "photos", subjects)
        options = ["--data", f"{folder}/photos", "--methods", "blur" if quick else "blur,pixelize",
                   "--strengths", ",".join(strengths), "--variants", "numbers",
                   "--cores", str(cores)]  # fmt: skip
        times, tables = compare.race(compare._options(options))
    plain, ours = (times.iloc[k] for k in (0, 1))
    agreement = next(iter(tables.values()))
    agree, of = int(agreement["agrees"].sum()), len(agreement)
    rows = [
        Row(f"the same experiment, {images} images, {of} conditions, {cores} cores",
            f"{ours['wall']:.0f} s ({ours['cpu']:.0f} s processor)",
            f"{plain['wall']:.0f} s ({plain['cpu']:.0f} s), face_recognition typed plainly",
            plain["wall"] / ours["wall"]),
        Row("conditions whose EER, FTA, counts and distances agree", f"{agree} of {of}",
            "face_recognition", None, "all", agree == of),
    ]  # fmt: skip
    notes = [
        f"By processor time the ratio is {plain['cpu'] / ours['cpu']:.2f}. The plain script is one "
        "process that computes nothing but these numbers; AnonBench also computes their intervals, "
        "and pays the start of Snakemake and of a process a job, which weighs less the more images "
        "there are."
    ]
    return Result(rows, notes)


def _unpack(folder: Path, subjects: int) -> int:
    """Write images of the first bundled subjects with a labels.csv; return how many."""
    need_faces()
    table = read_labels(BUNDLED)
    chosen = sorted(set(table["subject"]))[:subjects]
    table = table[table["subject"].isin(chosen)]
    folder.mkdir()
    for name, data in zip(table["path"], read_encoded(BUNDLED, table), strict=True):
        (folder / name).write_bytes(data)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(("path", "subject"))
        csv.writer(file).writerows(zip(table["path"], table["subject"], strict=True))
    return len(table)


def demo(quick: bool) -> Result:
    """Measure what `make demo` does after set-up, in a fresh clone, on two cores."""
    config = ["--config", "run={datasets: [drawn], methods: [blackout_face]}"] if quick else []
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        clone = fresh_clone(Path(folder) / "clone")
        (clone.path / ".venv").symlink_to(sys.prefix)
        # The lock of the clone is newer than the stamp: without -o, make would install anew.
        clone.run("make", "-o", ".venv/.locked", "faces", "weights")
        whole = clone.run("snakemake", "--cores", "2", *config)
        stages = sorted(stage_times(clone.benchmark_files()), key=lambda s: ORDER.index(s.name))
        again = [clone.run("snakemake", "--cores", "2", *config) for _ in range(1 if quick else 3)]
    if not all("Nothing to be done" in run.output for run in again):
        raise RuntimeError("a second run did not find everything done")
    minutes, idle = whole.wall / 60, median(run.wall for run in again)
    rows = [
        Row("make demo after set-up, 2 cores", f"{minutes:.1f} min ({whole.cpu / 60:.1f} min "
            "processor)", "", None, f"≤ {DEMO_MINUTES:g} min", minutes <= DEMO_MINUTES),
        Row("snakemake after it, nothing to do", f"{idle:.1f} s", "", None, f"≤ {START:g} s",
            idle <= START),
    ]  # fmt: skip
    total = sum(stage.seconds for stage in stages)
    cells = [
        (s.name, s.jobs, f"{s.seconds:.1f}", f"{100 * s.seconds / total:.0f} %",
         "not seen" if math.isnan(s.memory) else f"{s.memory:.0f}")
        for s in stages
    ]  # fmt: skip
    cells.append(("all", sum(s.jobs for s in stages), f"{total:.1f}", "100 %", ""))
    notes = [
        f"The jobs below took {total:.0f} s on two cores at once, the command {whole.wall:.0f} s; "
        f"the rest of twice that, {2 * whole.wall - total:.0f} s, is Snakemake, jobs that are not "
        "timed, and a core that waited for the other."
    ]
    if minutes > DEMO_MINUTES:
        slowest = sorted(stages, key=lambda s: -s.seconds)[:3]
        names = ", ".join(f"{s.name} ({s.seconds:.0f} s)" for s in slowest)
        notes.append(f"Above the goal; most of it is {names}.")
    head = ("stage", "jobs", "seconds", "share", "largest memory of a job, MiB")
    return Result(rows, notes, markdown_table(head, cells))


PARTS: dict[str, tuple[str, Callable[[bool], Result]]] = {
    "embedder": ("embedding faces", embedder),
    "detectors": ("looking for faces", detectors),
    "all_pairs": ("comparing all pairs", all_pairs),
    "curves": ("error rates and curves", curves),
    "experiment": ("against face_recognition", experiment),
    "start_up": ("starting with nothing to do", start_up),
    "demo": ("the whole default run", demo),
}
"""By name: what the part measures, and the function; a quick run is small, and proves nothing."""


def measured(name: str, quick: bool) -> Result:
    """Run a part, and note the load before it."""
    load = os.getloadavg()[0]
    result = PARTS[name][1](quick)
    result.load, result.quick, result.commit = load, quick, commit()
    return result
