"""Groups of at least k people (Newton, Sweeney, Malin 2005), and who lends his face to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Group:
    """People who get one and the same face.

    Attributes
    ----------
    members : tuple of int
        Whose faces are replaced.
    source : tuple of int
        Whose faces the new one is the mean of.
    """

    members: tuple[int, ...]
    source: tuple[int, ...]


def nearest_groups(codes: Codes, k: int, order: Sequence[int]) -> list[Group]:
    """Return groups of neighbours, each the source of its own face: k-Same.

    Parameters
    ----------
    codes : ndarray of shape (N, D)
        One person a row; nearness is Euclidean distance, of equal ones the first row counts.
    k : int
        Least size of a group, from 2.
    order : sequence of int
        All rows, in the order in which they may begin a group.

    Returns
    -------
    list of Group
        Every person is in one; sizes are k, of the last one k to 2 k - 1.

    Raises
    ------
    ValueError
        With fewer than k people, or a k below 2.
    """
    _check(len(codes), k, k)
    left, found = list(order), []
    while left:
        chosen = left if len(left) < 2 * k else _nearest(codes, codes[left[0]], left, k)
        found.append(Group(tuple(chosen), tuple(chosen)))
        left = _without(left, chosen)
    return found


def furthest_groups(codes: Codes, k: int, order: Sequence[int]) -> list[Group]:
    """Return groups of neighbours that come in pairs, each with the other's mean as its face.

    A group is a person with his nearest k - 1, its partner the person farthest from the group's
    mean with his nearest k - 1: k-Same-furthest (Meng and Sun 2014).

    Parameters
    ----------
    codes, k, order
        As for `nearest_groups`.

    Returns
    -------
    list of Group
        Every person is in one; sizes are from k to 2 k.

    Raises
    ------
    ValueError
        With fewer than 2 k people, or a k below 2.
    """
    _check(len(codes), k, 2 * k)
    left, found = list(order), []
    while left:
        # The last pair takes all who are left, 2 k to 4 k - 1, in halves.
        last = len(left) < 4 * k
        size = len(left) // 2 if last else k
        own = _nearest(codes, codes[left[0]], left, size)
        others = _without(left, own)
        away = others
        if not last:
            distance = _distances(codes, codes[own].mean(axis=0), others)
            away = _nearest(codes, codes[others[int(distance.argmax())]], others, k)
        found += [Group(tuple(own), tuple(away)), Group(tuple(away), tuple(own))]
        left = _without(others, away)
    return found


def _check(people: int, k: int, needed: int) -> None:
    if k < 2:
        raise ValueError(f"k is {k}: a face that stands for less than 2 people hides nobody")
    if people < needed:
        raise ValueError(f"{people} people, but {needed} are needed for k = {k}")


def _distances(codes: Codes, place: Codes, rows: Sequence[int]) -> Codes:
    difference = codes[list(rows)].astype(np.float64) - place
    return np.asarray(np.einsum("nd,nd->n", difference, difference))


def _nearest(codes: Codes, place: Codes, rows: Sequence[int], count: int) -> list[int]:
    """Return the rows nearest to a place, the nearest first."""
    ordered = sorted(rows)
    near = np.argsort(_distances(codes, place, ordered), kind="stable")[:count]
    return [ordered[i] for i in near]


def _without(rows: Sequence[int], taken: Sequence[int]) -> list[int]:
    gone = set(taken)
    return [row for row in rows if row not in gone]
