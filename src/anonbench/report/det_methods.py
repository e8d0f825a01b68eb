"""DET curves of all methods in one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anonbench.report._det_axes import (
    curve_pieces,
    deviate,
    lowest_rate,
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
from anonbench.report._tables import ANONYMISED_SIDE, Condition, Tables
from anonbench.report.det import LINE, conditions_of, frame

_BLOCKS = (158.0, 248.0)
"""Where the key's columns on the strongest and the middle setting begin, in points."""
_REST, _REST_LETTERS = 322.0, 46
"""Where the list of strengths without a curve begins, and what fits into a line of it."""


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
    base = tables.baseline(system, policy)
    groups = {m: conditions_of(tables, m, attack, system, policy) for m in names}
    missing = {m: _missing(tables, groups.get(m, [base])) for m in ("clear", *names)}
    below = 1.25 + (1 + sum(map(len, missing.values()))) * LINE / 72
    figure, panels = Layout(2, (3.0, 3.0), (0.5, 0.5), (0.52, 0.18, 0.85, below)).figure(2)
    chosen = {m: _with_curve(tables, groups[m]) for m in names}
    low = lowest_rate([tables.curve(c) for group in [*groups.values(), [base]] for c in group])
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
    _key(place, tables, {"clear": (base, None), **chosen}, missing, attack)
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
    lines: dict[str, tuple[Condition | None, Condition | None]],
    missing: dict[str, list[str]],
    attack: str,
) -> None:
    """Write a table: methods, the settings drawn with their failures, and what has no curve."""
    names = ANONYMISED_SIDE.get(attack, ("fta", "fte"))
    for x, title in zip(_BLOCKS, ("strongest", "middle"), strict=True):
        place.text(x, 0, title, ha="right", va="center", color=NOTE)
        for k, name in enumerate(names, start=1):
            place.text(x + 24 * k, 0, name.upper(), ha="right", va="center", color=NOTE)
    place.text(_REST, 0, "without a curve", va="center", color=NOTE)
    y = LINE
    for method, pair in lines.items():
        place.text(32, y, method, va="center")
        _sample(place, tables, method, y)
        for x, condition in zip(_BLOCKS, pair, strict=True):
            label = condition.strength if condition else "-"
            label = {"none": "" if method == "clear" else "on"}.get(label, label)
            place.text(x, y, label, ha="right", va="center")
            for k, name in enumerate(names, start=1):
                share = percent(tables.measure(name, condition).value) if condition else ""
                place.text(x + 24 * k, y, share, ha="right", va="center")
        for k, text in enumerate(missing[method]):
            place.text(_REST, y + k * LINE, text, va="center", color=NOTE)
        y += max(1, len(missing[method])) * LINE


def _sample(place: Axes, tables: Tables, method: str, y: float) -> None:
    if method == "clear":
        place.plot([7, 25], [y, y], color=BASELINE, linewidth=2.2)
        return
    look = tables.looks[method]
    place.plot([7, 16, 25], [y, y, y], markevery=[1], linewidth=1.3, **marks(look))


def _missing(tables: Tables, conditions: Sequence[Condition]) -> list[str]:
    """List the strengths without a curve by reason, in lines that fit the table."""
    reasons: dict[str, list[str]] = {}
    for c in conditions:
        why = no_curve(tables.curve(c), tables.measure("eer", c))
        if why:
            reasons.setdefault(why, []).append("" if c.strength == "none" else c.strength)
    texts = [f"{' '.join(labels)}: {why}".removeprefix(": ") for why, labels in reasons.items()]
    return textwrap.wrap("; ".join(texts), _REST_LETTERS) or [""]
