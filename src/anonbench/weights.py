"""The registry of weights: where files of weights lie, and that they are what they should be.

They lie in ``data/weights``, or in the folder that ``ANONBENCH_WEIGHTS`` names. Nothing heavy is
imported until a file is read: the workflow needs this when it starts.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from anonbench.hashing import sha256
from anonbench.progress import LOGGER
from anonbench.registry import unknown_name
from anonbench.weight_models import MODELS, Model, WeightsError, own_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "FOLDER", "MODELS", "RECORD", "VARIABLE", "Model", "State", "Verdict", "WeightsError", "arrays",
    "fetch", "file", "folder", "how", "install", "is_own", "model", "path", "state",
]  # fmt: skip

FOLDER = "data/weights"
VARIABLE = "ANONBENCH_WEIGHTS"
"""Environment variable that names another folder."""
RECORD = "recorded.json"
"""File in the folder with the SHA-256 of files whose hash nobody published, as first used."""

PYTORCH = (".pth", ".pt", ".ckpt")


class Verdict(StrEnum):
    """What can be said of a model's file."""

    ABSENT = "absent"
    VERIFIED = "verified"
    RECORDED = "as recorded"
    """As it was when it was first used; what it should be is not known."""
    NEW = "not used yet"
    """No hash is known; its own will be recorded when it is first used."""
    WRONG = "wrong"
    OWN = "the user's own"
    """A file that the configuration names by its path."""
    UNTRAINED = "not trained yet"
    """The project is to make the file, and this version of it has not."""


@dataclass(frozen=True)
class State:
    """A model's file as it is.

    Attributes
    ----------
    path : Path
        Where it is or should be.
    verdict : Verdict
        What can be said of it.
    digest : str or None
        Its SHA-256; None if there is no file.
    problem : str
        What is wrong and what to do; empty if it can be used.
    """

    path: Path
    verdict: Verdict
    digest: str | None
    problem: str


def folder() -> Path:
    """Return the folder of weights."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


def model(name: str) -> Model:
    """Return what is known of a model, or of a file of the user's own (see `is_own`).

    Raises
    ------
    anonbench.registry.UnknownNameError
        If there is none of that name; the message names the nearest.
    """
    if is_own(name):
        return own_file(name)
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return MODELS[name]


def file(name: str) -> Path:
    """Return where a model's file lies or should lie, without looking at it."""
    return Path(name) if is_own(name) else folder() / model(name).file


def is_own(name: str) -> bool:
    """Tell whether a name is the path of a file and no model of the registry."""
    return Path(name).suffix in (".safetensors", *PYTORCH)


def how(name: str) -> str:
    """Say how to get a model's file."""
    entry = model(name)
    if entry.bundled or is_own(name):
        return entry.how
    return (
        f"{entry.how}, then `anonbench weights fetch {name} --from FILE` puts it into "
        f"{folder().as_posix()} (licence: {entry.licence})"
    )


def state(name: str) -> State:
    """Look at a model's file without recording anything."""
    entry, place = model(name), file(name)
    if entry.bundled and entry.sha256 is None:
        problem = (
            f"{name}: this version of the project comes without these weights, which it is to train"
            " itself; take a later one, or name others as the option weights"
        )
        return State(place, Verdict.UNTRAINED, None, problem)
    if not place.is_file():
        return State(place, Verdict.ABSENT, None, f"{place}: missing; {how(name)}")
    found = _digest_of(place)
    if is_own(name):
        return State(place, Verdict.OWN, found, "")
    if expected := _expected(entry, found):
        return State(place, Verdict.WRONG, found, _another(name, found, expected))
    if entry.sha256 is not None:
        return State(place, Verdict.VERIFIED, found, "")
    recorded = _read_record().get(name)
    if recorded is None:
        problem = _no_checkpoint(name)
        return State(place, Verdict.WRONG if problem else Verdict.NEW, found, problem)
    if recorded == found:
        return State(place, Verdict.RECORDED, found, "")
    return State(place, Verdict.WRONG, found, _changed(name, found, recorded))


def path(name: str) -> Path:
    """Return the path of a model's file after checking its SHA-256.

    Where no hash is known, that of the first use is recorded in ``recorded.json``, and the log says
    so; several jobs may do that at once.

    Raises
    ------
    WeightsError
        If the file is missing, has another hash than it should, or another than was recorded.
    """
    seen = state(name)
    if seen.verdict == Verdict.NEW and seen.digest is not None:
        recorded = _record(name, seen.digest)
        if recorded != seen.digest:
            raise WeightsError(_changed(name, seen.digest, recorded))
    if seen.problem:
        raise WeightsError(seen.problem)
    return seen.path


def arrays(name: str) -> dict[str, NDArray[np.generic]]:
    """Return a model's verified weights by name; half precision becomes float32.

    Raises
    ------
    WeightsError
        As `path` does, or if the file cannot be read safely.
    """
    from anonbench.weight_formats import read

    return read(path(name))


def install(name: str, source: Path | str) -> State:
    """Copy a file that somebody has got by hand into the folder, after checking it.

    Raises
    ------
    WeightsError
        If `source` is no file or has another hash than it should or than was recorded.
    """
    entry, given = model(name), Path(source)
    if not given.is_file():
        raise WeightsError(f"{given}: no such file")
    if entry.bundled and entry.sha256 is None:
        raise WeightsError(state(name).problem)
    found = sha256(given)
    if expected := _expected(entry, found):
        raise WeightsError(_another(name, found, expected, given))
    if entry.sha256 is None and (problem := _no_checkpoint(name, given)):
        raise WeightsError(problem)
    recorded = _read_record().get(name)
    if entry.sha256 is None and recorded not in (None, found):
        raise WeightsError(_changed(name, found, str(recorded), given))
    target = file(name)
    if not (target.is_file() and given.samefile(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            shutil.copyfile(given, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    path(name)
    return state(name)


def fetch(name: str) -> State:
    """Bring a bundled model's file out of the repository by DVC; needs no network.

    Raises
    ------
    WeightsError
        If DVC cannot, if the file is not the right one, or if the model is not bundled: then the
        message says how to get it by hand.
    """
    seen = state(name)
    if not seen.problem:
        return seen
    if not model(name).bundled or seen.verdict == Verdict.UNTRAINED:
        raise WeightsError(seen.problem)
    pulled = Path(FOLDER) / model(name).file
    pointer = pulled.with_name(f"{pulled.name}.dvc")
    if not pointer.is_file():
        raise WeightsError(f"{pointer}: missing; run this in the folder of the project's checkout")
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "pull", "-q", pointer.as_posix()],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise WeightsError(f"dvc pull {pointer} failed:\n{done.stdout.strip()}")
    return install(name, pulled)


def _expected(entry: Model, found: str) -> str:
    """Say what a file's SHA-256 should be; empty if nothing is known that speaks against it."""
    if entry.sha256 is not None:
        return "" if found == entry.sha256 else entry.sha256
    return "" if found.startswith(entry.begins) else f"one that begins with {entry.begins}"


def _another(name: str, found: str, expected: str, place: Path | None = None) -> str:
    return (
        f"{place or file(name)}: SHA-256 is {found}, expected {expected}; the file is damaged or "
        f"another model: delete it, then {how(name)}"
    )


def _changed(name: str, found: str, recorded: str, place: Path | None = None) -> str:
    return (
        f"{place or file(name)}: SHA-256 is {found}, but was {recorded} when it was first used; "
        f"bring the earlier file back, or, if the change is meant, delete {name!r} from "
        f"{folder() / RECORD} and compute all results with it again"
    )


def _no_checkpoint(name: str, place: Path | None = None) -> str:
    """Say so if a file cannot be PyTorch's: its hash must not be recorded as the right one."""
    place = place or file(name)
    with place.open("rb") as content:
        start = content.read(64)
    if place.suffix not in PYTORCH or start.startswith((b"PK\x03\x04", b"\x80")):
        return ""
    page = start.lstrip()[:1] == b"<"
    what = "a web page, perhaps that with the link" if page else "no PyTorch file, or half of one"
    return f"{place}: {what}; delete it, then {how(name)}"


def _digest_of(place: Path) -> str:
    about = place.stat()
    return _digest(place.absolute(), about.st_size, about.st_mtime_ns, about.st_ino)


@lru_cache
def _digest(place: Path, *_state: int) -> str:
    """Return the SHA-256 of a file, computed once as long as its size, time and inode stay."""
    return sha256(place)


def _read_record() -> dict[str, str]:
    record = folder() / RECORD
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{record}: cannot be read ({error}); repair or delete it") from None
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise WeightsError(f"{record}: not a table of SHA-256 by model; repair or delete it")
    return content


def _record(name: str, found: str) -> str:
    """Record a hash unless another job has been quicker; return what is recorded."""
    with _locked():
        known = _read_record()
        if name not in known:
            record = folder() / RECORD
            partial = record.with_name(f".{RECORD}.tmp")
            content = json.dumps({**known, name: found}, indent=2, sort_keys=True)
            partial.write_text(content + "\n", encoding="utf-8")
            partial.replace(record)
            LOGGER.warning(
                "%s: no SHA-256 is known for %s. That of %s is %s, recorded in %s: from now on any "
                "other is an error.", name, model(name).file, file(name), found, record,
            )  # fmt: skip
            return found
        return known[name]


@contextmanager
def _locked() -> Iterator[None]:
    """Hold the folder's record alone, among all processes."""
    place = folder() / f".{RECORD}.lock"
    try:
        handle = place.open("w")
    except OSError as error:
        raise WeightsError(
            f"{place}: cannot be written ({error.strerror}), so no SHA-256 can be recorded; copy "
            f"the weights into a folder that can be written and name it in ${VARIABLE}"
        ) from None
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
