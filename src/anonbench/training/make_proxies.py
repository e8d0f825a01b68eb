"""A gallery of proxies: faces cut out by their landmarks, and by what expressions are told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from anonbench.anonymisers._face_frame import (
    Points,
    apply,
    as_pixels,
    mean_shape,
    moved,
    similarity,
)
from anonbench.anonymisers._proxy_gallery import Gallery, Look, as_arrays, metadata
from anonbench.anonymisers._proxy_place import OUTLINE
from anonbench.anonymisers._window import whole
from anonbench.io import ArchiveReader, atomic, encode_png, read_table, write_table
from anonbench.landmark_error import POINTS
from anonbench.mmda import class_means, learnt, nearest_class
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import read_subject_faces
from anonbench.training.arrays import write_arrays
from anonbench.training.proxy_settings import PROXY_DETECTOR, ProxyGallery
from anonbench.types import FloatArray, Pixels

COLUMNS = 14
"""Faces in a row of the sample sheet."""


def proxy_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    detections: Path | str,
    settings: ProxyGallery,
    weights: Path | str,
    quality: Path | str,
    samples: Path | str,
) -> None:
    """Make a gallery.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subjects' boxes, as ingest and locate wrote them.
    detections : path
        Faces by the detector of the landmarks.
    settings : ProxyGallery
        The recipe.
    weights : path
        To write: ``.safetensors``.
    quality : path
        To write: how well expressions are told apart, ``.csv``.
    samples : path
        To write: the gallery's faces, ``.png``.

    Raises
    ------
    ValueError
        If expressions are not known, or there are not as many people who show them all.
    """
    table = read_table(manifest).set_index("image_id")
    faces = read_subject_faces(detections, subjects)
    table = table.loc[[n for n in table.index if n in faces and table.loc[n, "expression"]]]
    if table.empty:
        raise ValueError(f"{manifest}: no face of known expression")
    points = {name: _points(faces[name].points) for name in table.index}
    look, told = _look(np.stack([points[n] for n in table.index]), table, settings.components)
    people = _people(table, settings.people, str(manifest))
    chosen = [n for n in table.index if table.loc[n, "subject"] in people]
    with ArchiveReader(archive) as images:
        cut = [
            _cut(images.read(n), points[n], look.mean, settings) for n in progress(chosen, "cut")
        ]
    gallery = Gallery(
        look,
        np.stack([look.of(points[n]) for n in chosen]),
        np.array([people[table.loc[n, "subject"]] for n in chosen], np.int64),
        np.stack([own for _, own in cut]),
        tuple(jpeg for jpeg, _ in cut),
    )
    write_arrays(as_arrays(gallery), weights, metadata(gallery))
    write_table(told, quality)
    with atomic(samples) as partial:
        partial.write_bytes(encode_png(_sheet(gallery)))


def _points(found: NDArray[np.generic]) -> Points:
    whole(found, POINTS, PROXY_DETECTOR)
    return found.astype(np.float64)


def _look(
    points: NDArray[np.float64], table: pd.DataFrame, components: int
) -> tuple[Look, pd.DataFrame]:
    """Return by what faces (N, 468, 2) are chosen, and how well that tells their expressions."""
    centred = points - points.mean(axis=1, keepdims=True)
    mean = mean_shape(centred / np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)))
    still = Look(mean, np.zeros((0, 0)))
    moving = np.stack([still.moving(own) for own in points])
    expressions = table["expression"].to_numpy(str)
    subjects = table["subject"].to_numpy(str)
    found = learnt(
        moving.copy(), {"expression": expressions, "identity": subjects}, components=components
    )
    variances = np.einsum("cd,cd->c", found.spread, found.spread)
    axes = found.modes["expression"] @ (found.spread / variances[:, None])
    coordinates = moving @ axes.T
    names, means = class_means(coordinates, expressions)
    nearest = nearest_class(coordinates, dict(zip(names, means, strict=True)))
    values = {
        "faces": len(points),
        "right": float((nearest == expressions).mean()),
        "between_expressions": _between(coordinates, expressions),
        "between_people": _between(coordinates, subjects),
    }
    for name, value in values.items():
        LOGGER.info("%s: %.3f", name, value)
    told = pd.DataFrame({"measure": list(values), "value": list(values.values())})
    return Look(mean, axes), told


def _between(coordinates: FloatArray, classes: NDArray[np.str_]) -> float:
    """Return which share of the variance of coordinates (N, E) is between classes."""
    means = class_means(coordinates, classes)[1]
    counts = np.unique(classes, return_counts=True)[1]
    spread = (means - coordinates.mean(axis=0)) ** 2
    return float((counts @ spread).sum() / len(coordinates) / coordinates.var(axis=0).sum())


def _people(table: pd.DataFrame, count: int, source: str) -> dict[str, int]:
    """Return the number of each of the first people who show every expression."""
    shown = table.groupby("subject")["expression"].nunique()
    whole_sets = sorted(shown.index[shown == table["expression"].nunique()])
    if len(whole_sets) < count:
        raise ValueError(
            f"{source}: {len(whole_sets)} people show every expression, and the gallery is to have "
            f"{count}"
        )
    return {name: k for k, name in enumerate(whole_sets[:count])}


def _cut(
    pixels: Pixels, points: Points, mean: Points, settings: ProxyGallery
) -> tuple[bytes, Points]:
    """Return a face as JPEG, upright and of the gallery's size, and its landmarks there."""
    extent = mean[OUTLINE]
    scale = settings.width / float(np.ptp(extent[:, 0]))
    room = settings.margin * settings.width
    low = extent.min(axis=0) * scale - room
    width, height = np.ceil(np.ptp(extent, axis=0) * scale + 2 * room).astype(int)
    matrix = similarity(points, mean * scale - low)
    picture = as_pixels(moved(pixels, matrix, int(width), int(height)))
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "JPEG", quality=settings.quality, subsampling=0)
    return content.getvalue(), apply(matrix, points)


def _sheet(gallery: Gallery) -> Pixels:
    """Return faces of the gallery in rows, at half their size."""
    pictures = [gallery.picture(n)[::2, ::2] for n in range(len(gallery.jpegs))]
    pictures = pictures[: len(pictures) // COLUMNS * COLUMNS] or pictures
    columns = min(COLUMNS, len(pictures))
    lines = [np.concatenate(pictures[k : k + columns], 1) for k in range(0, len(pictures), columns)]
    return np.ascontiguousarray(np.concatenate(lines))
