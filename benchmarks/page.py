"""What the benchmarks found, as docs/benchmarks.md and as the table that README quotes from it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clones import ROOT
from faces_text import table as markdown_table
from scaling import WHOLE, read
from scaling_plot import HEAD, Fit, by_images, cells, fits

from anonbench.io import atomic
from anonbench.provenance import version

START, END = "<!-- benchmarks: start -->", "<!-- benchmarks: end -->"
"""Around the table, in the page and in README."""

PACKAGES = ("numpy", "onnxruntime", "torch", "opencv-contrib-python", "dlib-bin", "mediapipe",
            "facenet-pytorch", "numba", "scikit-learn", "face-recognition",
            "snakemake")  # fmt: skip

STRAIGHT, LINEAR, FLAT = 0.99, 1.1, 1.25
"""What counts as time linear in images: R² of a straight line at least, and exponent at most; and
as flat memory: that of the largest set by that of the smallest."""

MISSING = "not measured"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    what, ours, peer : str
        What was measured, and the two values with their units; an empty `peer` has no value.
    ratio : float, optional
        Peer by ours, or ours by the peer where less is better for a ratio: `what` or `goal` say.
    goal : str
        What was to be reached; empty if nothing was set.
    met : bool, optional
        Whether it was; None without a goal.
    """

    what: str
    ours: str
    peer: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None

    def cells(self, quick: bool = False) -> tuple[str, ...]:
        """Return the row as text; a quick run is marked, and meets or misses nothing."""
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        what = f"{self.what} (quick)" if quick else self.what
        return what, self.ours, self.peer, ratio, self.goal, "" if quick else met


@dataclass
class Result:
    """What a part found.

    Attributes
    ----------
    rows : list of Row
        For the table.
    notes : list of str
        What a reader has to know of them; why a goal is missed.
    text : str
        Markdown for the part's own section; empty for none.
    reason : str
        Why there are no rows; empty if there are.
    quick : bool
        Whether it was measured at a small size.
    load : float
        Load average of the last minute before it began: above 0, other programs ran as well.
    commit : str
        That was checked out; empty if nothing was run.
    """

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    text: str = ""
    reason: str = ""
    quick: bool = False
    load: float = 0.0
    commit: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON holds."""
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Result:
        """Return what `plain` made values of."""
        return cls(**{**content, "rows": [Row(**row) for row in content["rows"]]})


def machine() -> dict[str, str]:
    """Return what the times depend on: processor, cores, versions. No names, no paths."""
    cpus = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo"))
            if line.startswith("model name")]  # fmt: skip
    memory = [int(line.split()[1]) for line in _lines(Path("/proc/meminfo"))
              if line.startswith("MemTotal")]  # fmt: skip
    return {
        "processor": cpus[0] if cpus else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory[0] / 1024**2:.0f} GiB" if memory else "unknown",
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def commit() -> str:
    """Return the short name of the commit that is checked out; empty outside of Git."""
    command = ["git", "rev-parse", "--short=10", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def table(results: Mapping[str, Result], titles: Mapping[str, str]) -> str:
    """Return the table of all parts; one without rows is named with its reason.

    Parameters
    ----------
    results : mapping of str to Result
        By part.
    titles : mapping of str to str
        What each part measures, in the order of the table.
    """
    rows = []
    for part, title in titles.items():
        result = results.get(part, Result(reason=f"run `--only {part}`"))
        if result.rows:
            rows += [row.cells(result.quick) for row in result.rows]
        else:
            rows.append((title, f"{MISSING}: {_cell(result.reason)}", "", "", "", ""))
    return markdown_table(("what", "ours", "peer", "ratio", "goal", "met?"), rows)


def _cell(text: str) -> str:
    """Return text that fits into a cell of a table."""
    return " ".join(text.split()).replace("|", "/")


def page(results: Mapping[str, Result], titles: Mapping[str, str], where: Mapping[str, str]) -> str:
    """Return docs/benchmarks.md.

    Parameters
    ----------
    results, titles : mapping
        As for `table`.
    where : mapping of str to str
        See `machine`.
    """
    full = [results[part] for part in titles if part in results and not results[part].quick]
    missed = [row.what for result in full for row in result.rows if row.met is False]
    parts = [
        "# Benchmarks\n",
        "Written by `python benchmarks/everything.py`, which measures ours and the peer in one\n"
        "run on the same input; README quotes the table. `--only PART` measures a part again and\n"
        "keeps the others. What each part does: [benchmarks](../benchmarks/README.md).\n",
        f"{START}\n{table(results, titles)}{END}\n",
        _verdict(missed),
        *(_section(titles[part], results[part]) for part in titles if part in results),
        "## Machine\n",
        markdown_table(("", ""), where.items()),
        "Load: the average of the minute before a part; the work of other programs, which makes\n"
        "wall-clock times longer.\n",
        markdown_table(
            ("part", "load", "code"),
            [(p, f"{r.load:.1f}", r.commit) for p, r in results.items() if r.commit],
        ),
    ]
    return "\n".join(part for part in parts if part)


def _verdict(missed: Sequence[str]) -> str:
    if not missed:
        return ""
    return "Goals missed: " + "; ".join(missed) + ". The notes below say why.\n"


def _section(title: str, result: Result) -> str:
    notes = "".join(f"- {note}\n" for note in result.notes)
    if result.reason:
        notes += f"- {MISSING}: {_cell(result.reason)}\n"
    if not notes and not result.text:
        return ""
    parts = [f"## {title[0].upper()}{title[1:]}\n", notes, result.text]
    return "\n".join(part for part in parts if part)


def replace_marked(text: str, content: str) -> str:
    """Return a text with what stands between the markers replaced.

    Raises
    ------
    ValueError
        Unless there is one marker of each kind, in order.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end or START in rest or END in before + after:
        raise ValueError(f"expected one {START} and after it one {END}")
    return f"{before}{START}\n{content}{END}{after}"


def marked(text: str) -> str:
    """Return what stands between the markers; see `replace_marked`."""
    replace_marked(text, "")
    return text.partition(START)[2].partition(END)[0].removeprefix("\n")


def quote(content: str, readme: Path) -> None:
    """Write a table into README, between the markers."""
    text = replace_marked(readme.read_text(encoding="utf-8"), content)
    with atomic(readme) as partial:
        partial.write_text(text, encoding="utf-8")


def scaling(csv: Path) -> Result:
    """Return what the study of growing sizes found, from its rows; nothing is run."""
    rows = read(csv)
    command = "`python benchmarks/scaling.py` has not been run"
    if rows.empty:
        return Result(reason=command)
    found = fits(rows)
    sizes = sorted(set(by_images(rows)["images"]))
    if len(sizes) < 3:
        return Result(reason=f"{len(sizes)} sizes are too few for a line; {command}")
    whole = next(fit for fit in found if fit.stage == WHOLE)
    fullest = max((f for f in found if f.stage != WHOLE), key=_largest)
    low, high = fullest.memory
    span = f"{sizes[0]:,} to {sizes[-1]:,} images"
    result = Result([
        Row(f"whole run, {span}", f"{whole.fixed:.0f} s + {1000 * whole.slope:.0f} ms an image, "
            f"R² {whole.r2:.4f}, exponent {whole.exponent:.2f}", "a straight line", None,
            f"linear: R² ≥ {STRAIGHT}, exponent ≤ {LINEAR}",
            whole.r2 >= STRAIGHT and whole.exponent <= LINEAR),
        Row(f"largest memory of a job ({fullest.stage}), {span}", f"{high:.0f} MiB",
            f"{low:.0f} MiB, smallest set", high / low, f"flat: ≤ {FLAT}", high / low <= FLAT),
    ])  # fmt: skip
    result.notes = _scaling_notes(found)
    result.text = (
        "![Seconds by stage against images, strengths and subjects, and memory against images]"
        "(images/scaling.png)\n\n"
        f"Numbers: [{csv.name}]({csv.name}).\n\n{markdown_table(HEAD, map(cells, found))}"
    )
    return result


def _largest(fit: Fit) -> float:
    return fit.memory[1] if fit.memory[1] == fit.memory[1] else -1.0


def _scaling_notes(found: Sequence[Fit]) -> list[str]:
    notes = [
        "Seconds of a stage are sums over its jobs. The fixed part is Snakemake and the start of "
        "processes. Memory is sampled: every half second at first, every 30 s after half a minute."
    ]
    steep = [f"{f.stage} ({f.exponent:.2f})" for f in found if f.exponent > LINEAR]
    grows = [f"{f.stage} ({f.memory[0]:.0f} to {f.memory[1]:.0f} MiB)" for f in found
             if f.memory[1] > FLAT * f.memory[0]]  # fmt: skip
    if steep:
        notes.append(f"Steeper than linear, by the exponent: {', '.join(steep)}.")
    if grows:
        notes.append(f"Memory that grows with the images: {', '.join(grows)}.")
    return notes
