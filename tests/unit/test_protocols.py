"""Partitions and attacks by hand, and the errors that name the fix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.comparisons import compare
from anonbench.protocols import ATTACKS, partition


def _manifest(**changes: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "image_id": ["a1", "a2", "a3", "b1", "b2", "c1"],
            "subject": ["a", "a", "a", "b", "b", "c"],
            "session": ["2", "10", "10", "1", "1", "3"],
            "split": ["gallery", "probe", "probe", "gallery", "probe", "gallery"],
            "status": ["ok", "ok", "unreadable", "ok", "ok", "ok"],
        }
    )
    return table.assign(**changes)


def _names(table: pd.DataFrame, enrolment: str) -> tuple[list[str], list[str]]:
    part = partition(table, enrolment)
    return list(part.image_ids[part.gallery]), list(part.image_ids[part.probe])


@pytest.mark.parametrize(
    ("enrolment", "gallery", "probe"),
    [
        ("first", ["a1", "b1", "c1"], ["a2", "a3", "b2"]),
        # Sessions 2 and 10 are numbers: 2 comes first. b and c have one session only.
        ("session", ["a1", "b1", "b2", "c1"], ["a2", "a3"]),
        ("split", ["a1", "b1", "c1"], ["a2", "a3", "b2"]),
        ("all_pairs", ["a1", "a2", "a3", "b1", "b2", "c1"], ["a1", "a2", "a3", "b1", "b2", "c1"]),
    ],
)
def test_who_is_enrolled(enrolment: str, gallery: list[str], probe: list[str]) -> None:
    assert _names(_manifest(), enrolment) == (gallery, probe)
    assert _names(_manifest().iloc[::-1], enrolment) == (gallery, probe)


def test_sessions_that_are_no_numbers_sort_as_text() -> None:
    table = _manifest(session=["1999-01", "1998-02", "1999-01", "x", "x", "x"])
    assert _names(table, "session")[1] == ["a1", "a3"]


def test_failed_images_stay_and_unlabelled_ones_are_counted() -> None:
    part = partition(_manifest(), "first")
    np.testing.assert_array_equal(part.usable, [True, True, False, True, True, True])
    part = partition(_manifest(subject=["a", "a", "a", "b", "b", ""]), "first")
    assert part.n_unlabelled == 1
    assert len(part.image_ids) == 5


def _pairs(**changes: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "image_a": ["a1", "a1", "b1"],
            "image_b": ["a2", "b1", "b2"],
            "mated": [True, False, True],
            "fold": [1, 1, 2],
        }
    )
    return table.assign(**changes)


def test_explicit_pairs() -> None:
    part = partition(_manifest(), "pairs", _pairs())
    assert part.pairs is not None
    np.testing.assert_array_equal(part.pairs.first, [0, 0, 3])
    np.testing.assert_array_equal(part.pairs.second, [1, 3, 4])
    np.testing.assert_array_equal(part.pairs.fold, [1, 1, 2])
    scores = compare(np.arange(6.0)[:, None], np.arange(6.0)[:, None], part, True)
    np.testing.assert_array_equal(scores.mated, [-1.0, -1.0])
    np.testing.assert_array_equal(scores.nonmated, [-3.0])


@pytest.mark.parametrize(
    ("changes", "enrolment", "pairs", "message"),
    [
        ({}, "best", None, "unknown enrolment"),
        ({"subject": ""}, "first", None, "no image has a subject"),
        ({"subject": "a"}, "first", None, "at least two"),
        ({"subject": list("abcdef")}, "first", None, "no mated comparison"),
        ({"subject": list("abcdef")}, "all_pairs", None, "no mated comparison"),
        ({"session": "1"}, "session", None, "no mated comparison"),
        ({"session": ["1", "", "2", "1", "2", "1"]}, "session", None, "e.g. a2: add it"),
        ({"session": None}, "session", None, "6 of 6"),
        ({"split": ["train"] + ["probe"] * 5}, "split", None, "not train"),
        ({"image_id": "a1"}, "first", None, "twice"),
        ({}, "pairs", None, "no"),
        ({}, "pairs", {"image_a": "z"}, "e.g. z"),
        ({}, "pairs", {"mated": [False, False, True]}, "contradict"),
        ({}, "pairs", {"image_b": ["a1", "b1", "b2"]}, "itself"),
    ],
)
def test_errors(
    changes: dict[str, Any], enrolment: str, pairs: dict[str, Any] | None, message: str
) -> None:
    table = None if pairs is None else _pairs(**pairs)
    with pytest.raises(ValueError, match=message):
        partition(_manifest(**changes), enrolment, table)


def test_attacks() -> None:
    sides = {name: (attack.gallery, attack.probe) for name, attack in ATTACKS.items()}
    assert sides["baseline"] == ("original", "original")
    assert sides["naive"] == ("original", "anonymised")
    assert sides["reverse"] == ("anonymised", "original")
    assert sides["parrot"] == ("anonymised", "anonymised")


def test_comparisons_of_a_partition() -> None:
    """Gallery a1 b1 c1 at 0, 3, 5 and probes a2 a3 b2 at 1, failed, 4."""
    part = partition(_manifest(), "first")
    values = np.array([0.0, 1.0, np.nan, 3.0, 4.0, 5.0])[:, None]
    scores = compare(values, values, part, True)
    np.testing.assert_array_equal(scores.mated, [-1.0, -np.inf, -1.0])
    np.testing.assert_array_equal(scores.mated_subjects, [0, 0, 1])
    np.testing.assert_array_equal(scores.nonmated, [-2, -4, -np.inf, -np.inf, -4, -1])
    np.testing.assert_array_equal(scores.nonmated_gallery, [1, 2, 1, 2, 0, 2])
    np.testing.assert_array_equal(scores.nonmated_probe, [0, 0, 0, 0, 1, 1])
    # b2 is as near to c1 as to b1: the tie goes to the mate. The failed probe is a miss.
    np.testing.assert_array_equal(scores.ranks, [1, 4, 1])
    assert scores.n_gallery == 3


def test_all_pairs_never_compares_an_image_with_itself() -> None:
    part = partition(_manifest(), "all_pairs")
    original = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 20.0])[:, None]
    once = compare(original, original, part, same_source=True)
    assert (once.mated.size, once.nonmated.size) == (4, 11)
    assert once.mated.max() < 0.0
    both = compare(original, original + 0.25, part, same_source=False)
    assert (both.mated.size, both.nonmated.size) == (8, 22)
    assert both.distinct_nonmated == 11
    assert both.mated.max() == -0.75
    # c has no other image to find, so it is no closed-set probe.
    np.testing.assert_array_equal(both.ranks, [1, 1, 1, 1, 1])


def test_identification_leaves_the_image_itself_out() -> None:
    """Each picture is nearest to its own version, and that must not make it rank 1."""
    part = partition(_manifest(), "all_pairs")
    values = np.array([0.0, 10.0, 20.0, 1.0, 11.0, 21.0])[:, None]
    for same_source in (True, False):
        scores = compare(values, values, part, same_source)
        np.testing.assert_array_equal(scores.ranks, [2, 2, 3, 2, 2])
