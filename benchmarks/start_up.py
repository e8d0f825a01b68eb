"""Measure what Snakemake takes where nothing is to be computed, against the bound of 5 s.

``python benchmarks/start_up.py [--repeats N] [--quick]``. In a fresh clone: a dry run on the
default configuration with nothing computed; then, after the cartoons went through the default
methods (so that there are as many jobs as by default; minutes), a run with nothing to do. Beside
them stands what Snakemake itself takes for an empty Snakefile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from clones import Clone, CommandError, bring_bundled, fresh_clone

BOUND = 5.0
"""Seconds of wall-clock time that each may take."""

DRAWN = "run={datasets: [drawn]}"
FEW = "run={datasets: [drawn], methods: [blackout_face]}"
"""For a quick try: one method, so fewer jobs than by default."""


@dataclass(frozen=True)
class Start:
    """Medians of one command.

    Attributes
    ----------
    what : str
        The command, and on what.
    wall, cpu : float
        Seconds; `cpu` adds up all processes of the command.
    """

    what: str
    wall: float
    cpu: float


def measure(repeats: int = 3, *, quick: bool = False) -> list[Start]:
    """Time the start in a temporary clone.

    Parameters
    ----------
    repeats : int
        Runs of each; medians are taken.
    quick : bool
        Compute one method instead of the default ones before the run with nothing to do.

    Returns
    -------
    list of Start
        An empty Snakefile; the dry run; the run with nothing to do.

    Raises
    ------
    FileNotFoundError
        If the bundled faces are not here.
    CommandError
        If a command fails, or a run does something else than is measured here.
    """
    config = FEW if quick else DRAWN
    with tempfile.TemporaryDirectory(prefix="start-up-") as folder:
        clone = fresh_clone(Path(folder) / "clone")
        bring_bundled(clone)
        (clone.path / "empty.smk").write_text("rule nothing:\n")
        empty = _times(clone, repeats, "", "snakemake", "-n", "-s", "empty.smk")
        dry = _times(clone, repeats, "This was a dry-run", "snakemake", "-n")
        clone.run("snakemake", "--config", config)
        idle = _times(clone, repeats, "Nothing to be done", "snakemake", "--config", config)
    methods = "one method" if quick else "the default methods"
    return [
        Start("snakemake -n, an empty Snakefile", *empty),
        Start("snakemake -n, default configuration, nothing computed", *dry),
        Start(f"snakemake, nothing to do (cartoons, {methods})", *idle),
    ]


def _times(clone: Clone, repeats: int, expected: str, *command: str) -> tuple[float, float]:
    timings = [clone.run(*command) for _ in range(repeats)]
    if not all(expected in t.output for t in timings):
        raise CommandError(f"{' '.join(command)} did not say {expected!r}")
    return median(t.wall for t in timings), median(t.cpu for t in timings)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="compute one method, not all")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error("--repeats is at least 1")
    starts = measure(options.repeats, quick=options.quick)
    print(f"seconds, medians of {options.repeats}")
    print(f"{'':<56}{'wall':>7}{'processor':>11}")
    for start in starts:
        print(f"{start.what:<56}{start.wall:>7.2f}{start.cpu:>11.2f}")
    slow = [s.what for s in starts[1:] if s.wall > BOUND]
    for what in slow:
        print(f"above {BOUND:g} s: {what}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
