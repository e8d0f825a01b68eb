"""MakeHuman's CC0 assets: found, checked against known digests, read into arrays.

Base mesh, morph targets and rig weights come from makehumancommunity/makehuman at commit a8bc2d54,
lashes and teeth from makehuman-assets, masks of skin regions from mpfb2; all are CC0. None of these
projects' code is used.
"""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from anonbench.synthetic.formats import parse_head_weight, parse_obj, parse_proxy, parse_target
from anonbench.synthetic.structures import (
    AssetError,
    Floats,
    Indices,
    Mesh,
    Proxy,
    Scale,
    Target,
)

__all__ = [
    "AssetError", "Assets", "Floats", "Indices", "Mesh", "Proxy", "Scale", "Target",
    "fit", "load", "manifest",
]  # fmt: skip

VARIABLE = "ANONBENCH_MAKEHUMAN"
"""Environment variable that names the folder or archive."""

BASE = "makehuman/data/3dobjs/base.obj"
WEIGHTS = "makehuman/data/rigs/default_weights.mhw"
TARGETS = "makehuman/data/targets/"
PROXIES = {
    "eyelashes01": "assets/base/eyelashes/eyelashes01/eyelashes01",
    "eyelashes02": "assets/base/eyelashes/eyelashes02/eyelashes02",
    "eyelashes03": "assets/base/eyelashes/eyelashes03/eyelashes03",
    "eyelashes04": "assets/base/eyelashes/eyelashes04/eyelashes04",
    "teeth_base": "assets/base/teeth/teeth_base/teeth_base",
}
MASKS = {
    name: f"mpfb/src/mpfb/data/textures/mpfb_{name}.jpg"
    for name in ("lips", "inside-mouth", "ears")
}
MASK_SIZE = 2048
MASK_BLUR = 1.2
"""Standard deviation in pixels: the masks are painted with hard edges and stored as JPEG."""


@dataclass(frozen=True)
class Assets:
    """All that is read from MakeHuman.

    Attributes
    ----------
    base : Mesh
        The body with its helper geometry; all vertex numbers elsewhere refer to it.
    targets : dict of str to Target
        Key: path under ``targets/`` without suffix, e.g. ``macrodetails/caucasian-male-young``.
    proxies : dict of str to Proxy
        ``eyelashes01`` to ``eyelashes04`` and ``teeth_base``.
    head_weight : ndarray of shape (V,), float64
        0 stays with the shoulders, 1 moves as the skull.
    masks : dict of str to ndarray of shape (2048, 2048), float64
        ``lips``, ``inside-mouth`` and ``ears``, 0..1 over the base mesh's texture coordinates: the
        pixel (row, column) is centred at u = (column + 1/2) / 2048, v = 1 - (row + 1/2) / 2048.
    """

    base: Mesh
    targets: dict[str, Target]
    proxies: dict[str, Proxy]
    head_weight: Floats
    masks: dict[str, Floats]


@cache
def _manifest() -> tuple[tuple[str, str], ...]:
    text = Path(__file__).with_name("makehuman.sha256").read_text(encoding="ascii")
    pairs = (line.split("  ", 1) for line in text.splitlines())
    return tuple((path, digest) for digest, path in pairs)


def manifest() -> dict[str, str]:
    """Return the SHA-256 of every file that is needed, by its path, sorted."""
    return dict(_manifest())


def load(path: Path) -> Assets:
    """Read the assets after checking every file's digest.

    Parameters
    ----------
    path : Path
        A folder with ``makehuman/``, ``assets/`` and ``mpfb/`` in it, or a tar archive of it
        (compressed or not), which is read in memory.

    Returns
    -------
    Assets
        Targets of children are left out: nobody under age is rendered.

    Raises
    ------
    AssetError
        If a file is missing or is not the one it should be; the message says which and what to do.
    """
    path = Path(path)
    files = _read(path)
    _verify(path, files)
    base = parse_obj(files[BASE], BASE)
    count = len(base.vertices)
    return Assets(
        base=base,
        targets={
            name.removeprefix(TARGETS).removesuffix(".target"): parse_target(text, name, count)
            for name, text in files.items() if name.startswith(TARGETS)
        },
        proxies={name: _proxy(files, stem, count) for name, stem in PROXIES.items()},
        head_weight=parse_head_weight(files[WEIGHTS], WEIGHTS, count),
        masks={name: _mask(files[file], file) for name, file in MASKS.items()},
    )  # fmt: skip


def fit(proxy: Proxy, vertices: Floats) -> Floats:
    """Place a proxy on a morphed and posed body.

    Parameters
    ----------
    proxy : Proxy
        What to place.
    vertices : ndarray of shape (V, 3), float64
        The body: all vertices of the base mesh.

    Returns
    -------
    ndarray of shape (n, 3), float64
        Weighted means of three body vertices each, plus offsets scaled per axis.
    """
    ratio = np.ones(3)
    for axis, (first, second, reference) in enumerate(proxy.scale or ()):
        ratio[axis] = abs(vertices[first, axis] - vertices[second, axis]) / reference
    placed = proxy.offset * ratio
    for k in range(3):
        placed += proxy.weight[:, k, None] * vertices[proxy.index[:, k]]
    return placed


def _read(path: Path) -> dict[str, bytes]:
    """Return the content of those needed files that are there, in the manifest's order."""
    needed = manifest()
    if path.is_dir():
        found = {name: path / name for name in needed}
        return {name: file.read_bytes() for name, file in found.items() if file.is_file()}
    if not path.is_file():
        raise AssetError(f"{path}: no such folder or archive. {_what_to_do()}")
    content: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = str(PurePosixPath(member.name))
                wanted = name in needed and member.isfile()  # links are not followed
                file = archive.extractfile(member) if wanted else None
                if file is not None:
                    content[name] = file.read()
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise AssetError(f"{path}: not a readable archive ({error}). {_what_to_do()}") from error
    return {name: content[name] for name in needed if name in content}


def _verify(path: Path, files: Mapping[str, bytes]) -> None:
    """Raise an error that names what is missing and what differs."""
    needed = manifest()
    missing = [name for name in needed if name not in files]
    wrong = [n for n, text in files.items() if hashlib.sha256(text).hexdigest() != needed[n]]
    if missing or wrong:
        problems = [
            f"{len(names)} of {len(needed)} files {what}: {_first(names)}"
            for names, what in ((missing, "missing"), (wrong, "differ from those expected"))
            if names
        ]
        raise AssetError(f"{path}: {'; '.join(problems)}. {_what_to_do()}")


def _first(names: Sequence[str], few: int = 3) -> str:
    return ", ".join(names[:few]) + (", ..." if len(names) > few else "")


def _what_to_do() -> str:
    return (
        "It should hold MakeHuman's CC0 assets: makehuman/data/ of makehumancommunity/makehuman "
        "at commit a8bc2d54, assets/base/ of makehumancommunity/makehuman-assets and "
        "mpfb/src/mpfb/data/textures/ of makehumancommunity/mpfb2; docs/faces.md says how to get "
        f"them. {VARIABLE} names another folder or archive."
    )


def _proxy(files: Mapping[str, bytes], stem: str, count: int) -> Proxy:
    mesh = parse_obj(files[f"{stem}.obj"], f"{stem}.obj")
    return parse_proxy(files[f"{stem}.mhclo"], f"{stem}.mhclo", mesh, count)


def _mask(content: bytes, name: str) -> Floats:
    """Decode a grey mask and soften it a little, 0..1."""
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    grey = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags)
    if grey is None or grey.shape != (MASK_SIZE, MASK_SIZE):
        raise AssetError(f"{name}: not an image of {MASK_SIZE} by {MASK_SIZE} pixels")
    # OpenCV blurs whole numbers in fixed point: the same bits on every processor.
    soft = cv2.GaussianBlur(grey.astype(np.uint16) * np.uint16(257), (0, 0), MASK_BLUR)
    return np.asarray(soft / 65535.0, dtype=np.float64)
