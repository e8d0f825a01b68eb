"""The trade-off for every kind of privacy and utility: small panels side by side."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from anonbench.report._front import (
    AXIS_NAMES,
    distinct,
    draw_bars,
    draw_control,
    draw_front,
    draw_trail,
    panel_points,
    reason,
    shown,
)
from anonbench.report._style import BASELINE, Layout, heading
from anonbench.report._tables import Tables
from anonbench.report.tradeoff import empty_panel, frame
from anonbench.tradeoff import PRIVACIES, UTILITIES

_SIZE = 4.2
_COLUMNS = 4


def grid_figure(tables: Tables) -> Figure:
    """Draw utilities as rows and privacies as columns."""
    n_legend = -(-(len(tables.methods) + len(tables.controls)) // _COLUMNS)
    layout = Layout(3, (2.0, 1.72), (0.2, 0.22), (0.56, 0.14, 0.8, 0.58 + 0.17 * n_legend))
    figure, panels = layout.figure(len(PRIVACIES) * len(UTILITIES))
    pairs = [(p, u) for u in UTILITIES for p in PRIVACIES]
    for k, (axes, (privacy, utility)) in enumerate(zip(panels, pairs, strict=True)):
        _panel(axes, tables, privacy, utility)
        row, column = divmod(k, len(PRIVACIES))
        if column == 0:
            axes.set_ylabel(f"{AXIS_NAMES[utility]}  →")
            axes.yaxis.set_label_coords(-0.19, 0.5)
        elif axes.get_yticks().size:
            axes.tick_params(labelleft=False)
        if row == len(UTILITIES) - 1:
            axes.set_xlabel(f"{AXIS_NAMES[privacy]}  →")
            axes.xaxis.set_label_coords(0.5, -0.12)
        elif axes.get_xticks().size:
            axes.tick_params(labelbottom=False)
    heading(figure, "Privacy against utility, for every measure of both",
            f"{tables.dataset}. Columns: privacy against the worst attack. Rows: utility. Up and "
            "to the right is better; shaded: beaten on both axes.\nBars: 95 % intervals over "
            "subjects. The fuller a marker, the more probable that the point is on the front."
            )  # fmt: skip
    _legend(figure, tables)
    return figure


def _panel(axes: Axes, tables: Tables, privacy: str, utility: str) -> None:
    points = panel_points(tables, privacy, utility)
    own = shown(points, tables.methods)
    if not own:
        empty_panel(axes, reason(tables.pareto, privacy, utility), 30)
        return
    frame(axes, points, privacy, utility, tables)
    draw_front(axes, own, axes.get_xlim()[0], axes.get_ylim()[0])
    looks, dashes = distinct(tables)
    for method in tables.methods:
        mine = [p for p in points[method] if p.complete]
        for point in mine:
            draw_bars(axes, point, looks[method].colour)
        if mine:
            draw_trail(axes, mine, looks[method], dashes[method], _SIZE, 0.9)
    for point in shown(points, tables.controls):
        draw_control(axes, point, _SIZE + 0.5)
    axes.set_clip_path(Rectangle((0, 0), 1, 1, transform=axes.transAxes))


def _legend(figure: Figure, tables: Tables) -> None:
    looks, dashes = distinct(tables)
    entries = [Line2D([], [], linewidth=0.9, markersize=4.5, label=m, color=looks[m].colour,
                      marker=looks[m].marker, linestyle=dashes[m])
               for m in tables.methods]  # fmt: skip
    ends = {"original": ("*", BASELINE), "blank": ("X", "#111111")}
    entries += [Line2D([], [], linestyle="none", markersize=6, label=m, marker=ends[m][0],
                       color=ends[m][1], markeredgecolor="#111111", markeredgewidth=0.6)
                for m in tables.controls if m in ends]  # fmt: skip
    if entries:
        corner = (0.08 / figure.get_figwidth(), 0.08 / figure.get_figheight())
        figure.legend(handles=entries, loc="lower left", bbox_to_anchor=corner, ncols=_COLUMNS,
                      borderpad=0.2, columnspacing=1.6)  # fmt: skip
