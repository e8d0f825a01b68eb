"""DET curves of all methods in one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anonbench.report._det_axes import (
    curve_pieces,
    deviate,
    lowest_tick,
    no_curve,
    plot_curve,
    prepare,
)
from anonbench.report._style import (
    BASELINE,
    NOTE,
    Layout,
    marks,
    panel_title,
    percent,
)
from anonbench.report._tables import Condition, Tables
from anonbench.report.det import LINE, conditions_of, frame

_BLOCKS = (160.0, 275.0)
"""Where the key's columns on the strongest and the middle setting begin, in points."""
_REST = 385.0


def strongest_and_middle(labels: Sequence[str]) -> tuple[str, str]:
    """Return the strongest of some strengths (weak to strong) and a middle one; "" for none.

    The middle of two is the weaker one; a single strength has no middle.
    """
    if not labels:
        return "", ""
    return labels[-1], labels[(len(labels) - 1) // 2] if len(labels) > 1 else ""


def methods_figure(tables: Tables, attack: str, system: str, policy: str) -> Figure:
    """Draw every method at its strongest setting that still has a curve, and a middle one."""
    names = [*tables.methods, *(c for c in tables.controls if c != "original")]
    below = 1.45 + (len(names) + 2) * LINE / 72
    figure, panels = Layout(2, (3.05, 3.05), (0.48, 0.5), (0.42, 0.2, 0.85, below)).figure(2)
    base = tables.baseline(system, policy)
    groups = {m: conditions_of(tables, m, attack, system, policy) for m in names}
    chosen = {m: _with_curve(tables, groups[m]) for m in names}
    low = lowest_tick([tables.curve(c) for group in [*groups.values(), [base]] for c in group])
    titles = ("Strongest setting that still has a curve", "A middle setting that has a curve")
    for k, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        prepare(axes, low, y_label=k == 0)
        panel_title(axes, title)
        plot_curve(axes, tables.curve(base), color=BASELINE, linewidth=2.2, zorder=2.5)
        for method, pair in chosen.items():
            condition = pair[k]
            if condition:
                _marked(axes, tables, condition, method, 1.3 if k == 0 else 0.8)
    place = _key_axes(figure, below - 0.5)
    _key(place, tables, groups, chosen, base._replace(attack=attack), base)
    frame(figure, tables, "DET curves of all methods", attack, f"{system}, {policy} faces")
    return figure


def _with_curve(
    tables: Tables, conditions: Sequence[Condition]
) -> tuple[Condition | None, Condition | None]:
    """Return the strongest and the middle condition among those that have a curve."""
    own = {c.strength: c for c in conditions if curve_pieces(tables.curve(c))}
    strongest, middle = strongest_and_middle(list(own))
    return own.get(strongest), own.get(middle)


def _marked(axes: Axes, tables: Tables, condition: Condition, method: str, width: float) -> None:
    """Draw a curve with its method's marker at a few places along the line."""
    curve, look = tables.curve(condition), tables.looks[method]
    plot_curve(axes, curve, color=look.colour, linewidth=width)
    drawn = curve_pieces(curve)
    places = np.linspace(drawn[0].start, drawn[-1].stop - 1, 4)
    own = curve.iloc[np.unique(places.round().astype(int))]
    x, y = deviate(own["fmr"]), deviate(own["fnmr"])
    axes.plot(x, y, linestyle="", zorder=4, **marks(look))


def _key_axes(figure: Figure, top: float) -> Axes:
    """Return empty axes over the width of a figure: points, y down from `top` inches."""
    width, height = figure.get_figwidth(), figure.get_figheight()
    place = figure.add_axes((0, 0, 1, top / height))
    place.set_xlim(0, 72 * width)
    place.set_ylim(72 * top, 0)
    place.axis("off")
    return place


def _key(
    place: Axes,
    tables: Tables,
    groups: dict[str, list[Condition]],
    chosen: dict[str, tuple[Condition | None, Condition | None]],
    like: Condition,
    base: Condition,
) -> None:
    """Write a table: methods, the settings drawn with their failures, and what has no curve."""
    names = list(tables.failures(like))
    for x, title in zip(_BLOCKS, ("strongest", "middle"), strict=True):
        place.text(x, 0, title, ha="right", va="center", color=NOTE)
        for k, name in enumerate(names, start=1):
            place.text(x + 28 * k, 0, name.upper(), ha="right", va="center", color=NOTE)
    place.text(_REST, 0, "without a curve", va="center", color=NOTE)
    lines: dict[str, tuple[Condition | None, Condition | None]] = {"clear": (base, None), **chosen}
    for row, (method, pair) in enumerate(lines.items(), start=1):
        y = row * LINE
        place.text(32, y, method, va="center")
        _sample(place, tables, method, y)
        for x, condition in zip(_BLOCKS, pair, strict=True):
            label = condition.strength if condition else "-"
            place.text(x, y, "on" if label == "none" else label, ha="right", va="center")
            for k, name in enumerate(names, start=1):
                share = percent(tables.measure(name, condition).value) if condition else ""
                place.text(x + 28 * k, y, share, ha="right", va="center")
        missing = _missing(tables, groups.get(method, [base]))
        place.text(_REST, y, missing, va="center", color=NOTE)


def _sample(place: Axes, tables: Tables, method: str, y: float) -> None:
    if method == "clear":
        place.plot([7, 25], [y, y], color=BASELINE, linewidth=2.2)
        return
    look = tables.looks[method]
    place.plot([7, 16, 25], [y, y, y], markevery=[1], linewidth=1.3, **marks(look))


def _missing(tables: Tables, conditions: Sequence[Condition]) -> str:
    """List the strengths without a curve by reason."""
    reasons: dict[str, list[str]] = {}
    for c in conditions:
        why = no_curve(tables.curve(c), tables.measure("eer", c))
        if why:
            reasons.setdefault(why, []).append("on" if c.strength == "none" else c.strength)
    return "; ".join(f"{' '.join(labels)}: {why}" for why, labels in reasons.items())
