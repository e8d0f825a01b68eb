"""Counting all comparisons in one pass against holding them all in memory."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.all_pairs import compare as counting
from anonbench.all_pairs import sweep as passes
from anonbench.all_pairs.compare import CountedComparisons, compare_counted
from anonbench.all_pairs.counted import CountedScores, PairCounts
from anonbench.all_pairs.kernels import pair_distances
from anonbench.all_pairs.marks import Bins, Marks
from anonbench.all_pairs.pilot import PilotScores
from anonbench.all_pairs.sides import error_bound, two_sides
from anonbench.comparisons import Comparisons, compare
from anonbench.io import Embeddings
from anonbench.metrics import verification
from anonbench.metrics.intervals import resampling_units, subject_weights
from anonbench.protocols import Partition, partition
from anonbench.score import ScoreTables, score
from anonbench.score_rows import ScoreSettings
from anonbench.score_verification import operating_points

TARGETS = (0.1, 0.01, 0.001)
FIXED = (-0.575, -1.0, -1.25)


def _manifest(subjects: int, images: int) -> pd.DataFrame:
    names = np.repeat([f"p{s:03d}" for s in range(subjects)], images)
    ids = [f"{name}/{k:05d}" for k, name in enumerate(names)]
    return pd.DataFrame({"image_id": ids, "subject": names, "status": "ok"})


def _drawn(subjects: int, images: int, spread: float, seed: int) -> np.ndarray:
    """Unit vectors around those of the subjects; some failed, some the same picture."""
    people = np.random.default_rng(7).normal(size=(subjects, 20))
    generator = np.random.default_rng(seed)
    values = np.repeat(people, images, axis=0)
    values += generator.normal(scale=spread, size=values.shape)
    values = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    values[generator.random(len(values)) < 0.05] = np.nan
    values[3:40:4] = values[generator.integers(len(values))]
    values[50] = values[51] = values[-1]
    return values


def _both(
    gallery: np.ndarray, probe: np.ndarray, part: Partition, same: bool, **options: Any
) -> tuple[Comparisons, CountedComparisons]:
    held = compare(gallery, probe, part, same)
    assert isinstance(held, Comparisons)
    units = resampling_units(len(part.subject_names), 16, np.random.default_rng(0))
    ask = partial(operating_points, targets=TARGETS)
    arguments = {"units": units, "ask": ask, "fixed": FIXED, **options}
    return held, compare_counted(gallery, probe, part, same, **arguments)


def _assert_same(held: Comparisons, counted: CountedComparisons) -> None:
    """Everything that is exact is the same, to the bit; the area as nearly as small sets allow."""
    ours, theirs = counted.nonmated_set, held.nonmated_set
    assert (ours.size, ours.completed) == (theirs.size, theirs.completed)
    assert counted.distinct_nonmated == held.distinct_nonmated
    np.testing.assert_array_equal(np.sort(counted.mated), np.sort(held.mated))
    points = [
        operating_points(c.mated_set, c.nonmated_set, c.distinct_nonmated, TARGETS)
        for c in (held, counted)
    ]
    assert repr(points[0]) == repr(points[1])
    for threshold in (*FIXED, 0.0):
        assert ours.at_or_above(threshold) == theirs.at_or_above(threshold)
    assert not ours.questions
    assert counted.n_gallery == held.n_gallery
    missed = held.ranks > held.n_gallery
    expected = np.where(missed, held.ranks, np.minimum(held.ranks, 2))
    np.testing.assert_array_equal(counted.ranks, expected)
    np.testing.assert_array_equal(counted.rank_subjects, held.rank_subjects)
    if held.mated_set.completed and theirs.completed:
        areas = [verification.auc(held.mated_set.finite(), s.finite()) for s in (ours, theirs)]
        # No count is off by more than a bin holds, which is much where all distances are alike.
        histogram = counted.found.counts.histogram
        most = histogram.max() / ours.completed
        assert abs(areas[0] - areas[1]) <= (most if most > 0.2 else 1e-4)


@pytest.mark.parametrize("enrolment", ["first", "all_pairs"])
@pytest.mark.parametrize(("subjects", "images"), [(12, 60), (150, 6)])
@pytest.mark.parametrize("source", ["original", "both", "anonymised"])
def test_counted_equals_held(enrolment: str, subjects: int, images: int, source: str) -> None:
    """Fewer subjects than groups and more, failures, the same picture twice, every partition."""
    part = partition(_manifest(subjects, images), enrolment)
    original = _drawn(subjects, images, 0.9, 1)
    anonymised = _drawn(subjects, images, 1.6, 2)
    gallery = anonymised if source == "anonymised" else original
    probe = original if source == "original" else anonymised
    _assert_same(*_both(gallery, probe, part, gallery is probe))


def test_split_with_subjects_on_one_side_only() -> None:
    manifest = _manifest(20, 10)
    split = np.where(np.arange(len(manifest)) % 3 == 0, "gallery", "probe")
    split[:30], split[30:60] = "gallery", "probe"
    part = partition(manifest.assign(split=split), "split")
    values = _drawn(20, 10, 0.9, 1)
    _assert_same(*_both(values, _drawn(20, 10, 1.2, 2), part, same=False))


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_embeddings_all_alike_and_far_from_the_origin(offset: float) -> None:
    """Ties everywhere: of both sides, and of the gallery alone."""
    part = partition(_manifest(12, 10), "all_pairs")
    alike = np.full((120, 20), offset, dtype=np.float32)
    held, counted = _both(alike, alike, part, same=True)
    _assert_same(held, counted)
    assert (counted.ranks == 1).all()
    assert verification.auc(counted.mated_set, counted.nonmated_set) == 0.5
    other = _drawn(12, 10, 0.9, 1) + np.float32(offset)
    _assert_same(*_both(alike, other, part, same=False))
    _assert_same(*_both(other, other, part, same=True))


def test_nothing_completed() -> None:
    part = partition(_manifest(4, 3), "first")
    none = np.full((12, 5), np.nan, dtype=np.float32)
    held, counted = _both(none, none, part, same=True)
    _assert_same(held, counted)
    assert counted.nonmated_set.completed == 0
    assert (counted.ranks == counted.n_gallery + 1).all()


def test_order_and_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "TILE_ROWS", 17)
    monkeypatch.setattr(passes, "TILE_COLUMNS", 40)
    manifest = _manifest(20, 20)
    values = _drawn(20, 20, 1.0, 1)
    part = partition(manifest, "all_pairs")
    weights = subject_weights(16, 20, np.random.default_rng(3))
    units = resampling_units(20, 16, np.random.default_rng(0))
    results = []
    for threads in (1, 3):
        held, counted = _both(values, values, part, same=True, threads=threads)
        _assert_same(held, counted)
        results.append((counted, counted.replicated(weights, units, np.array(FIXED))))
    (one, first), (three, second) = results
    np.testing.assert_array_equal(one.found.blocks, three.found.blocks)
    np.testing.assert_array_equal(one.found.best, three.found.best)
    np.testing.assert_array_equal(first.nonmated, second.nonmated)
    # The partition sorts images, so their order in the manifest is gone before anything counts.
    again = partition(manifest.iloc[::-1], "all_pairs")
    np.testing.assert_array_equal(again.image_ids, part.image_ids)


def test_a_pilot_that_is_wrong_costs_another_pass(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(PilotScores, "ranges", lambda self, error: [(1.9, 1.95)])
    part = partition(_manifest(12, 20), "all_pairs")
    values = _drawn(12, 20, 0.9, 1)
    with caplog.at_level(logging.INFO, logger="anonbench"):
        held, counted = _both(values, values, part, same=True)
    _assert_same(held, counted)
    assert counted.passes > 1
    assert "another pass" in caplog.text
    assert counted.passes < counting._MOST_PASSES


@pytest.mark.parametrize("offset", [0.0, 3.0, 1000.0])
@pytest.mark.parametrize("dimensions", [3, 128])
def test_error_bound_holds(offset: float, dimensions: int) -> None:
    """Squared distances of the float32 expansion against those of the embeddings."""
    generator = np.random.default_rng(dimensions)
    values = (generator.normal(size=(300, dimensions)) + offset).astype(np.float32)
    part = partition(_manifest(30, 10), "all_pairs")
    side, same = two_sides(values, values, part, np.arange(30))
    assert same is side
    exact = side.exact[side.rows].astype(np.float64)
    np.testing.assert_array_equal(exact, values[side.images].astype(np.float64))
    expected = ((exact[:, None] - exact[None]) ** 2).sum(axis=2)
    product = (np.float32(-2) * side.vectors) @ side.vectors.T
    computed = (side.norms[:, None] + side.norms[None]) + product
    error, bound = np.abs(computed - expected).max(), error_bound(side, side)
    assert 0.0 < error <= bound
    # Not so wide that every pair would have to be computed anew.
    assert bound < 1e-3 * np.median(expected)


def test_pair_distances() -> None:
    values = np.random.default_rng(0).normal(size=(30, 21)).astype(np.float32)
    values[4] = np.nan
    first, second = np.array([0, 1, 2, 4]), np.array([0, 9, 3, 5])
    result = np.empty(4, dtype=np.float32)
    pair_distances(values, values, first, second, result)
    expected = np.linalg.norm(values[first].astype(np.float64) - values[second], axis=1)
    np.testing.assert_array_equal(result[:3], expected[:3].astype(np.float32))
    assert result[0] == 0.0
    assert result[3] == np.inf


def test_counted_scores_by_hand() -> None:
    """Squared distances in bins of 1: two in [0, 1), six in [1, 2), two in [2, 3)."""
    bins = Bins(per_unit=1.0, count=3, error=0.0, reach=3.0)
    low, high = np.float32(1.1), np.float32(1.2)
    inside = np.array([1.1, 1.15], dtype=np.float32)
    counts = PairCounts(
        bins=bins,
        histogram=np.array([2, 6, 2]),
        marks=Marks(np.array([low]), np.array([high])),
        nearer=np.array([3]),
        values=inside,
        multiplicity=np.array([2, 1]),
    )
    scores = CountedScores(counts, failed=5)
    assert (scores.size, scores.completed) == (15, 10)
    assert [scores.kth_highest(k) for k in (4, 5, 6)] == [-float(inside[0])] * 2 + [
        -float(inside[1])
    ]
    assert scores.at_or_above(-1.12) == 5
    assert scores.at_or_above(-1.2) == 6
    assert scores.at_or_above(-np.inf) == 15
    assert scores.kth_highest(11) == -np.inf
    assert not scores.questions
    # From 2 pairs nearer than 1.0 to 3 nearer than 1.1: in the middle still 2.
    assert scores.at_or_above(-1.05) == 2
    assert scores.kth_highest(1) <= 0.0
    assert scores.questions.ranks == {1}
    assert scores.questions.distances == {float(np.float32(1.05))}
    np.testing.assert_array_equal(scores.finite().curve(np.float32([-2, -1, 0])), [10, 2, 0])
    assert scores.bin_counts(1.0).tolist() == [2, 8]


def test_marks_join_and_know_their_bins() -> None:
    marks = Marks.around([(0.5, 0.6), (0.2, 0.3), (0.55, 0.7), (0.0, 0.0)])
    assert marks.nearest.size == 3
    np.testing.assert_allclose(marks.farthest, [0.0, 0.3, 0.7], rtol=2e-6)
    bins = Bins.up_to(1.0, error=1e-6, reach=4.0)
    first, last = marks.table(bins)[:2]
    squares = (np.arange(bins.count) + 0.5) / bins.per_unit
    middle = (squares > 0.25) & (squares < 0.49)
    assert (first[middle] == 2).all()
    assert (last[middle] == 3).all()
    assert (first[squares > 0.5] == last[squares > 0.5]).all()


def _embeddings(values: np.ndarray, manifest: pd.DataFrame) -> Embeddings:
    status = np.where(np.isnan(values).any(axis=1), "no_face", "ok")
    ids = tuple(manifest["image_id"])
    return Embeddings(ids, ("1",), ("detected",), values[None, None], status[None, None])


def _score(subjects: int, images: int, in_memory: int) -> ScoreTables:
    manifest = _manifest(subjects, images)
    return score(
        _embeddings(_drawn(subjects, images, 0.9, 1), manifest),
        _embeddings(_drawn(subjects, images, 1.4, 2), manifest),
        manifest,
        None,
        dataset="drawn",
        method="original",
        system="drawn",
        enrolment="all_pairs",
        attacks=("baseline", "naive", "parrot"),
        policies=("detected",),
        settings=ScoreSettings(TARGETS, 1.0, replicates=200, in_memory=in_memory),
        generator=np.random.default_rng(1),
        threads=2,
    )


def test_score_tables_agree() -> None:
    held, counted = _score(40, 25, 1_000_000), _score(40, 25, 999_999)
    keys = ["attack", "metric", "n", "note"]
    pd.testing.assert_frame_equal(counted.metrics[keys], held.metrics[keys])
    area = held.metrics["metric"] == "auc"
    np.testing.assert_array_equal(counted.metrics["value"][~area], held.metrics["value"][~area])
    np.testing.assert_allclose(counted.metrics["value"], held.metrics["value"], atol=1e-6)
    # Intervals interpolate on a grid of thresholds, which is not the same.
    for bound in ("low", "high"):
        np.testing.assert_allclose(counted.metrics[bound], held.metrics[bound], atol=4e-3)
    fixed = held.metrics["metric"].str.contains("accepted|rank_1|fta|fte")
    np.testing.assert_allclose(counted.metrics["low"][fixed], held.metrics["low"][fixed], rtol=2e-3)
    for attack, table in held.histograms.groupby("attack"):
        other = counted.histograms[counted.histograms["attack"] == attack]
        assert table["count"].sum() == other["count"].sum()
        assert np.abs(table["count"].to_numpy() - other["count"].to_numpy()).max() < 200
    for attack, table in held.curves.groupby("attack"):
        other = counted.curves[counted.curves["attack"] == attack]
        ours, theirs = (np.interp(0.5, t["fmr"][::-1], t["fnmr"][::-1]) for t in (other, table))
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_more_subjects_than_groups_are_resampled_in_groups() -> None:
    held, counted = _score(140, 4, 10**9).metrics, _score(140, 4, 0).metrics
    area = held["metric"] == "auc"
    np.testing.assert_array_equal(counted["value"][~area], held["value"][~area])
    grouped = counted["note"].str.contains("128 groups of subjects resampled")
    assert (grouped | counted["low"].isna()).all()
    assert not held["note"].str.contains("groups").any()
    width, expected = counted["high"] - counted["low"], held["high"] - held["low"]
    wide = (expected > 0.01).to_numpy()
    assert wide.sum() > 20
    assert ((width / expected)[wide].between(0.6, 1.6)).all()
