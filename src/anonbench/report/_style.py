"""How every figure looks: one style, colours by method, the same bytes for the same content."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from anonbench.io import atomic

WIDTH = 7.2
"""Width in inches of a figure over both columns of a page: drawn in that size, so that text of
8 pt is printed as such."""

TEXT, NOTE, GRID = "#1a1a1a", "#5c5c5c", "#dddddd"
BASELINE = "#8a8a8a"
"""Grey of the clear baseline and of what is not a method."""

Colour = tuple[float, float, float]
Fill = Literal["full", "none", "left", "right", "top", "bottom"]

# Paul Tol's "muted" scheme: nine hues that remain distinct with any common colour blindness.
_HUES = (
    "#332288", "#CC6677", "#117733", "#DDAA33", "#88CCEE", "#AA4499", "#999933", "#44AA99",
    "#882255",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "d")
_FILLS: tuple[Fill, ...] = ("full", "none", "left", "bottom", "right", "top")

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": NOTE,
    "axes.linewidth": 0.6,
    "axes.labelcolor": TEXT,
    "text.color": TEXT,
    "xtick.color": NOTE,
    "ytick.color": NOTE,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "image.composite_image": False,
    "svg.hashsalt": "anonbench",
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and save in the style of the project, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as SVG or PNG, by the suffix, without dates or versions in it."""
    kind = Path(path).suffix.removeprefix(".")
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    if kind not in metadata:
        raise ValueError(f"{path}: figures are written as .svg or .png")
    with atomic(path) as partial:
        figure.savefig(partial, format=kind, metadata=metadata[kind], facecolor="white")


@dataclass(frozen=True)
class Look:
    """How a method is drawn everywhere: hue and shape by anonymiser, fill by variant."""

    colour: Colour
    marker: str
    fill: Fill


def looks(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, Look]:
    """Give every method of a run its look; entries of one anonymiser share hue and shape.

    Parameters
    ----------
    methods : mapping
        By name, entries with the key ``anonymiser``; the controls `original` and `blank` are grey.
    """
    order: list[str] = []
    variants: dict[str, int] = {}
    result = {}
    for name, entry in methods.items():
        kind = str(entry["anonymiser"])
        if kind in ("original", "blank"):
            grey = to_rgb(BASELINE if kind == "original" else "#000000")
            result[name] = Look(grey, "*" if kind == "original" else "s", "full")
            continue
        if kind not in order:
            order.append(kind)
        k, variant = order.index(kind), variants.get(kind, 0)
        variants[kind] = variant + 1
        colour, marker = to_rgb(_HUES[k % len(_HUES)]), MARKERS[k % len(MARKERS)]
        result[name] = Look(colour, marker, _FILLS[variant % len(_FILLS)])
    return result


def shades(colour: Colour, n: int) -> list[Colour]:
    """Return `n` shades of one hue, weak (light) to strong (dark), evenly apart."""
    if n == 1:
        return [colour]
    ends = _toned(colour, 0.72), _toned(colour, 0.22)
    return [mixed(*ends, float(share)) for share in np.linspace(0, 1, n)]


def _toned(colour: Colour, luma: float) -> Colour:
    """Mix a colour with white or black until it is as bright as `luma`, 0..1."""
    own = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    if own < luma:
        return mixed(colour, (1.0, 1.0, 1.0), (luma - own) / (1 - own))
    return mixed(colour, (0.0, 0.0, 0.0), 1 - luma / own)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """Return a mix of two colours: the first at a `share` of 0, the second at 1."""
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(first, second, strict=True))
    return red, green, blue


def marks(look: Look, colour: Colour | str | None = None) -> dict[str, Any]:
    """Return the marker arguments of a line for a look."""
    return {
        "marker": look.marker,
        "fillstyle": look.fill,
        "color": colour or look.colour,
        "markerfacecoloralt": "white",
        "markeredgewidth": 0.8,
    }


@dataclass(frozen=True)
class Layout:
    """Panels of one size, in inches: margins and gaps hold labels, so nothing overlaps.

    Attributes
    ----------
    columns : int
        Panels side by side.
    panel : (width, height)
        Of the axes alone.
    gap : (width, height)
        Between axes.
    margin : (left, right, top, bottom)
        Around all axes.
    """

    columns: int
    panel: tuple[float, float]
    gap: tuple[float, float]
    margin: tuple[float, float, float, float]

    def figure(self, n: int) -> tuple[Figure, list[Axes]]:
        """Return a figure with `n` axes, row by row."""
        n_rows = max(1, -(-n // self.columns))
        (w, h), (gx, gy), (left, right, top, bottom) = self.panel, self.gap, self.margin
        width = left + self.columns * w + (self.columns - 1) * gx + right
        height = top + n_rows * h + (n_rows - 1) * gy + bottom
        figure = blank_figure(width, height)
        axes = []
        for k in range(n):
            row, column = divmod(k, self.columns)
            x, y = left + column * (w + gx), height - top - (row + 1) * h - row * gy
            axes.append(figure.add_axes((x / width, y / height, w / width, h / height)))
        return figure, axes


def blank_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches; no window system and no global state is involved."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def heading(figure: Figure, text: str, detail: str = "") -> None:
    """Write the title of a figure at its top left, and what it shows beneath."""
    height = figure.get_figheight()
    figure.text(0.08 / figure.get_figwidth(), 1 - 0.08 / height, text, va="top", fontsize=10,
                fontweight="bold")  # fmt: skip
    figure.text(0.08 / figure.get_figwidth(), 1 - 0.29 / height, detail, va="top", color=NOTE,
                linespacing=1.35)  # fmt: skip


HALO = [withStroke(linewidth=2.0, foreground="white")]
"""Keeps text readable on lines."""


def footnote(figure: Figure, text: str, bottom: float = 0.08) -> None:
    """Write remarks at the bottom left of a figure, `bottom` inches above its edge."""
    place = (0.08 / figure.get_figwidth(), bottom / figure.get_figheight())
    figure.text(*place, text, va="bottom", color=NOTE, linespacing=1.35)


def panel_title(
    axes: Axes, name: str, detail: str = "", colour: Any = TEXT, size: float = 8.0
) -> None:
    """Name a panel in its method's colour, with a grey line on what its strengths are."""
    lift = 11 if detail else 2
    axes.annotate(name, (0, 1), (0, lift + 1), "axes fraction", "offset points", va="bottom",
                  fontsize=size, fontweight="bold", color=colour,
                  annotation_clip=False)  # fmt: skip
    if detail:
        axes.annotate(detail, (0, 1), (0, 2), "axes fraction", "offset points", va="bottom",
                      color=NOTE, annotation_clip=False)  # fmt: skip


def percent(value: float) -> str:
    """Return a share as whole percent; "<1" and ">99" keep what is not quite none or all."""
    if np.isnan(value):
        return "?"
    if 0 < value < 0.01:
        return "<1"
    if 0.99 < value < 1:
        return ">99"
    return f"{100 * value:.0f}"


def fitted(name: str, width: float, most: float = 8.0) -> float:
    """Return the size in points, at most `most`, at which a bold name is `width` inches wide."""
    return min(most, 72 * width / (0.71 * max(1, len(name))))


def dark(colour: Colour) -> Colour:
    """Return a colour dark enough for text on white."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, min(lightness, 0.36), saturation)


def listing(items: Sequence[str], limit: int = 6) -> str:
    """Join names, cut to `limit` of them with a count of the rest."""
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {rest} more" if rest > 0 else "")
