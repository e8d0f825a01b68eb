"""DET figures: a panel a method, and all methods in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anonbench.report._det_axes import (
    DASHED,
    SOLID,
    lowest_rate,
    no_curve,
    plot_curve,
    prepare,
)
from anonbench.report._style import (
    BASELINE,
    NOTE,
    TEXT,
    Layout,
    dark,
    footnote,
    heading,
    panel_title,
    percent,
    shades,
)
from anonbench.report._tables import ANONYMISED_SIDE, Condition, Tables

LINE = 10.4
"""Height of a line of a key in points."""

_RULES = (
    f"Lines are solid where both error counts are at least {SOLID}, dashed from {DASHED}, and not "
    "drawn below.\nDotted: chance (FNMR = 1 - FMR). Diagonal: equal error rates."
)
_SIDES = {
    "naive": "anonymised probes, clear gallery",
    "reverse": "clear probes, anonymised gallery",
    "parrot": "anonymised probes, anonymised gallery",
}


def det_figure(tables: Tables, attack: str, system: str, policy: str) -> Figure:
    """Draw one panel a method, one line a strength, and the clear baseline in grey."""
    layout = Layout(2, (1.5, 1.5), (2.05, 0.78), (0.5, 1.74, 0.98, 0.92))
    figure, panels = layout.figure(len(tables.methods))
    base = tables.baseline(system, policy)
    shown = [conditions_of(tables, m, attack, system, policy) for m in tables.methods]
    low = lowest_rate([tables.curve(c) for group in [*shown, [base]] for c in group])
    for k, (axes, method) in enumerate(zip(panels, tables.methods, strict=True)):
        prepare(axes, low, y_label=k % layout.columns == 0, small=True)
        colour = tables.looks[method].colour
        tones = shades(colour, max(1, len(shown[k])))
        plot_curve(axes, tables.curve(base), color=BASELINE, linewidth=1.6, zorder=2.5)
        for condition, tone in zip(shown[k], tones, strict=False):
            plot_curve(axes, tables.curve(condition), color=tone)
        _key(axes, tables, shown[k], tones, base)
        panel_title(axes, method, tables.info(method).strength, dark(colour))
    frame(figure, tables, "DET curves", attack, f"{system}, {policy} faces")
    return figure


def conditions_of(
    tables: Tables, method: str, attack: str, system: str, policy: str
) -> list[Condition]:
    """Return the conditions of a method, weakest strength first."""
    return [Condition(method, s, attack, system, policy) for s in tables.strengths(method)]


def frame(figure: Figure, tables: Tables, what: str, attack: str, where: str) -> None:
    """Write title and remarks of a DET figure."""
    sides = _SIDES.get(attack, "")
    failures = " and ".join(n.upper() for n in ANONYMISED_SIDE.get(attack, ("fta", "fte")))
    heading(figure, f"{what}: {attack} attack", f"{tables.dataset}, {where}; {sides}. Completed "
            f"comparisons only:\n{failures} in %, listed with the strengths (weak to strong), "
            "come on top.")  # fmt: skip
    remarks = (
        f"\n< {DASHED} errors, < 30 mated: no curve, because there are fewer errors, or fewer "
        "completed mated comparisons."
    )
    minimum = tables.plan["metrics"].get("minimum_mated", 30)
    footnote(figure, _RULES + remarks.replace("< 30 mated", f"< {minimum} mated"))


def _key(
    axes: Axes,
    tables: Tables,
    conditions: Sequence[Condition],
    tones: Sequence[Any],
    base: Condition,
) -> None:
    """List the lines beside a panel as a small table, with the failures that a DET hides."""
    names = list(tables.failures(base._replace(attack=conditions[0].attack))) if conditions else []
    place = key_axes(axes, 120)
    columns = [50.0 + 22 * k for k in range(len(names))]
    for x, name in zip(columns, names, strict=True):
        place.text(x, 0, name.upper(), ha="right", va="center", color=NOTE)
    lines = [(c, t, "on" if c.strength == "none" else c.strength)
             for c, t in zip(conditions, tones, strict=False)]  # fmt: skip
    for row, (condition, tone, label) in enumerate([(base, BASELINE, "clear"), *lines], start=1):
        y = row * LINE
        why = no_curve(tables.curve(condition), tables.measure("eer", condition))
        ink: Any = NOTE if why else TEXT
        if why:
            place.text((columns or [40.0])[-1] + 4, y, why, va="center", color=NOTE)
        else:
            place.plot([4, 15], [y, y], color=tone, linewidth=1.6, clip_on=False)
        place.text(18, y, label, va="center", color=ink)
        for x, name in zip(columns, names, strict=True):
            share = tables.measure(name, condition).value
            place.text(x, y, percent(share), ha="right", va="center", color=ink)


def key_axes(axes: Axes, width: float) -> Axes:
    """Return empty axes to the right of a panel, in points from its top left corner, y down."""
    figure = axes.figure
    box = axes.get_position()
    points_x, points_y = 72 * figure.get_figwidth(), 72 * figure.get_figheight()  # type: ignore[union-attr]
    place = figure.add_axes((box.x1, box.y0, width / points_x, box.height))
    place.set_xlim(0, width)
    place.set_ylim(box.height * points_y - 5, -5)
    place.axis("off")
    return place
