"""What is checked of a configuration before any work; the messages say what to do."""

from __future__ import annotations

from pathlib import Path

from anonbench.bundled import absent
from anonbench.config import Params
from anonbench.drawn_names import DRAWN_FOLDER
from anonbench.used_weights import uses


def check_plugins(params: Params) -> None:
    """Check strengths and options before any work, where the libraries to do so are at hand.

    A bare Snakemake that builds environments for its rules has none; the job checks again.
    """
    try:
        from anonbench.validate import check_methods
    except ImportError as error:
        if (error.name or "").startswith("anonbench"):
            raise
        return
    check_methods(params)


def check_folders(params: Params) -> None:
    """Raise ValueError if the data of the run is not there; the message says what to do."""
    made = {Path(DRAWN_FOLDER), Path(params.rendered.out)}
    for name in params.run.datasets:
        path = params.datasets[name].path
        if not Path(path).is_dir() and Path(path) not in made:
            raise ValueError(f"data set {name!r}: {absent(name, path)}")


def check_weights(params: Params) -> None:
    """Raise ValueError if weights of the run cannot be used; the message says what to do."""
    for use in uses(params.model_dump()):
        if use.problem:
            raise ValueError(use.message)
