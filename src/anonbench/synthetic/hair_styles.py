"""Hair styles: the numbers by which hair grows, see :mod:`anonbench.synthetic.hair`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """How a head of hair grows; lengths in decimetres.

    `lift` is how far the direction keeps to the normal (0 to 1), `turn` how fast it takes up the
    flow at each step, `back` how far hair beside a parting is combed backwards, `volume` the
    thickness of the hair above the skin, `curl` the radius of its windings and `pitch` their
    length, `clump` how much strands draw together at their ends, `stray` how much they differ,
    `lowest` the height at which they are
    cut, `fringe` how often hair beside a parting falls over the forehead.
    """

    flow: str
    length: tuple[float, float]
    volume: tuple[float, float]
    lift: float = 0.5
    turn: float = 0.35
    back: float = 0.2
    gravity: float = 0.05
    curl: tuple[float, float] = (0.0, 0.0)
    pitch: float = 0.3
    points: int = 9
    guides: int = 1300
    followers: int = 7
    clump: float = 0.35
    stray: float = 0.02
    lowest: float = 5.2
    fringe: float = 0.35


STYLES: Mapping[str, Style] = {
    "buzz": Style("out", (0.05, 0.11), (0.03, 0.06), lift=0.9, points=4, followers=9),
    "crop": Style("forward", (0.22, 0.42), (0.07, 0.16), lift=0.75, points=7),
    "tousled": Style(
        "forward", (0.35, 0.6), (0.12, 0.25), lift=0.85, curl=(0.02, 0.05), pitch=0.5, stray=0.05
    ),
    "side parting": Style(
        "parting", (0.5, 0.8), (0.07, 0.15), lift=0.45, turn=0.5, back=0.9, points=12, stray=0.012,
        fringe=0.0,
    ),
    "swept back": Style(
        "back", (0.9, 1.5), (0.05, 0.14), lift=0.35, turn=0.6, gravity=0.02, points=18, stray=0.015
    ),
    "curly": Style(
        "down", (0.5, 0.9), (0.16, 0.34), lift=0.8, curl=(0.035, 0.06), pitch=0.2, points=24,
        guides=1000, followers=6, clump=0.6, stray=0.03,
    ),
    "afro": Style(
        "out", (0.16, 0.4), (0.1, 0.3), lift=0.95, gravity=0.0, curl=(0.022, 0.04), pitch=0.1,
        points=18, guides=2400, followers=5, clump=0.2, stray=0.04,
    ),
    "locks": Style(
        "parting", (0.9, 1.7), (0.1, 0.22), lift=0.5, gravity=0.3, curl=(0.012, 0.02), pitch=0.12,
        points=30, guides=520, followers=12, clump=0.75, stray=0.006,
    ),
    "bob": Style(
        "parting", (1.3, 1.7), (0.1, 0.2), turn=0.45, gravity=0.3, points=16, guides=1300,
        lowest=6.2, clump=0.5,
    ),
    "shoulder": Style(
        "parting", (1.5, 2.1), (0.08, 0.2), turn=0.45, gravity=0.3, curl=(0.0, 0.03), pitch=0.9,
        points=18, lowest=5.75, clump=0.5,
    ),
    "long": Style(
        "parting", (2.4, 3.2), (0.06, 0.16), turn=0.45, gravity=0.35, points=20, clump=0.5,
    ),
    "long wavy": Style(
        "parting", (2.4, 3.2), (0.1, 0.24), turn=0.45, gravity=0.32, curl=(0.03, 0.06), pitch=0.7,
        points=28, clump=0.6,
    ),
    "tied back": Style(
        "knot", (2.4, 2.6), (0.015, 0.05), lift=0.08, turn=0.85, gravity=0.0, points=32, clump=0.5,
        stray=0.008,
    ),
}  # fmt: skip
BEARD = Style(
    "beard", (0.025, 0.08), (0.02, 0.06), lift=0.4, gravity=0.2, points=4, guides=1500, followers=7,
    stray=0.008,
)  # fmt: skip
