"""How a training went, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from anonbench.report._style import heading, save, style

LINES = {
    "Loss": {
        "cross_entropy": "cross-entropy", "affinity": "affinity", "partition": "partition",
        "auxiliary": "auxiliary",
    },
    "Accuracy": {
        "train_accuracy": "training, augmented", "validation_accuracy": "held-out subjects",
    },
}  # fmt: skip

ROUND_LINES = {
    "Loss": {
        "critic": "critic", "penalty": "penalty", "adversarial": "generator, by the critic",
        "identity": "identity", "guidance": "guidance", "reconstruction": "reconstruction",
        "surroundings": "surroundings", "matching": "matching", "following": "landmarks",
        "reader": "reader of landmarks", "divergence": "divergence",
        "sharpness": "sharpness", "classifier": "classifier of people",
        "fooled": "the same, modified faces", "difference": "difference",
        "expression": "expressions",
    },
    "KID": {"kid": "held-out subjects"},
    "Accuracy": {
        "right_originals": "people, as they are", "right_modified": "people, modified",
        "right_expressions": "expressions, modified",
    },
}  # fmt: skip
"""Of all trainings that go by rounds; what one does not have is left out. The second panel is KID,
or accuracy where that is measured instead."""


def write_curves(curves: pd.DataFrame, path: Path | str, title: str) -> None:
    """Draw losses and accuracies by epoch.

    Parameters
    ----------
    curves : DataFrame
        As `anonbench.training.train_dan.train_files` writes it.
    path : path
        ``.svg`` or ``.png``.
    title : str
        Above the picture.
    """
    _write(curves, "epoch", LINES, path, title)


def write_rounds(curves: pd.DataFrame, path: Path | str, title: str) -> None:
    """Draw losses and KID, or accuracies, by round.

    Parameters
    ----------
    curves : DataFrame
        As `anonbench.training.rounds.train_by_rounds` writes it.
    path : path
        ``.svg`` or ``.png``.
    title : str
        Above the picture.
    """
    measured = any(column in curves for column in ROUND_LINES["Accuracy"])
    second = "Accuracy" if measured else "KID"
    panels = {name: ROUND_LINES[name] for name in ("Loss", second)}
    _write(curves, "round", panels, path, title)


def _write(
    curves: pd.DataFrame, clock: str, panels: Mapping[str, Mapping[str, str]], path: Path | str,
    title: str,
) -> None:  # fmt: skip
    with style():
        figure = Figure(figsize=(6.6, 2.9))
        for axes, (name, columns) in zip(figure.subplots(1, 2), panels.items(), strict=True):
            for column, label in columns.items():
                if column in curves:
                    axes.plot(curves[clock], curves[column], label=label, linewidth=1.3)
            axes.set_xlabel(clock.capitalize())
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_ylabel(name)
            axes.grid(True)
            if axes.lines:
                axes.legend(frameon=False)
            if name != "KID":  # which may be below 0 by chance
                axes.set_ylim(0, 1 if name == "Accuracy" else None)
        figure.subplots_adjust(left=0.08, right=0.98, bottom=0.16, top=0.82, wspace=0.25)
        heading(figure, title, "")
        save(figure, path)
