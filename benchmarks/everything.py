"""Measure everything side by side with its peers, and write the table that README quotes.

``python benchmarks/everything.py [--only PART ...] [--quick] [--demo]``. Each part runs in a
process of its own; one that cannot run is named with its reason. The page goes to
docs/benchmarks.md, the numbers behind it to the JSON file beside it: ``--only`` replaces some parts
and keeps the others, as long as the machine is the same. ``--quick`` tries the parts at a small
size and writes nothing, unless ``--out`` says where.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import page
from clones import ROOT
from page import Result
from parts import PARTS, measured

from anonbench.io import atomic, write_json

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"

TITLES = {name: title for name, (title, _) in PARTS.items()} | {"scaling": "growing data"}
LONG = ("demo",)
"""Parts that run only when asked for, since they take minutes."""

SINGLE = ("embedder", "detectors")
"""Parts that measure one thread. Idle threads of a library spin, which counts as its time too."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    where = page.machine()
    out = options.out or (None if options.quick else PAGE)
    results = _kept(out, where) if out else {}
    if not options.write:
        for name in options.only or [n for n in PARTS if n not in LONG or options.demo]:
            print(f"{name}: {TITLES[name]}", flush=True)
            results[name] = run(name, options.quick)
    results["scaling"] = page.scaling((out or PAGE).with_name("scaling.csv"))
    table = page.table(results, TITLES)
    print(f"\n{table}")
    if out:
        write(results, where, out)
        if out.resolve() == PAGE:
            page.quote(table, README)
    return int(any(r.reason for n, r in results.items() if n != "scaling"))


def run(name: str, quick: bool) -> Result:
    """Run a part in a new process; what stops it becomes the reason why there are no numbers."""
    context = multiprocessing.get_context("spawn")
    before = dict(os.environ)
    if name in SINGLE:
        os.environ.update(ONE_THREAD)
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(measured, name, quick).result()
    # A part may also end its process, or the system may: whatever it is, the others go on.
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return Result(reason=_reason(error), quick=quick)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _reason(error: BaseException) -> str:
    """Return an error as one line, without the places of this machine."""
    text = str(error).strip() or type(error).__name__
    lines = text.replace(f"{ROOT}/", "").replace(str(Path.home()), "~").splitlines()
    return lines[0][:200]


def _kept(out: Path, where: dict[str, str]) -> dict[str, Result]:
    """Return what earlier runs found; nothing if it was on another machine or other versions."""
    file = out.with_suffix(".json")
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    if content["machine"] != where:
        changed = {k for k in where if content["machine"].get(k) != where[k]}
        print(f"{file.name} is dropped, it was measured with another {', '.join(sorted(changed))}")
        return {}
    return {name: Result.of(part) for name, part in content["parts"].items() if name in PARTS}


def write(results: dict[str, Result], where: dict[str, str], out: Path) -> None:
    """Write the page, and the numbers behind it."""
    parts = {name: result.plain() for name, result in results.items() if name in PARTS}
    write_json({"machine": where, "parts": parts}, out.with_suffix(".json"))
    with atomic(out) as partial:
        partial.write_text(page.page(results, TITLES, where), encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART",
                        help=f"run these: {', '.join(PARTS)}")  # fmt: skip
    parser.add_argument("--demo", action="store_true", help="run make demo as well: minutes")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the page anew")
    parser.add_argument("--out", type=Path, help="the page; default: docs/benchmarks.md, and the "
                        "table goes into README.md as well")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.demo and options.only:
        options.only = list(dict.fromkeys([*options.only, "demo"]))
    return options


if __name__ == "__main__":
    sys.exit(main())
