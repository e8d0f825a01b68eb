"""Scores: embeddings and manifest in, metric, curve and histogram tables out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench import io, seeds
from anonbench.comparisons import Compared, compare, paired_distances
from anonbench.io import METRIC_COLUMNS, REPLICATE_COLUMNS, Embeddings
from anonbench.metrics.intervals import resampling_units, subject_weights
from anonbench.metrics.results import OperatingPoint
from anonbench.protocols import ATTACKERS, ATTACKS, DISTANCES, Attack, Partition, partition
from anonbench.score_curves import (
    CURVE_COLUMNS,
    HISTOGRAM_COLUMNS,
    bin_width,
    curve_table,
    histogram_table,
)
from anonbench.score_distances import Pairs, accepted_row, distance_rows
from anonbench.score_rows import Rows, ScoreSettings, failure_row, identification_rows
from anonbench.score_verification import (
    clear_thresholds,
    operating_points,
    verification_rows,
)

NO_ENROLMENT = "none"
"""Enrolment of a data set without identities: nothing to recognise anybody by."""

Floats = NDArray[np.floating[Any]]
Compare = Callable[[Floats, Floats, bool, Sequence[float]], Compared]
"""Compares gallery and probes; they may be of one source, and there are fixed thresholds."""

# Units of resampling where comparisons are counted: more make counts of their pairs too many.
_GROUPS = 128


@dataclass(frozen=True)
class ScoreTables:
    """Metric, curve, histogram and replicate tables; the last with `REPLICATE_COLUMNS`."""

    metrics: pd.DataFrame
    curves: pd.DataFrame
    histograms: pd.DataFrame
    replicates: pd.DataFrame


@dataclass(frozen=True)
class _Side:
    """Embeddings in the order of the partition (NaN = failed), and why samples failed."""

    embeddings: Floats
    status: NDArray[np.str_]

    @property
    def failed(self) -> NDArray[np.bool_]:
        return np.asarray(np.isnan(self.embeddings).any(axis=1))


@dataclass(frozen=True)
class _Clear:
    """What the clear baseline of one policy fixes for all conditions."""

    side: _Side
    thresholds: Mapping[float, OperatingPoint]
    width: float
    baseline: Compared


def score(
    original: Embeddings,
    anonymised: Embeddings,
    manifest: pd.DataFrame,
    pairs: pd.DataFrame | None,
    *,
    dataset: str,
    method: str,
    system: str,
    enrolment: str,
    attacks: Sequence[str],
    policies: Sequence[str],
    settings: ScoreSettings,
    generator: np.random.Generator,
    threads: int = 1,
) -> ScoreTables:
    """Score one anonymisation method on one data set with one recogniser.

    The attack ``baseline`` (clear against clear) does not depend on the method; its rows are
    written for the method ``original`` only, while its thresholds serve every method. One draw
    of subject weights serves all conditions, so that differences between them are paired;
    a generator keyed by the data set alone pairs them across methods as well.

    With more than `ScoreSettings.in_memory` comparisons they are counted in one pass instead of
    held (`all_pairs.compare.compare_counted`), by `threads` threads, and more than 128 subjects
    are resampled in 128 groups.

    Raises
    ------
    ValueError
        If an attack or policy is unknown, embeddings and manifest name different images, an
        embedding is infinite, or the protocol cannot be carried out (see `partition`).
    """
    unknown = sorted(set(attacks) - set(ATTACKS))
    if unknown:
        raise ValueError(f"unknown attacks {', '.join(unknown)}; there are {', '.join(ATTACKS)}")
    if enrolment == NO_ENROLMENT:
        return _not_computed(anonymised, dataset, method, system, attacks)
    part = partition(manifest, enrolment, pairs)
    counted = part.pairs is None and part.gallery.size * part.probe.size > settings.in_memory
    n_subjects = len(part.subject_names)
    units = resampling_units(n_subjects, _GROUPS if counted else n_subjects, generator)
    weights = subject_weights(int(units.max()) + 1, settings.replicates, generator)
    # Drawn last: the draws of subjects are those of utility.
    pairs_of = Pairs.of(part, generator)
    compare_sides = _compare(part, units, settings, counted, threads)
    # Utility resamples every subject of the manifest: only the same subjects get the same draws.
    paired = part.n_unlabelled == 0 and weights.shape[1] == n_subjects
    names = {"dataset": dataset, "method": method, "system": system}
    order = _order(original, manifest, part), _order(anonymised, manifest, part)
    tables: list[ScoreTables] = []
    for policy in policies:
        clear = _clear(_side(original, 0, policy, part, order[0]), settings, compare_sides)
        for index, strength in enumerate(anonymised.strengths):
            side = _side(anonymised, index, policy, part, order[1])
            for attack in (ATTACKS[name] for name in attacks):
                if attack.name == "baseline" and (method != "original" or index > 0):
                    continue
                place = {"strength": strength, "attack": attack.name, "policy": policy}
                rows = Rows({**names, **place}, settings, weights, units)
                if attack.name in DISTANCES:
                    _distance_rows(rows, attack, clear, side, part, pairs_of)
                    tables.append(_metrics_only(rows))
                    continue
                tables.append(_attack_tables(rows, attack, clear, side, part, compare_sides))
    return ScoreTables(
        _stack([table.metrics for table in tables], METRIC_COLUMNS),
        _stack([table.curves for table in tables], CURVE_COLUMNS),
        _stack([table.histograms for table in tables], HISTOGRAM_COLUMNS),
        _stack([table.replicates.assign(paired=paired) for table in tables], REPLICATE_COLUMNS),
    )


def _not_computed(
    embeddings: Embeddings, dataset: str, method: str, system: str, attacks: Sequence[str]
) -> ScoreTables:
    """Say of every condition that recognition was not measured, and why."""
    keys = {"dataset": dataset, "method": method, "task": "verification", "system": system}
    why = "not computed: the data set has no identities (enrolment none)"
    missing = {"value": np.nan, "low": np.nan, "high": np.nan, "n": 0, "note": why}
    metric = {attack: "median_distance" if attack in DISTANCES else "eer" for attack in attacks}
    rows = [
        {**keys, "strength": strength, "attack": attack, "policy": policy}
        | {"metric": metric[attack], **missing}
        for strength in embeddings.strengths
        for attack in attacks
        for policy in embeddings.policies
        if attack != "baseline" or method == "original"
    ]
    return ScoreTables(
        pd.DataFrame(rows, columns=list(METRIC_COLUMNS)),
        _stack([], CURVE_COLUMNS),
        _stack([], HISTOGRAM_COLUMNS),
        _stack([], REPLICATE_COLUMNS),
    )


def score_files(
    original: Path,
    anonymised: Path,
    manifest: Path,
    pairs: Path | None,
    metrics: Path,
    curves: Path,
    histograms: Path,
    replicates: Path,
    *,
    dataset: str,
    method: str,
    system: str,
    enrolment: str,
    attacks: Sequence[str],
    policies: Sequence[str],
    settings: ScoreSettings,
    seed: int,
    threads: int = 1,
) -> None:
    """Read embeddings, manifest and pair list, `score` them and write the four tables.

    The bootstrap is keyed by `seed` and `dataset`, so that all methods and recognisers see the
    same resampled subjects.
    """
    tables = score(
        io.read_embeddings(original),
        io.read_embeddings(anonymised),
        io.read_table(manifest),
        None if pairs is None else io.read_table(pairs),
        dataset=dataset,
        method=method,
        system=system,
        enrolment=enrolment,
        attacks=attacks,
        policies=policies,
        settings=settings,
        generator=seeds.generator(seed, "subject bootstrap", dataset),
        threads=threads,
    )
    io.write_table(tables.metrics, metrics)
    io.write_table(tables.curves, curves)
    io.write_table(tables.histograms, histograms)
    io.write_table(tables.replicates, replicates)


def _attack_tables(
    rows: Rows, attack: Attack, clear: _Clear, side: _Side, part: Partition, compare_sides: Compare
) -> ScoreTables:
    """Tables of one attack at one strength."""
    sides = {"original": clear.side, "anonymised": side}
    gallery, probe = sides[attack.gallery], sides[attack.probe]
    scores = clear.baseline
    if attack.name != "baseline":
        same = attack.gallery == attack.probe
        fixed = [point.threshold for point in clear.thresholds.values()]
        scores = compare_sides(gallery.embeddings, probe.embeddings, same, fixed)
    verification_rows(rows, scores, clear.thresholds)
    identification_rows(rows, scores)
    _failure_rows(rows, gallery, probe, part)
    curves = curve_table(rows.context, scores, rows.settings.minimum_mated)
    histograms = histogram_table(rows.context, scores, clear.width)
    kept = pd.DataFrame(rows.replicates if attack.name in ATTACKERS else [])
    return ScoreTables(pd.DataFrame(rows.rows), curves, histograms, kept)


def _distance_rows(
    rows: Rows, attack: Attack, clear: _Clear, side: _Side, part: Partition, pairs: Pairs
) -> None:
    """Add how far outputs are from their originals, or from each other."""
    subjects = part.subjects
    if attack.name == "same_image":
        used = np.union1d(part.gallery, part.probe)
        distance = paired_distances(clear.side.embeddings[used], side.embeddings[used])
        accepted_row(rows, distance, subjects[used])
        distance_rows(rows, distance, subjects[used], subjects[used])
        return
    chosen = pairs.by_name[attack.name]
    distance = paired_distances(side.embeddings[chosen.first], side.embeddings[chosen.second])
    first, second = subjects[chosen.first], subjects[chosen.second]
    distance_rows(rows, distance, first, second, pairs.note(attack.name))


def _metrics_only(rows: Rows) -> ScoreTables:
    return ScoreTables(pd.DataFrame(rows.rows), *(pd.DataFrame() for _ in range(3)))


def _failure_rows(rows: Rows, gallery: _Side, probe: _Side, part: Partition) -> None:
    """Add FTA per probe sample and FTE per gallery subject (none of its images is usable)."""
    failed = probe.failed[part.probe]
    note = _causes(probe.status[part.probe][failed])
    failure_row(rows, "fta", failed, part.subjects[part.probe], note)
    failed, codes = gallery.failed[part.gallery], part.subjects[part.gallery]
    note = _causes(gallery.status[part.gallery][failed])
    subjects = np.unique(codes)
    usable = np.bincount(codes[~failed], minlength=len(part.subject_names))[subjects]
    failure_row(rows, "fte", usable == 0, subjects, note)


def _compare(
    part: Partition, units: NDArray[np.int64], settings: ScoreSettings, counted: bool, threads: int
) -> Compare:
    """Return how the sides of an attack are compared: scores held, or counted."""
    if not counted:
        return lambda gallery, probe, same, _: compare(gallery, probe, part, same)
    # Here, as compiled code takes a while to load and few need it.
    from anonbench.all_pairs.compare import compare_counted

    def counting(gallery: Floats, probe: Floats, same: bool, fixed: Sequence[float]) -> Compared:
        return compare_counted(
            gallery,
            probe,
            part,
            same,
            units=units,
            ask=partial(operating_points, targets=settings.fmr_targets),
            fixed=[*fixed, -settings.distance_threshold],
            threads=threads,
        )

    return counting


def _clear(side: _Side, settings: ScoreSettings, compare_sides: Compare) -> _Clear:
    baseline = compare_sides(side.embeddings, side.embeddings, True, ())
    thresholds = clear_thresholds(baseline, settings.fmr_targets)
    return _Clear(side, thresholds, bin_width(baseline), baseline)


def _order(embeddings: Embeddings, manifest: pd.DataFrame, part: Partition) -> NDArray[np.int64]:
    """Rows of the embeddings for the images of the partition."""
    index = pd.Index(np.asarray(embeddings.image_ids, dtype=str))
    expected = pd.Index(manifest["image_id"].astype(str))
    if not index.is_unique:
        raise ValueError("embeddings name an image twice")
    absent, surplus = expected.difference(index), index.difference(expected)
    if len(absent) or len(surplus):
        example = absent[0] if len(absent) else surplus[0]
        raise ValueError(
            f"embeddings and manifest name different images ({len(absent)} only in the manifest, "
            f"{len(surplus)} only in the embeddings, e.g. {example}): compute the embeddings anew"
        )
    return np.asarray(index.get_indexer(pd.Index(part.image_ids)), dtype=np.int64)


def _side(
    embeddings: Embeddings, strength: int, policy: str, part: Partition, order: NDArray[np.int64]
) -> _Side:
    """Embeddings of one strength and policy; images unusable in the manifest are failed."""
    known = [str(name) for name in embeddings.policies]
    if policy not in known:
        raise ValueError(f"embeddings have no policy '{policy}', only {', '.join(known)}")
    index = known.index(policy)
    values = embeddings.embeddings[strength, index][order].copy()
    if np.isinf(values).any():
        raise ValueError("embeddings hold infinite values; a failed sample is a row of NaN")
    status = np.asarray(embeddings.status[strength, index], dtype=str)[order].copy()
    values[~part.usable] = np.nan
    failed = np.isnan(values).any(axis=1)
    status = np.where(part.usable, status, "unusable in the manifest")
    return _Side(values, np.where(failed & (status == "ok"), "no embedding", status))


def _causes(status: NDArray[np.str_]) -> str:
    """Failed samples by status, e.g. ``no_face 12, unreadable 1``."""
    counts = Counter(str(name) for name in status)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _stack(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(filled, ignore_index=True)[list(columns)]
