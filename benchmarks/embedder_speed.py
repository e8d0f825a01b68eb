"""Measure how much faster recogniser ``dlib`` is than dlib's own call, and whether it agrees.

``python benchmarks/embedder_speed.py [FOLDER] [--chips N] [--repeats N] [--precision P]``. FOLDER
holds photographs and ``labels.csv``, or the rendered faces. Both recognisers embed the same face
chips on one thread, turn by turn in one process; a median of each is taken. Ends with an error if
the ratio is below ``--at-least`` or the numbers are further apart than is allowed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench import detectors, recognisers
from anonbench.decode import read_encoded
from anonbench.metrics.verification import equal_error_rate
from anonbench.recognisers import Recogniser
from anonbench.types import Pixels

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "data" / "faces"

TOLERANCE = 1e-5
"""Largest difference allowed between two coordinates, in float32."""
EER_TOLERANCE = 1e-4
TIMED = 32
"""Chips embedded in each turn: two full batches."""


def measure(
    chips: Sequence[Pixels],
    subjects: Sequence[str] | None = None,
    repeats: int = 7,
    options: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Time and compare recognisers ``dlib`` and ``dlib_native`` on one thread.

    Parameters
    ----------
    chips : sequence of ndarray, shape (150, 150, 3), uint8
        Face chips; no two may be equal, since ``dlib`` embeds equal ones once.
    subjects : sequence of str, optional
        Whose face each chip is; without, or without pairs of both kinds, no EER is compared.
    repeats : int
        Turns of each.
    options : mapping, optional
        Of ``dlib``.

    Returns
    -------
    dict
        ``chips``; ``dlib_ms`` and ``dlib_native_ms``, medians in milliseconds of processor time a
        chip, and the same with ``_wall``; ``ratio`` and ``ratio_wall``, native by `dlib`;
        ``difference``, the largest of any coordinate over all chips; and, with subjects, ``eer``
        of `dlib` and ``eer_difference``.

    Raises
    ------
    ValueError
        If there are no chips, or two are equal.
    """
    if not chips or len({c.tobytes() for c in chips}) < len(chips):
        raise ValueError("there have to be face chips, and no two equal ones")
    models = {
        "dlib": recognisers.get("dlib").build(options or {}, threads=1),
        "dlib_native": recognisers.get("dlib_native").build({}, threads=1),
    }
    # This also warms both up.
    embedded = {name: model.embed(chips) for name, model in models.items()}
    result = {"chips": float(len(chips)), **_times(models, chips[:TIMED], repeats)}
    result["difference"] = float(np.abs(embedded["dlib"] - embedded["dlib_native"]).max())
    if subjects is not None:
        eer = {name: _eer(rows, np.array(subjects)) for name, rows in embedded.items()}
        if not np.isnan(list(eer.values())).any():
            result["eer"] = eer["dlib"]
            result["eer_difference"] = abs(eer["dlib"] - eer["dlib_native"])
    return result


def _times(
    models: Mapping[str, Recogniser], chips: Sequence[Pixels], repeats: int
) -> dict[str, float]:
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(repeats):
        for name, model in models.items():
            wall, cpu = time.perf_counter(), time.process_time()
            model.embed(chips)
            turns[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    result: dict[str, float] = {}
    for k, suffix in enumerate(("", "_wall")):
        ms = {n: float(np.median([t[k] for t in turns[n]])) * 1000 / len(chips) for n in turns}
        result |= {f"{name}_ms{suffix}": value for name, value in ms.items()}
        result[f"ratio{suffix}"] = ms["dlib_native"] / ms["dlib"]
    return result


def _eer(embedded: NDArray[np.float32], subjects: NDArray[np.str_]) -> float:
    first, second = np.triu_indices(len(embedded), 1)
    # By differences: float32's shorter way over squares loses digits of small distances.
    distances = np.concatenate(
        [np.linalg.norm(embedded[k] - embedded[k + 1 :], axis=1) for k in range(len(embedded) - 1)]
        or [np.empty(0, np.float32)]
    )
    mated = subjects[first] == subjects[second]
    if not mated.any() or mated.all():
        return float("nan")
    return equal_error_rate(-distances[mated], -distances[~mated]).value


def start_up(name: str, options: Mapping[str, Any] | None = None) -> float:
    """Return the processor seconds of a new process that builds a recogniser and embeds a chip.

    NumPy is imported in it as well, about 0.1 s of them.
    """
    code = (
        "import numpy as np; from anonbench import recognisers; "
        f"model = recognisers.get({name!r}).build({dict(options or {})!r}, threads=1); "
        "model.embed([np.zeros((150, 150, 3), np.uint8)])"
    )
    before = os.times()
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def cut_chips(folder: Path, count: int | None = None) -> tuple[list[Pixels], list[str]]:
    """Cut the first face that dlib's HOG finds out of each image of a labelled folder.

    Parameters
    ----------
    folder : Path
        With ``labels.csv``: columns path, subject, and shard if images lie in tar archives.
    count : int, optional
        How many chips are enough; all by default.

    Returns
    -------
    tuple
        Chips (150, 150, 3) uint8 and their subjects. Images without a face are left out, and so
        are chips that came before.
    """
    table = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    if "shard" in table:  # one archive after the other
        table = table.sort_values("shard", kind="stable")
    finder = detectors.get("dlib_hog").build({"landmarks": False})
    model = recognisers.get("dlib_native").build({}, threads=1)
    found: dict[bytes, tuple[Pixels, str]] = {}
    for data, subject in zip(_encoded(folder, table), table["subject"], strict=True):
        pixels = read_encoded(data, max_pixels=10**8, min_side=1).pixels
        faces = [] if pixels is None else finder.detect(pixels)
        if pixels is not None and faces:
            chip = model.align(pixels, model.landmarks(pixels, faces[0]))
            found.setdefault(chip.tobytes(), (chip, subject))
        if len(found) == count:
            break
    chips, subjects = zip(*found.values(), strict=True) if found else ((), ())
    return list(chips), list(subjects)


def _encoded(folder: Path, table: pd.DataFrame) -> Iterator[bytes]:
    if "shard" not in table:
        yield from ((folder / path).read_bytes() for path in table["path"])
        return
    for shard, rows in table.groupby("shard", sort=False):
        with tarfile.open(folder / str(shard)) as tar:
            for path in rows["path"]:
                file = tar.extractfile(path)
                assert file is not None, f"{path} in {shard} is not a file"
                yield file.read()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    chosen = {"precision": options.precision}
    chips, subjects = cut_chips(options.folder, options.chips)
    result = measure(chips, subjects, options.repeats, chosen)
    print(f"{len(chips)} face chips, one thread each, {options.repeats} turns, medians a chip")
    print(f"{'':<14}{'processor, ms':>14}{'wall, ms':>10}{'start-up, processor s':>23}")
    for name, own in (("dlib", chosen), ("dlib_native", {})):
        times = f"{result[f'{name}_ms']:>14.2f}{result[f'{name}_ms_wall']:>10.2f}"
        print(f"{name:<14}{times}{start_up(name, own):>23.2f}")
    print(f"ratio per core: {result['ratio']:.2f} (wall {result['ratio_wall']:.2f})")
    print(f"largest difference of any coordinate: {result['difference']:.2g}")
    print(
        f"EER {result['eer']:.5f}, differs by {result['eer_difference']:.2g}"
        if "eer" in result
        else "EER not compared: it takes pairs of one subject and pairs of two"
    )
    agrees = result["difference"] <= TOLERANCE and result.get("eer_difference", 0) <= EER_TOLERANCE
    if not agrees and options.precision == "float32":
        print("They do not agree.")
        return 1
    if result["ratio"] < options.at_least:
        print(f"The ratio is below {options.at_least:g}.")
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=BUNDLED,
                        help="with labels.csv; default: the bundled faces")  # fmt: skip
    parser.add_argument("--chips", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--precision", default="float32", help="of dlib: float32 or bf16")
    parser.add_argument(
        "--at-least",
        type=float,
        default=0.0,
        metavar="FACTOR",
        help="fail if dlib's own call takes less than this many times as long",
    )
    options = parser.parse_args(arguments)
    if not (options.folder / "labels.csv").is_file():
        parser.error(f"no labels.csv in {options.folder}; `make faces` brings the bundled faces")
    if options.chips < 1 or options.repeats < 1:
        parser.error("--chips and --repeats are at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
