"""A shard of a rendered set: images in an archive, and the rows that describe them."""

from __future__ import annotations

import csv
import io
import numbers
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from anonbench.io import atomic
from anonbench.synthetic.plan import FacePlan, ImageName, Shard, split_of
from anonbench.types import Pixels

COLUMNS = (
    "path", "subject", "session", "expression", "shard", "view", "intensity", "split", "seed",
    "gender", "age", "ancestry", "caucasian", "african", "asian", "skin_tone", "hair_style",
    "hair_colour", "facial_hair", "glasses", "makeup", "iris", "yaw", "pitch", "roll",
    "light_azimuth", "light_elevation", "left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y",
    "mouth_x", "mouth_y", "width", "height",
)  # fmt: skip
"""Columns of the labels; what the renderer tells beyond them is appended."""

Row = dict[str, str]


class FaceSetError(ValueError):
    """A set cannot be made or is not what its plan says; the message says where and why."""


class FaceRenderer(Protocol):
    """Who makes the images; `anonbench.synthetic.render.Renderer` is the real one."""

    def subject(self, seed: int) -> Any:
        """Return the subject of a seed; its `attributes` are columns of the labels."""

    def image(self, subject: Any, expression: str, view: int, size: int = 256) -> Any:
        """Return an image: `pixels`, (size, size, 3) uint8 RGB, and `attributes`, more columns."""


MakeRenderer = Callable[[], FaceRenderer]
"""Makes the renderer in the process that uses it; it must be picklable."""


def load_renderer(assets: Path) -> FaceRenderer:
    """Return the renderer over MakeHuman's assets.

    Raises
    ------
    anonbench.synthetic.assets.AssetError
        If the assets cannot be used.
    """
    from anonbench.synthetic.assets import load
    from anonbench.synthetic.render import Renderer

    renderer: FaceRenderer = Renderer(load(assets))
    return renderer


def write_shard(
    renderer: FaceRenderer, shard: Shard, out: Path, done: Callable[[], None] = lambda: None
) -> None:
    """Render a shard: its rows first, then its archive, each of them whole or not at all.

    Parameters
    ----------
    renderer : FaceRenderer
    shard : Shard
    out : Path
        The set's folder. The archive is a plain ustar with neutral metadata: the same images give
        the same bytes.
    done : callable
        Called after each image.

    Raises
    ------
    FaceSetError
        If an image cannot be rendered; the message names it.
    """
    rows: list[Row] = []
    with atomic(out / shard.archive) as partial:
        with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
            for name, subject in _with_subjects(renderer, shard):
                row, data = _image(renderer, subject, name, shard)
                entry = tarfile.TarInfo(name.path)
                entry.size, entry.mode = len(data), 0o644
                tar.addfile(entry, io.BytesIO(data))
                rows.append(row)
                done()
        write_rows(rows, out / shard.rows)


def render_shard(assets: Path, shard: Mapping[str, Any], out: Path) -> None:
    """Do one job of the workflow: `write_shard` from plain values."""
    write_shard(load_renderer(assets), Shard(**shard), out)


def _with_subjects(renderer: FaceRenderer, shard: Shard) -> Iterable[tuple[ImageName, Any]]:
    """Go through the images with their subject, which is made once and then forgotten."""
    seed, subject = -1, None
    for name in shard.images():
        if name.seed != seed:
            try:
                seed, subject = name.seed, renderer.subject(name.seed)
            except Exception as error:
                raise FaceSetError(f"subject {name.subject}: {_told(error)}") from error
        yield name, subject


def _image(
    renderer: FaceRenderer, subject: Any, name: ImageName, shard: Shard
) -> tuple[Row, bytes]:
    """Render one image; return its row and its JPEG."""
    try:
        rendered = renderer.image(subject, name.expression, name.view, shard.size)
        row = _row(name, shard, subject.attributes, rendered.attributes)
        return row, encode_jpeg(rendered.pixels, shard)
    except Exception as error:
        raise FaceSetError(f"image {name.path}: {_told(error)}") from error


def _told(error: Exception) -> str:
    """Say what went wrong, with the kind of error: a bare "3" or "'glasses'" tells little."""
    return f"{type(error).__name__}: {error}"


def encode_jpeg(pixels: Pixels, shard: Shard) -> bytes:
    """Encode RGB pixels as the shard says.

    Raises
    ------
    ValueError
        If they are not (size, size, 3) uint8.
    """
    shape = (shard.size, shard.size, 3)
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise ValueError(f"pixels are {pixels.shape} {pixels.dtype}, expected {shape} uint8")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(
        buffer, "JPEG", quality=shard.quality, subsampling=shard.subsampling, optimize=True
    )
    return buffer.getvalue()


def _row(
    name: ImageName, shard: Shard, subject: Mapping[str, Any], image: Mapping[str, Any]
) -> Row:
    own = {
        "path": name.path, "subject": name.subject, "session": str(name.view),
        "expression": name.expression, "shard": shard.archive, "view": name.view,
        "split": split_of(name.seed), "seed": name.seed,
        "width": shard.size, "height": shard.size,
    }  # fmt: skip
    known = {**subject, **image, **own}
    missing = [c for c in COLUMNS if c not in known]
    if missing:
        raise ValueError(f"the renderer does not tell {', '.join(missing)}")
    order = [*COLUMNS, *(c for c in known if c not in COLUMNS)]
    return {column: _text(known[column]) for column in order}


def _text(value: Any) -> str:
    """Write a value of a label: numbers with six digits, which are more than any of them means."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if not np.isfinite(value):
        raise ValueError(f"a label is {value}")
    # Adding zero turns -0 into 0.
    return f"{round(float(value), 6) + 0.0:.6g}"


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV.

    Raises
    ------
    FaceSetError
        If they do not all have the same columns.
    """
    columns = list(rows[0]) if rows else list(COLUMNS)
    for row in rows:
        if list(row) != columns:
            odd = sorted(set(row) ^ set(columns)) or ["the same columns in another order"]
            raise FaceSetError(
                f"{row['path']}: the columns differ from those before: {', '.join(odd)}"
            )
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[Row]:
    """Read rows that `write_rows` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def verify(plan: FacePlan, out: Path, rows: Sequence[Row]) -> None:
    """Check a whole set: every image is where its row says and as large as the plan says.

    Raises
    ------
    FaceSetError
        With what is missing, too much or wrong.
    """
    if len(rows) != plan.images:
        raise FaceSetError(f"{out}: {len(rows)} rows for {plan.images} images")
    here = {path.name for path in out.glob("faces-*.tar")}
    expected = {shard.archive for shard in plan.shards()}
    if here != expected:
        raise FaceSetError(f"{out}: {_difference(here, expected, 'shards')}")
    by_shard: dict[str, set[str]] = {name: set() for name in expected}
    for row in rows:
        by_shard.setdefault(row["shard"], set()).add(row["path"])
    for shard in plan.shards():
        names = {name.path for name in shard.images()}
        if by_shard[shard.archive] != names:
            told = _difference(by_shard[shard.archive], names, "rows")
            raise FaceSetError(f"{out}: rows of {shard.archive}: {told}")
        _verify_archive(shard, out / shard.archive)


def _verify_archive(shard: Shard, path: Path) -> None:
    found = []
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                found.append(member.name)
                with Image.open(tar.extractfile(member)) as image:  # type: ignore[arg-type]
                    if image.size != (shard.size, shard.size) or image.format != "JPEG":
                        raise FaceSetError(
                            f"{path}: {member.name} is a {image.format} of {image.size} pixels"
                        )
    except (tarfile.TarError, OSError) as error:
        raise FaceSetError(f"{path}: not readable: {error}") from None
    expected = [name.path for name in shard.images()]
    if found != expected:
        raise FaceSetError(f"{path}: {_difference(set(found), set(expected), 'images')}")


def _difference(found: set[str], expected: set[str], what: str) -> str:
    """Say how two sets of names differ, with a few names of each side."""
    parts = [
        f"{len(names)} {what} {how}: {', '.join(sorted(names)[:3])}"
        for names, how in ((expected - found, "missing"), (found - expected, "too many"))
        if names
    ]
    return "; ".join(parts) or f"{what} in another order or twice"
