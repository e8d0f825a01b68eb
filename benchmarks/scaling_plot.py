"""The scaling study as numbers and as a plot: straight lines, exponents, memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator
from numpy.typing import ArrayLike
from scaling_data import PER_SUBJECT

from anonbench.report._style import Layout, footnote, heading, panel_title, save, style

ORDER = ("ingest", "detect", "locate", "anonymise", "redetect", "embed", "classify", "measure",
         "score", "score_expressions", "summarise", "figures", "whole run")  # fmt: skip

# Paul Tol's "muted" hues and two greys; every line has a shape of its own as well.
_COLOURS = ("#332288", "#CC6677", "#117733", "#DDAA33", "#88CCEE", "#AA4499", "#661100", "#999933",
            "#44AA99", "#6699CC", "#882255", "#8a8a8a", "#1a1a1a")  # fmt: skip
_MARKERS = ("o", "s", "^", "D", "v", "P", "p", "X", "<", "d", ">", "h", "*")


@dataclass(frozen=True)
class Fit:
    """How a stage grows with the images.

    Attributes
    ----------
    stage : str
        Its name.
    fixed, slope : float
        Of the least-squares line: seconds with no image, and seconds an image.
    r2 : float
        Share of the variance of the seconds that the line explains.
    exponent : float
        Slope of the line through the logarithms of seconds and images; 1 is linear, and a fixed
        cost makes it smaller.
    memory : (float, float)
        Largest resident MiB of a job in the smallest and in the largest run; NaN where unknown.

    Notes
    -----
    `r2` and `exponent` are NaN with fewer than three sizes: a line fits any two points.
    """

    stage: str
    fixed: float
    slope: float
    r2: float
    exponent: float
    memory: tuple[float, float]


def line(images: ArrayLike, seconds: ArrayLike) -> tuple[float, float, float, float]:
    """Return fixed cost, slope, R^2 and the exponent of a log-log fit; NaN where undetermined."""
    x, y = np.asarray(images, float), np.asarray(seconds, float)
    nan = float("nan")
    if len(set(x)) < 2:
        return nan, nan, nan, nan
    slope, fixed = np.polyfit(x, y, 1)
    if len(set(x)) < 3:
        return float(fixed), float(slope), nan, nan
    spread = ((y - y.mean()) ** 2).sum()
    r2 = 1 - ((y - fixed - slope * x) ** 2).sum() / spread if spread > 0 else nan
    exponent = np.polyfit(np.log(x), np.log(y), 1)[0] if (y > 0).all() else nan
    return float(fixed), float(slope), float(r2), float(exponent)


def by_images(table: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that differ in images alone: one strength, `PER_SUBJECT` images a subject."""
    usual = -(-table["images"] // PER_SUBJECT)
    return table[(table["strengths"] == 1) & (table["subjects"] == usual)]


def by_subjects(table: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that differ in subjects alone: those of the images with most of them."""
    return _most(table[table["strengths"] == 1], ["images"], "subjects")


def by_strengths(table: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that differ in strengths alone: those of the size with most of them."""
    return _most(table, ["images", "subjects"], "strengths")


def _most(table: pd.DataFrame, fixed: list[str], varied: str) -> pd.DataFrame:
    counts = table.groupby(fixed)[varied].nunique()
    place = counts.index[int(np.argmax(counts.to_numpy()))]
    values = place if isinstance(place, tuple) else (place,)
    return table[(table[fixed] == list(values)).all(axis=1)]


def fits(table: pd.DataFrame) -> list[Fit]:
    """Return the fit of every stage over the runs that differ in images alone."""
    found = []
    for stage, rows in _staged(by_images(table), "images"):
        memory = rows["memory_mib"]
        fit = line(rows["images"], rows["seconds"])
        found.append(Fit(stage, *fit, (float(memory.iloc[0]), float(memory.iloc[-1]))))
    return found


def _staged(table: pd.DataFrame, axis: str) -> list[tuple[str, pd.DataFrame]]:
    stages = sorted(set(table["stage"]), key=lambda s: (ORDER.index(s) if s in ORDER else 99, s))
    return [(s, table[table["stage"] == s].sort_values(axis)) for s in stages]


def cells(fit: Fit) -> tuple[str, ...]:
    """Return a fit as the cells of a row; "?" where it is not known."""

    def text(value: float, form: str) -> str:
        return "?" if np.isnan(value) else format(value, form)

    return (
        fit.stage, text(fit.fixed, ".1f"), text(1000 * fit.slope, ".2f"), text(fit.r2, ".4f"),
        text(fit.exponent, ".2f"), *(text(m, ".0f") for m in fit.memory),
    )  # fmt: skip


HEAD = ("stage", "fixed, s", "ms an image", "R²", "exponent", "MiB, smallest", "MiB, largest")


def fits_text(found: list[Fit]) -> str:
    """Return the fits as a table for the terminal."""
    return "\n".join(f"{r[0]:<12}" + "".join(f"{c:>15}" for c in r[1:])
                     for r in (HEAD, *map(cells, found)))  # fmt: skip


def draw(table: pd.DataFrame, out: Path) -> None:
    """Draw seconds and memory against images, and seconds against strengths and subjects."""
    with style():
        layout = Layout(2, (2.6, 2.1), (0.62, 0.72), (0.52, 1.3, 0.86, 0.78))
        figure, axes = layout.figure(4)
        images, subjects, strengths = by_images(table), by_subjects(table), by_strengths(table)
        _panel(axes[0], images, "images", "seconds", "Time against images", fitted=True)
        _panel(axes[1], images, "images", "memory_mib", "Memory against images")
        _panel(axes[2], strengths, "strengths", "seconds", "Time against strengths")
        _panel(axes[3], subjects, "subjects", "seconds", "Time against subjects")
        _legend(figure, axes[1])
        cores = ", ".join(str(c) for c in sorted(set(table["cores"])))
        heading(figure, "How the workflow grows with its data",
                f"method blur_face and both controls, detector HOG, --cores {cores}")  # fmt: skip
        footnote(figure, "Seconds: sums over the jobs of a stage; “whole run” is the command. "
                 "Memory: largest resident size of a job, sampled.\nThin lines: straight lines "
                 "a + b · images (bent by the logarithmic scales where a is not 0).")  # fmt: skip
        save(figure, out)


def _panel(axes: Axes, rows: pd.DataFrame, x: str, y: str, name: str, fitted: bool = False) -> None:
    for stage, own in _staged(rows, x):
        look = _look(stage)
        axes.plot(own[x], own[y], label=stage, linestyle="none" if fitted else "-", **look)
        fixed, slope, *_ = line(own[x], own[y]) if fitted else (np.nan, np.nan)
        if np.isfinite(slope):
            at = np.geomspace(own[x].min(), own[x].max(), 100)
            seconds = fixed + slope * at
            axes.plot(at[seconds > 0], seconds[seconds > 0], color=look["color"], linewidth=0.8)
    axes.set_xscale("log")
    if y == "seconds":
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    ticks = sorted(set(rows[x]))
    axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(True, axis="y")
    axes.set_xlabel(x)
    axes.set_ylabel("MiB" if y == "memory_mib" else "s")
    panel_title(axes, name, _held(rows, x))


def _held(rows: pd.DataFrame, x: str) -> str:
    """Say what is the same in all runs of a panel."""
    first = rows.iloc[0]
    per = f"{PER_SUBJECT} images a subject"
    parts = {
        "images": ["1 strength", per],
        "strengths": [f"{first['images']:,} images", per],
        "subjects": [f"{first['images']:,} images", "1 strength"],
    }
    return ", ".join(parts[x])


def _look(stage: str) -> dict[str, Any]:
    k = ORDER.index(stage) if stage in ORDER else len(ORDER) - 2
    return {"color": _COLOURS[k], "marker": _MARKERS[k]}


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="center right", bbox_to_anchor=(0.995, 0.5),
                  borderaxespad=0, handlelength=1.2)  # fmt: skip
