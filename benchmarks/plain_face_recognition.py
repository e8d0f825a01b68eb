"""The experiment as one would type it without AnonBench: `face_recognition`, OpenCV and loops.

Box blur and pixelation inside the Haar face box; naive, reverse and parrot attack; each subject's
first image is enrolled and the others probe. One image at a time, one process; every image is
embedded once and not once a pair, an original not once a method. It follows AnonBench's rules where
they decide which number comes out (whose face counts, what is a failure), so that the numbers can
be compared, and nothing else of it.

``python benchmarks/plain_face_recognition.py DATA OUT.npz --methods blur --strengths 5,15``
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
import warnings
from pathlib import Path

import cv2
import numpy as np

warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
import face_recognition  # noqa: E402

MINIMUM_IOU = 0.3  # a face in an image is the subject's if it overlaps his box so much
MINIMUM_COVERAGE = 0.4  # share of the subject's box that the Haar box must cover

Box = tuple[float, float, float, float]  # left, top, right, bottom


def read_labels(data: Path) -> dict[str, str]:
    """Subject by image, in the order of the image names."""
    with (data / "labels.csv").open(newline="", encoding="utf-8") as file:
        return dict(sorted((row["path"], row["subject"]) for row in csv.DictReader(file)))


def overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def most_central(boxes: list[Box], image: np.ndarray) -> Box | None:
    height, width = image.shape[:2]

    def off_centre(box: Box) -> float:
        return math.hypot((box[0] + box[2] - width) / 2, (box[1] + box[3] - height) / 2)

    return min(boxes, key=off_centre, default=None)


def find_faces(image: np.ndarray) -> list[tuple[tuple[int, int, int, int], Box]]:
    """Locations as face_recognition gives them, each with its box."""
    locations = face_recognition.face_locations(image)
    return [((t, r, b, le), (le, t, r + 1, b + 1)) for t, r, b, le in locations]


def encode_subject(image: np.ndarray, faces: list, subject: Box | None) -> np.ndarray | None:
    """Encode the face that overlaps the subject's box best; None if there is none."""
    if subject is None or not faces:
        return None

    def iou(box: Box) -> float:
        shared = overlap(box, subject)
        return shared / (area(box) + area(subject) - shared)

    location, box = max(faces, key=lambda face: iou(face[1]))
    if iou(box) < MINIMUM_IOU:
        return None
    return face_recognition.face_encodings(image, [location])[0]


def find_region(image: np.ndarray, cascade: cv2.CascadeClassifier, subject: Box | None):
    """Haar box (left, top, right, bottom) to anonymise; None if the subject's face is not in it."""
    if subject is None:
        return None
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    hits = cascade.detectMultiScale(grey, 1.1, 5, minSize=(40, 40))
    region = most_central([tuple(map(int, (x, y, x + w, y + h))) for x, y, w, h in hits], image)
    if region is None or overlap(region, subject) < MINIMUM_COVERAGE * area(subject):
        return None
    return region


def blur(image: np.ndarray, region, strength: int) -> np.ndarray:
    left, top, right, bottom = region
    blurred = image.copy()
    face = image[top:bottom, left:right].copy()
    blurred[top:bottom, left:right] = cv2.blur(
        face, (strength, strength), borderType=cv2.BORDER_REPLICATE
    )
    return blurred


def pixelize(image: np.ndarray, region, strength: int) -> np.ndarray:
    left, top, right, bottom = region
    pixelized = image.copy()
    height, width = bottom - top, right - left
    cells = min(strength, width), min(strength, height)
    small = cv2.resize(image[top:bottom, left:right], cells, interpolation=cv2.INTER_AREA)
    rows = np.arange(height) * cells[1] // height
    columns = np.arange(width) * cells[0] // width
    pixelized[top:bottom, left:right] = small[rows[:, None], columns]
    return pixelized


METHODS = {"blur": blur, "pixelize": pixelize}
STRENGTHS = "5,10,15,20,30,50,90"


def embed_all(data: Path, images: list[str], methods: list[str], strengths: list[int]) -> dict:
    """Return encodings by "original" or "method/strength", and image; failures are left out."""
    cascade_file = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(cascade_file)
    conditions = {f"{m}/{s}": (METHODS[m], s) for m in methods for s in strengths}
    encodings: dict = {condition: {} for condition in ["original", *conditions]}
    for name in images:
        image = face_recognition.load_image_file(data / name)
        faces = find_faces(image)
        subject = most_central([box for _, box in faces], image)
        encodings["original"][name] = encode_subject(image, faces, subject)
        region = find_region(image, cascade, subject)
        for condition, (anonymise, strength) in conditions.items():
            if region is None:
                continue  # not anonymised, so nothing is published: a failure
            published = anonymise(image, region, strength)
            encodings[condition][name] = encode_subject(published, find_faces(published), subject)
    return {
        condition: {name: e for name, e in found.items() if e is not None}
        for condition, found in encodings.items()
    }


def equal_error_rate(mated: list[float], nonmated: list[float]) -> float:
    """Try every distance as threshold, upwards, until more are falsely accepted than rejected."""
    if not mated or not nonmated:
        return math.nan
    own, others = np.array(mated), np.array(nonmated)
    fmr_before, fnmr_before = 0.0, 1.0
    for threshold in np.unique(np.concatenate([own, others])):
        fmr, fnmr = np.mean(others <= threshold), np.mean(own > threshold)
        if fmr >= fnmr:
            # Where the line between the last two points meets FMR = FNMR.
            gap, gap_before = fmr - fnmr, fnmr_before - fmr_before
            return float(fmr_before + (fmr - fmr_before) * gap_before / (gap_before + gap))
        fmr_before, fnmr_before = fmr, fnmr
    raise AssertionError("FMR is 1 and FNMR 0 at the largest distance")


def divide(labels: dict[str, str]) -> tuple[list[str], list[str]]:
    """Enrol each subject's first image; the others probe."""
    first: dict[str, str] = {}
    for name, subject in labels.items():
        first.setdefault(subject, name)
    return sorted(first.values()), [name for name in labels if name != first[labels[name]]]


def compare(labels: dict[str, str], enrolled: dict, probing: dict) -> tuple[dict, np.ndarray]:
    """Return numbers of one attack and all distances (probes x gallery, NaN: one side failed)."""
    gallery, probes = divide(labels)
    mated, nonmated = [], []
    distances = np.full((len(probes), len(gallery)), np.nan)
    for i, probe in enumerate(probes):
        for j, reference in enumerate(gallery):
            if probe not in probing or reference not in enrolled:
                continue
            d = face_recognition.face_distance([enrolled[reference]], probing[probe])[0]
            distances[i, j] = d
            (mated if labels[probe] == labels[reference] else nonmated).append(d)
    numbers = {
        "eer": equal_error_rate(mated, nonmated),
        "fta": sum(probe not in probing for probe in probes) / len(probes),
        "mated": len(mated),
        "nonmated": len(nonmated),
    }
    return numbers, distances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with labels.csv (path, subject)")
    parser.add_argument("out", type=Path, help="where the numbers go (.npz)")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--strengths", default=STRENGTHS)
    arguments = parser.parse_args()
    methods = arguments.methods.split(",")
    strengths = [int(s) for s in arguments.strengths.split(",")]

    labels = read_labels(arguments.data)
    start = time.perf_counter()
    encodings = embed_all(arguments.data, list(labels), methods, strengths)
    print(f"anonymising and embedding {time.perf_counter() - start:.1f} s", end=", ")
    start = time.perf_counter()
    numbers, distances = {}, {}
    original = encodings.pop("original")
    for condition, anonymised in encodings.items():
        for attack, enrolled, probing in (
            ("naive", original, anonymised),
            ("reverse", anonymised, original),
            ("parrot", anonymised, anonymised),
        ):
            key = f"{condition}/{attack}"
            numbers[key], distances[key] = compare(labels, enrolled, probing)
    print(f"comparing {time.perf_counter() - start:.1f} s")
    np.savez(arguments.out, numbers=np.array(json.dumps(numbers)), **distances)


if __name__ == "__main__":
    main()
