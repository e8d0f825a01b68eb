"""How a training went, as a picture."""

from __future__ import annotations

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
    with style():
        figure = Figure(figsize=(6.6, 2.9))
        panels = figure.subplots(1, 2)
        for axes, (name, columns) in zip(panels, LINES.items(), strict=True):
            for column, label in columns.items():
                axes.plot(curves["epoch"], curves[column], label=label, linewidth=1.3)
            axes.set_xlabel("Epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_ylabel(name)
            axes.grid(True)
            axes.legend(frameon=False)
        panels[0].set_ylim(bottom=0)
        panels[1].set_ylim(0, 1)
        figure.subplots_adjust(left=0.08, right=0.98, bottom=0.16, top=0.82, wspace=0.25)
        heading(figure, title, "")
        save(figure, path)
