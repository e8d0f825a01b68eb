"""Look once at every image of a rendered face set: detectors, recogniser, crop, pixel statistics.

The images are decoded once, in as many processes as there are cores, and nothing is kept on disk.
"""

from __future__ import annotations

import io
import multiprocessing
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from faces_geometry import CROP, cheeks, crop, hog, middle, true_points
from numpy.typing import NDArray
from PIL import Image

from anonbench.types import Box, Face, Pixels

DETECTORS = ("haar", "dlib_hog", "mtcnn", "mediapipe_mesh")
"""The project's detectors, with their defaults."""

ALIGN_ORDER = ("dlib_hog", "mtcnn", "mediapipe_mesh", "haar")
"""Whose face the recogniser gets: the first that found the true one, as in the default run."""

CHUNK = 32
"""Images a task: the recogniser's batch, which would be filled up otherwise."""

LUMA = np.array([0.2126, 0.7152, 0.0722])


class FaceSetError(ValueError):
    """A face set whose labels and archives do not fit together."""


@dataclass(frozen=True)
class Looks:
    """What was seen in N images, in the order of the labels.

    Attributes
    ----------
    found, anywhere : (N, 4) bool
        By detector: a box holds the middle of the true face; there is any box.
    aligned_by : (N,) str
        Detector whose face was embedded; empty for a failure to acquire.
    embeddings : (N, 128) float32, NaN for a failure to acquire
    hog : (N, D) float32, of the crop aligned on the true eyes and mouth
    mesh : (N, 468, 3) float32, NaN where the mesh did not find the true face
    luma, luma_sd, black, white : (N,) float64
        Mean and standard deviation of the luma (0..255), share of pixels with a channel at 0, 255.
    cheek : (N,) float64, mean luma of two patches of the cheeks
    size : (N,) int64, bytes of the JPEG file
    """

    found: NDArray[np.bool_]
    anywhere: NDArray[np.bool_]
    aligned_by: NDArray[np.str_]
    embeddings: NDArray[np.float32]
    hog: NDArray[np.float32]
    mesh: NDArray[np.float32]
    luma: NDArray[np.float64]
    luma_sd: NDArray[np.float64]
    black: NDArray[np.float64]
    white: NDArray[np.float64]
    cheek: NDArray[np.float64]
    size: NDArray[np.int64]


def read_labels(folder: Path) -> pd.DataFrame:
    """Return the labels of a set as text, sorted by path, checked against its archives.

    Raises
    ------
    FaceSetError
        If a labelled image is in no archive or an archived one has no label.
    """
    table = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    table = table.sort_values("path", kind="stable", ignore_index=True)
    labelled = set(zip(table["shard"], table["path"], strict=True))
    if len(labelled) != len(table):
        raise FaceSetError(f"{folder}: labels.csv names an image twice")
    archived = {(p.name, n) for p in sorted(folder.glob("*.tar")) for n in members(p)}
    odd = sorted(labelled ^ archived)
    if odd:
        where = "labels.csv only" if odd[0] in labelled else "the archive only"
        raise FaceSetError(f"{folder}: {len(odd)} images differ; {odd[0]} is in {where}")
    return table


def members(path: Path) -> dict[str, tuple[int, int]]:
    """Return offset and size of every file of an uncompressed tar."""
    with tarfile.open(path, "r:") as tar:
        return {m.name: (m.offset_data, m.size) for m in tar if m.isfile()}


def read_encoded(folder: Path, table: pd.DataFrame) -> Iterator[bytes]:
    """Yield the bytes of the images of a label table, in its order."""
    places = {shard: members(folder / shard) for shard in sorted(set(table["shard"]))}
    for shard, name in zip(table["shard"], table["path"], strict=True):
        offset, size = places[shard][name]
        with (folder / shard).open("rb") as file:
            file.seek(offset)
            yield file.read(size)


def decode(data: bytes) -> Pixels:
    """Decode an image file to RGB, as the project's ingest does."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"), dtype=np.uint8)


def look(folder: Path, table: pd.DataFrame, cores: int) -> Looks:
    """Look at all images of a set in `cores` processes; the result does not depend on how many."""
    chunks = [table.iloc[k : k + CHUNK] for k in range(0, len(table), CHUNK)]
    # MediaPipe and PyTorch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, min(cores, len(chunks))), context, _start) as pool:
        parts = list(pool.map(_chunk, [folder] * len(chunks), chunks))
    return Looks(**{f.name: np.concatenate([p[f.name] for p in parts]) for f in fields(Looks)})


def holds(box: Box, x: float, y: float) -> bool:
    """Whether a point lies in a box."""
    return box.left <= x < box.right and box.top <= y < box.bottom


def true_face(faces: Sequence[Face], x: float, y: float) -> Face | None:
    """Return the first face whose box holds the middle of the true one."""
    return next((face for face in faces if holds(face.box, x, y)), None)


class _Eyes:
    """The models of one process."""

    def __init__(self) -> None:
        import dlib
        from faces_mesh import DeepMesh

        from anonbench import detectors, recognisers
        from anonbench.dlib_files import weight_file

        plugins = {n: detectors.get(n) for n in DETECTORS}
        self.detectors = {
            n: DeepMesh() if n == "mediapipe_mesh" else plugins[n].build(plugins[n].info.boxes_only)
            for n in DETECTORS
        }
        self.recogniser = recognisers.get("dlib").build({}, threads=1)
        five = weight_file("shape_predictor_5_face_landmarks.dat")
        self.predictor = dlib.shape_predictor(str(five))

    def chip(self, pixels: Pixels, box: Box) -> Pixels:
        """Cut out the recogniser's chip as it does itself for a face it found in this box."""
        from anonbench.subjects import five_points

        height, width = pixels.shape[:2]
        right, bottom = min(box.right, width + 1), min(box.bottom, height + 1)
        clipped = Box(max(box.left, 0), max(box.top, 0), right, bottom)
        return self.recogniser.align(pixels, five_points(self.predictor, pixels, clipped))


_eyes: _Eyes | None = None


def _start() -> None:
    global _eyes
    cv2.setNumThreads(1)
    _eyes = _Eyes()


def _chunk(folder: Path, table: pd.DataFrame) -> dict[str, NDArray[Any]]:
    assert _eyes is not None
    points = true_points(table)
    rows, chips = [], []
    for data, true in zip(read_encoded(folder, table), points, strict=True):
        row, chip = _look(_eyes, data, true)
        rows.append(row)
        chips.append(chip)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    columns["embeddings"] = np.full((len(rows), 128), np.nan, np.float32)
    acquired = [k for k, chip in enumerate(chips) if chip is not None]
    embedded = _eyes.recogniser.embed([chip for chip in chips if chip is not None])
    columns["embeddings"][acquired] = embedded
    return columns


def _look(
    eyes: _Eyes, data: bytes, true: NDArray[np.float64]
) -> tuple[dict[str, Any], Pixels | None]:
    pixels = decode(data)
    x, y = middle(true)
    faces = {name: model.detect(pixels) for name, model in eyes.detectors.items()}
    hits = {name: true_face(found, x, y) for name, found in faces.items()}
    by = next((name for name in ALIGN_ORDER if hits[name] is not None), "")
    chosen, mesh = hits.get(by), hits["mediapipe_mesh"]
    aligned = crop(pixels, true)
    luma = pixels @ LUMA
    row = {
        "found": [hits[name] is not None for name in DETECTORS],
        "anywhere": [bool(faces[name]) for name in DETECTORS],
        "aligned_by": by,
        "hog": hog(aligned),
        "mesh": np.full((468, 3), np.nan, np.float32) if mesh is None else mesh.points,
        "luma": luma.mean(),
        "luma_sd": luma.std(),
        "black": (pixels == 0).any(axis=2).mean(),
        "white": (pixels == 255).any(axis=2).mean(),
        "cheek": cheeks(aligned @ LUMA),
        "size": len(data),
    }
    assert aligned.shape == (CROP, CROP, 3)
    return row, None if chosen is None else eyes.chip(pixels, chosen.box)
