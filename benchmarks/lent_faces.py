"""What MMDA and proxies leave of gender, ancestry, age and expression, and who is still recognised.

``python benchmarks/lent_faces.py`` reads ``results/`` of a finished
``snakemake --configfile experiments/lent_faces.yaml`` and writes the tables of ``docs/mmda.md`` and
``docs/proxy_face.md``, between their marker comments, and a picture of each.

Attributes are told twice. *Recogniser*: a linear discriminant on dlib's embeddings, learnt from the
clear images of other subjects (ten parts of the subjects in turn). *Subspace*: the nearest class
mean in MMDA's own subspaces, on landmarks found anew; a judge whom MMDA's outputs were made for. A
face that is not found counts as wrong. Intervals: 95 %, over subjects.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from drawn_faces import ROOT, attacks
from marked_tables import check, fill
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from anonbench import detectors
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._face_frame import DETECTOR, checked
from anonbench.anonymisers._mmda_weights import Model, loaded
from anonbench.io import ArchiveReader, member, read_embeddings, read_table
from anonbench.metrics.intervals import rate_interval, replicate_share, subject_weights
from anonbench.mmda import nearest_class
from anonbench.progress import progress
from anonbench.region_finder import read_subjects
from anonbench.regions import covers
from anonbench.seeds import generator
from anonbench.types import Face, FloatArray, Pixels
from anonbench.weights import WeightsError

PAGES = {"mmda.md": ("mmda_coded", "mmda"), "proxy_face.md": ("proxy_face", "proxy_per_subject")}
"""Methods by the page that shows them."""
MARKER = "lent faces"
FOLDS, REPLICATES = 10, 1000
SHOWN = 5
"""Subjects in a picture."""

Classes = dict[str, NDArray[np.str_]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--dataset", default="faces")
    parser.add_argument("--weights", default="mmda_rendered")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    try:
        model = loaded(options.weights)
        finder = detectors.get(DETECTOR).build({})
        judges = Judges.of(options.results, options.dataset, model, finder.detect)
        for page, methods in PAGES.items():
            write(options.docs / page, judges, methods)
            print(f"{options.docs / page}: written")
    except (OSError, ValueError, WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


@dataclass(frozen=True)
class Judges:
    """Who tells attributes, and the images' true ones.

    Attributes
    ----------
    results : Path
        Of the run.
    dataset : str
        Its data set.
    subjects : ndarray of shape (N,), str
        Who is in each image.
    images : tuple of str, N
        Their ids.
    classes : dict of str to ndarray of shape (N,), str
        True classes by attribute.
    model : Model
        MMDA's subspaces.
    folds : ndarray of shape (N,), int
        In which part of the subjects each image's is.
    find : callable
        pixels -> faces with dlib's 68 landmarks. Tables of a run have boxes alone.
    """

    results: Path
    dataset: str
    subjects: NDArray[np.str_]
    images: tuple[str, ...]
    classes: Classes
    model: Model
    folds: NDArray[np.int64]
    find: Callable[[Pixels], list[Face]]

    @classmethod
    def of(
        cls, results: Path, dataset: str, model: Model, find: Callable[[Pixels], list[Face]]
    ) -> Judges:
        """Read the labels of a run's data set."""
        table = read_table(results / "ingest" / dataset / "manifest.parquet")
        classes = {
            "gender": table["gender"].to_numpy(str),
            "ancestry": table["ethnicity"].to_numpy(str),
            "age": age_classes(table["age"].to_numpy(float), list(model.classes["age"])),
        }
        subjects = table["subject"].to_numpy(str)
        everybody = generator(1, "lent faces").permutation(np.unique(subjects))
        place = {name: k % FOLDS for k, name in enumerate(everybody)}
        folds = np.array([place[s] for s in subjects])
        return cls(
            results, dataset, subjects, tuple(table["image_id"]), classes, model, folds, find
        )

    def by_recogniser(self, method: str, strength: str) -> dict[str, NDArray[np.bool_]]:
        """Return which images (N,) are taken for what they are, by embedding and attribute."""
        clear = self._embedded("original", "none")
        seen = self._embedded(method, strength)
        found, known = (np.isfinite(e).all(axis=1) for e in (seen, clear))
        right = {name: np.zeros(len(self.images), bool) for name in self.classes}
        for name, true in self.classes.items():
            for fold in range(FOLDS):
                asked = (self.folds == fold) & found
                shown = (self.folds != fold) & known
                if asked.any():
                    judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
                    told = judge.fit(clear[shown], true[shown]).predict(seen[asked])
                    right[name][asked] = told == true[asked]
        return right

    def _embedded(self, method: str, strength: str) -> NDArray[np.float32]:
        """Return the embeddings (N, D) of a method's images; NaN where no face was found."""
        path = self.results / "embed" / method / f"{self.dataset}.dlib.npz"
        content = read_embeddings(path)
        place = {name: k for k, name in enumerate(content.image_ids)}
        own = content.embeddings[
            content.strengths.index(strength), content.policies.index("detected")
        ]
        found: NDArray[np.float32] = own[[place[name] for name in self.images]]
        return found

    def by_subspace(self, method: str, strength: str) -> dict[str, NDArray[np.bool_]]:
        """Return which images (N,) are taken for what they are, by MMDA and attribute."""
        right = {name: np.zeros(len(self.images), bool) for name in self.classes}
        coded = self._coded(method, strength)
        for attribute, classes in self.model.classes.items():
            for k, own in coded.items():
                told = nearest_class(own[attribute], classes)[0]
                right[attribute][k] = told == self.classes[attribute][k]
        return right

    def _coded(self, method: str, strength: str) -> dict[int, dict[str, FloatArray]]:
        """Return the coordinates (1, M) of the subjects' faces in a method's images, by number."""
        boxes = read_subjects(self.results / "detect" / self.dataset / "subjects.parquet")
        code, coded = self.model.code, {}
        with ArchiveReader(self.results / "anonymise" / method / f"{self.dataset}.tar") as pictures:
            for k, name in enumerate(progress(self.images, f"code {method} {strength}")):
                pixels, box = pictures.read(member(strength, name)), boxes.get(name)
                faces = self.find(pixels)
                own = next((f for f in faces if box is not None and covers(f, box)), None)
                try:
                    points = None if own is None else checked(own.points)
                except DegenerateFaceError:
                    points = None
                if points is not None:
                    vector = code.vector(code.texture(pixels, points), code.shape(points))
                    coded[k] = self.model.subspaces.taken_apart(vector[None])
        return coded

    def share(self, right: NDArray[np.bool_]) -> str:
        """Return a share of images in percent with its interval."""
        names, index = np.unique(self.subjects, return_inverse=True)
        weights = subject_weights(len(names), REPLICATES, generator(1, "lent faces", "bootstrap"))
        values = replicate_share(weights, right.astype(float), index)
        bounds = rate_interval(float(right.mean()), values, len(names))
        return f"{100 * right.mean():.0f} ({100 * bounds.low:.0f} to {100 * bounds.high:.0f})"


def age_classes(ages: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.str_]:
    """Return the class of ages, given all classes as `train_mmda.age_names` names them."""
    first, *others = sorted(names, key=begins)
    starts = [begins(name) for name in others]
    return np.array([first, *others])[np.searchsorted(starts, ages, side="right")]


def begins(name: str) -> int:
    """Return the year at which a class of age begins; 0 for the youngest."""
    word, _, rest = name.partition("_")
    if word == "under":
        return 0
    return int(rest if word == "from" else word)


def write(page: Path, judges: Judges, methods: Sequence[str]) -> None:
    """Write the table of a page between its markers, and its picture."""
    check(page, [MARKER])
    lines = rows(judges, methods)
    columns = list(lines[0][1])
    table = [f"| | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    table += [f"| {name} | {' | '.join(cells[c] for c in columns)} |" for name, cells in lines]
    fill(page, {MARKER: "\n".join(table)})
    picture = page.parent / "images" / f"{page.stem}.jpg"
    cv2.imwrite(str(picture), sheet(judges, methods), [cv2.IMWRITE_JPEG_QUALITY, 88])


def rows(judges: Judges, methods: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """Return what the table says of clear images and of methods at their strengths."""
    found = []
    for method, strength in conditions(judges, methods):
        told = attacks(judges.results, judges.dataset, method, strength)
        cells = {k: told.get(k, "").replace(" %", "") for k in told}
        for judge, right in (
            ("recogniser", judges.by_recogniser(method, strength)),
            ("subspace", judges.by_subspace(method, strength)),
        ):
            cells |= {f"{a}, {judge}": judges.share(v) for a, v in right.items()}
        found.append((named(method, strength), cells))
    names = dict.fromkeys(c for _, cells in found for c in cells)
    return [(name, {c: cells.get(c, "") for c in names}) for name, cells in found]


def conditions(judges: Judges, methods: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield clear images, then methods with their strengths."""
    for method in ("original", *methods):
        path = judges.results / "embed" / method / f"{judges.dataset}.dlib.npz"
        for strength in read_embeddings(path).strengths:
            yield method, strength


def named(method: str, strength: str) -> str:
    """Return what a row is called."""
    return "clear" if method == "original" else f"`{method}`, {strength}"


def sheet(judges: Judges, methods: Sequence[str]) -> NDArray[np.uint8]:
    """Return subjects in rows, conditions in columns, (height, width, 3), BGR."""
    subjects = np.unique(judges.subjects)
    chosen = subjects[np.linspace(0, len(subjects) - 1, SHOWN).astype(int)]
    own = [sorted(np.array(judges.images)[judges.subjects == s]) for s in chosen]
    shown = [images[k % len(images)] for k, images in enumerate(own)]
    columns = []
    for method, strength in conditions(judges, methods):
        archive = judges.results / "anonymise" / method / f"{judges.dataset}.tar"
        with ArchiveReader(archive) as pictures:
            columns.append(np.concatenate([pictures.read(member(strength, n)) for n in shown]))
    return np.ascontiguousarray(np.concatenate(columns, axis=1)[..., ::-1])


if __name__ == "__main__":
    sys.exit(main())
