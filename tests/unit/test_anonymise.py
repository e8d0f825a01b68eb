from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench import anonymise, anonymisers
from anonbench.anonymise import anonymise_files, anonymise_photos
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._errors import MissingImageError
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveReader, ArchiveWriter, encode_png, read_table, write_table
from anonbench.ledger import COLUMNS, Status
from anonbench.strengths import resolve_strengths, strength_label
from anonbench.types import Box, Face, Pixels

SIZE = 64
BOX = Box(16, 16, 48, 48)
EYES = (Box(19, 22, 28, 30), Box(36, 22, 45, 30))
FACE = Face(BOX, eyes=EYES, eyes_glasses=EYES)
IDS = ("a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg")
NEEDS_LANDMARKS = (
    "ciagan", "cleanir", "deepprivacy",
    "ksame_eigen", "ksame_furthest", "ksame_m", "ksame_pixel", "ksame_select", "mmda",
    "narula", "proxy_face", "ren_modifier",
)  # fmt: skip
"""They are asked the same in tests of their own, since Haar's faces, or no weights, are nothing to
them."""
WITH_REGION = [
    n
    for n in anonymisers.names()
    if anonymisers.get(n).info.needs_region and n not in NEEDS_LANDMARKS
]


def picture(name: str) -> Pixels:
    rng = np.random.default_rng(list(name.encode()))
    return rng.integers(1, 256, (SIZE, SIZE, 3), dtype=np.uint8)


class Stage:
    """The files that come before the engine, and a call of the engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status = dict.fromkeys(IDS, "ok")
        self.faces: dict[str, dict[str, list[Face]]] = {"haar": {n: [FACE] for n in IDS}}
        self.subjects: dict[str, Box | None] = dict.fromkeys(IDS, BOX)

    def write(self) -> None:
        with ArchiveWriter(self.folder / "images.tar") as archive:
            for name in IDS:
                if self.status[name] == "ok":
                    archive.add(name, picture(name))
        manifest = pd.DataFrame({"image_id": IDS, "status": [self.status[n] for n in IDS]})
        manifest["subject"] = [n[0] for n in IDS]
        manifest["detail"] = ["" if s == "ok" else f"is {s}" for s in manifest["status"]]
        write_table(manifest, self.folder / "manifest.parquet")
        for detector, found in self.faces.items():
            rows = [face_row(n, k, f) for n, fs in found.items() for k, f in enumerate(fs)]
            write_table(table_of(rows), self.folder / f"{detector}.parquet")
        rows = [
            {
                "image_id": n,
                "status": "ok" if b else "no_face",
                **(b or Box(*[np.nan] * 4))._asdict(),
            }
            for n, b in self.subjects.items()
        ]
        write_table(pd.DataFrame(rows), self.folder / "subjects.parquet")

    def run(
        self, anonymiser: str, out: str = "out", **change: Any
    ) -> tuple[ArchiveReader, pd.DataFrame]:
        self.write()
        settings: dict[str, Any] = {
            "dataset": "set", "method": "method", "strengths": (), "region": "face", "options": {},
            "faces_policy": "all", "seed": 7, "batch_size": 2,
            "detections": [self.folder / f"{d}.parquet" for d in self.faces],
            "subjects": self.folder / "subjects.parquet",
        }  # fmt: skip
        anonymise_files(
            archive=self.folder / "images.tar",
            manifest=self.folder / "manifest.parquet",
            anonymiser=anonymiser,
            out_archive=self.folder / f"{out}.tar",
            out_ledger=self.folder / f"{out}.ledger.parquet",
            **settings | change,
        )
        ledger = read_table(self.folder / f"{out}.ledger.parquet")
        return ArchiveReader(self.folder / f"{out}.tar"), ledger


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def state(ledger: pd.DataFrame, image_id: str) -> set[str]:
    return set(ledger.loc[ledger["image_id"] == image_id, "status"])


def detail(ledger: pd.DataFrame, image_id: str) -> str:
    return str(ledger.loc[ledger["image_id"] == image_id, "detail"].iloc[0])


def black(archive: ArchiveReader, image_id: str) -> bool:
    """Tell whether the image is there in every strength and is black in all."""
    mine = [n for n in archive.names() if n.split("/", 1)[1] == image_id]
    assert mine, "not even a black image"
    assert all(archive.read(n).shape == (SIZE, SIZE, 3) for n in mine)
    return not any(archive.read(n).any() for n in mine)


def options(name: str, folder: Path) -> dict[str, Any]:
    return {"path": str(folder)} if name == "external" else {}


# Labels and order


@pytest.mark.parametrize(
    ("strength", "label"),
    [
        (None, "none"), (5, "5"), (5.0, "5"), (0.5, "0.5"), (-1, "-1"), (0, "0"),
        (0.1 + 0.2, "0.30000000000000004"), (1234567, "1234567"), (np.int64(3), "3"),
        (np.float64(2.5), "2.5"),
    ],
)  # fmt: skip
def test_strength_label(strength: Any, label: str) -> None:
    assert strength_label(strength) == label


@pytest.mark.parametrize("strength", [True, "5", float("nan"), float("inf"), [5]])
def test_no_label_for_what_is_no_number(strength: Any) -> None:
    with pytest.raises(ValueError, match="finite number"):
        strength_label(strength)


def test_resolve_strengths() -> None:
    blur, blackout = anonymisers.get("blur").info, anonymisers.get("blackout").info
    assert resolve_strengths(blur, ()) == blur.strengths
    assert resolve_strengths(blur, (9.0, 3)) == (9, 3)
    assert isinstance(resolve_strengths(blur, (9.0,))[0], int)
    assert resolve_strengths(blackout, ()) == (None,) == resolve_strengths(blackout, (None,))
    for info, given, message in (
        (blur, (2.5,), "whole"), (blur, (0,), "outside"), (blur, (5, 5.0), "more than once"),
        (blur, (None,), "needs"), (blackout, (5,), "no strengths"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            resolve_strengths(info, given)


def test_members_and_ledger(stage: Stage) -> None:
    stage.status["a/2.jpg"] = "unreadable"
    archive, ledger = stage.run("blur", strengths=(9, 3))
    there = [n for n in IDS if n != "a/2.jpg"]
    assert archive.names() == tuple(f"{s}/{n}" for n in there for s in ("9", "3"))
    assert tuple(ledger.columns) == COLUMNS
    rows = list(ledger[["image_id", "strength"]].itertuples(index=False, name=None))
    assert rows == [(n, s) for n in IDS for s in ("9", "3")]
    assert state(ledger, "a/2.jpg") == {"unreadable"}
    assert detail(ledger, "a/2.jpg") == "is unreadable"
    rest = ledger[ledger["image_id"] != "a/2.jpg"]
    assert set(rest["status"]) == {"ok"} and set(rest["detail"]) == {""}
    assert set(rest["n_regions"]) == {1}
    assert all(list(r) == [16, 16, 48, 48] for r in rest["regions"])


def test_only_the_region_changes(stage: Stage) -> None:
    archive, _ = stage.run("blackout")
    for name in IDS:
        expected = picture(name)
        expected[16:48, 16:48] = 0
        assert np.array_equal(archive.read(f"none/{name}"), expected)


def test_ledger_names_the_bar_that_the_mask_draws(stage: Stage) -> None:
    archive, ledger = stage.run("mask", region="eyes")
    assert all(list(r) == [16, 22, 48, 30] for r in ledger["regions"])
    expected = picture(IDS[0])
    expected[22:30, 16:48] = 0
    assert np.array_equal(archive.read(f"none/{IDS[0]}"), expected)


def test_original_is_the_same_and_blank_is_black(stage: Stage) -> None:
    stage.faces["haar"] = {}
    stage.subjects = dict.fromkeys(IDS)
    archive, ledger = stage.run("original")
    assert all(np.array_equal(archive.read(f"none/{n}"), picture(n)) for n in IDS)
    assert set(ledger["status"]) == {"ok"}
    archive, ledger = stage.run("blank")
    assert all(black(archive, n) for n in IDS)
    assert set(ledger["status"]) == {"ok"}


def test_controls_need_neither_detections_nor_subjects(stage: Stage) -> None:
    _, ledger = stage.run("original", detections=[], subjects=None)
    assert set(ledger["status"]) == {"ok"}
    with pytest.raises(ValueError, match="detections"):
        stage.run("blur", detections=[])
    with pytest.raises(ValueError, match="subjects"):
        stage.run("blur", subjects=None)


@pytest.mark.parametrize("name", ["noise", "superpixel"])
def test_same_bytes_whatever_the_batches(stage: Stage, name: str) -> None:
    for out, size in (("one", 1), ("two", 2), ("all", 99)):
        stage.run(name, out, batch_size=size)
    files = [(stage.folder / f"{out}.tar").read_bytes() for out in ("one", "two", "all")]
    assert files[0] == files[1] == files[2]
    ledgers = [(stage.folder / f"{o}.ledger.parquet").read_bytes() for o in ("one", "two", "all")]
    assert ledgers[0] == ledgers[1] == ledgers[2]


def test_random_numbers_depend_on_every_part_of_the_key(stage: Stage) -> None:
    def noisy(**change: Any) -> np.ndarray:
        archive, _ = stage.run("noise", strengths=(100,), **change)
        return archive.read(f"100/{IDS[0]}")

    base = noisy()
    assert np.array_equal(base, noisy())
    for change in ({"seed": 8}, {"dataset": "other"}, {"method": "other"}):
        assert not np.array_equal(base, noisy(**change))
    archive, _ = stage.run("noise", strengths=(100,))
    inner = np.s_[16:48, 16:48]
    assert not np.array_equal(base[inner], archive.read(f"100/{IDS[1]}")[inner])


def test_the_other_images_do_not_matter(stage: Stage) -> None:
    archive, _ = stage.run("noise", "all", strengths=(50,))
    stage.status["a/1.jpg"] = "duplicate"
    stage.faces["haar"].pop("a/2.jpg")
    fewer, _ = stage.run("noise", "fewer", strengths=(50,))
    for name in IDS[2:]:
        assert np.array_equal(archive.read(f"50/{name}"), fewer.read(f"50/{name}"))


# Failures before the method


@pytest.mark.parametrize("name", WITH_REGION)
def test_no_face_is_black(stage: Stage, name: str) -> None:
    stage.faces["haar"].pop("a/2.jpg")
    archive, ledger = stage.run(name, options=options(name, stage.folder))
    assert state(ledger, "a/2.jpg") == {Status.NO_FACE}
    assert "haar" in detail(ledger, "a/2.jpg")
    assert black(archive, "a/2.jpg")
    assert state(ledger, "a/1.jpg") == {Status.OK} and not black(archive, "a/1.jpg")


@pytest.mark.parametrize("name", WITH_REGION)
def test_a_face_without_eyes_is_black(stage: Stage, name: str) -> None:
    stage.faces["haar"]["a/2.jpg"] = [Face(BOX)]
    archive, ledger = stage.run(name, region="eyes", options=options(name, stage.folder))
    assert state(ledger, "a/2.jpg") == {Status.NO_REGION}
    assert black(archive, "a/2.jpg")
    assert state(ledger, "a/1.jpg") == {Status.OK} and not black(archive, "a/1.jpg")


@pytest.mark.parametrize("name", WITH_REGION)
def test_a_missed_subject_is_black(stage: Stage, name: str) -> None:
    stage.faces["haar"]["a/2.jpg"] = [Face(Box(0, 0, 12, 12), eyes=EYES)]
    archive, ledger = stage.run(name, options=options(name, stage.folder))
    assert state(ledger, "a/2.jpg") == {Status.SUBJECT_MISSED}
    assert black(archive, "a/2.jpg")
    assert state(ledger, "a/1.jpg") == {Status.OK} and not black(archive, "a/1.jpg")


def test_one_bystander_without_eyes_blackens_the_image(stage: Stage) -> None:
    stage.faces["haar"]["a/2.jpg"] = [FACE, Face(Box(0, 0, 12, 12))]
    archive, ledger = stage.run("blur", region="eyes")
    assert state(ledger, "a/2.jpg") == {Status.NO_REGION}
    assert black(archive, "a/2.jpg")


def test_policy_that_chooses_somebody_else_misses_the_subject(stage: Stage) -> None:
    other = Face(Box(0, 0, 64, 15))
    stage.faces["haar"]["a/2.jpg"] = [FACE, other]
    for policy, box, expected in (
        ("largest", BOX, Status.OK),
        ("central", BOX, Status.OK),
        ("largest", other.box, Status.SUBJECT_MISSED),
        ("central", other.box, Status.SUBJECT_MISSED),
        ("all", other.box, Status.OK),
    ):
        stage.subjects["a/2.jpg"] = box
        _, ledger = stage.run("blackout", faces_policy=policy)
        assert state(ledger, "a/2.jpg") == {expected}, policy


def test_all_faces_are_anonymised(stage: Stage) -> None:
    stage.faces["haar"]["a/2.jpg"] = [FACE, Face(Box(0, 0, 12, 10))]
    archive, ledger = stage.run("blackout")
    after = archive.read("none/a/2.jpg")
    assert not after[16:48, 16:48].any() and not after[:10, :12].any()
    assert (after == 0).all(axis=2).sum() == 32 * 32 + 120
    assert set(ledger.loc[ledger["image_id"] == "a/2.jpg", "n_regions"]) == {2}


def test_a_subject_nobody_knows_is_black(stage: Stage) -> None:
    stage.subjects["a/2.jpg"] = None
    archive, ledger = stage.run("blackout")
    assert state(ledger, "a/2.jpg") == {Status.SUBJECT_MISSED}
    assert black(archive, "a/2.jpg")


def test_the_next_detector_is_asked_only_where_the_first_found_nothing(stage: Stage) -> None:
    wide = Face(Box(10, 10, 54, 54))
    stage.faces = {
        "haar": {n: [FACE] for n in IDS if n != "a/2.jpg"},
        "mtcnn": {n: [wide] for n in IDS},
    }
    archive, ledger = stage.run("blackout")
    assert detail(ledger, "a/2.jpg") == "by mtcnn" and detail(ledger, "a/1.jpg") == ""
    assert (archive.read("none/a/2.jpg") == 0).all(axis=2).sum() == 44 * 44
    assert (archive.read("none/a/1.jpg") == 0).all(axis=2).sum() == 32 * 32


# Failures of the method


class Broken:
    """A plug-in whose anonymiser does a wrong thing with one image."""

    def __init__(self, name: str, fault: Any) -> None:
        self.info = anonymisers.get(name).info
        self._fault = fault

    def build(self, _: Any) -> Broken:
        return self

    def anonymise(self, photos: Any, strength: Any, generators: Any) -> list[Any]:
        return [self._fault(p.pixels) if p.image_id == "a/2.jpg" else p.pixels // 2 for p in photos]


def raises(_: Pixels) -> Pixels:
    raise RuntimeError("out of\n memory")


def writes_into_the_input(pixels: Pixels) -> Pixels:
    pixels[:] = 0
    return pixels


FAULTS = {
    "raises": raises,
    "writes into the input": writes_into_the_input,
    "smaller": lambda p: p[:-1],
    "one channel": lambda p: p[..., 0],
    "with alpha": lambda p: np.dstack([p, p[..., :1]]),
    "float": lambda p: p / 255,
    "nan": lambda p: np.full(p.shape, np.nan, np.float32),
    "int64": lambda p: p.astype(np.int64),
    "none": lambda p: None,
    "list": lambda p: p.tolist(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", anonymisers.names())
def test_whatever_the_method_does_wrong_is_black(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    plugin = Broken(name, FAULTS[fault])
    monkeypatch.setattr(anonymise.anonymisers, "get", lambda _: plugin)
    chosen = plugin.info.strengths[:1]
    archive, ledger = stage.run(name, strengths=chosen, batch_size=3)
    assert state(ledger, "a/2.jpg") == {Status.METHOD_ERROR}
    assert detail(ledger, "a/2.jpg") and "\n" not in detail(ledger, "a/2.jpg")
    assert black(archive, "a/2.jpg")
    for other in set(IDS) - {"a/2.jpg"}:
        assert state(ledger, other) == {Status.OK}
        label = strength_label(chosen[0] if chosen else None)
        assert np.array_equal(archive.read(f"{label}/{other}"), picture(other) // 2)


def photos() -> list[Photo]:
    made = []
    for name in IDS:
        pixels = picture(name)
        pixels.setflags(write=False)
        made.append(Photo(name, name[0], pixels, (Region(16, 16, 48, 48, FACE),)))
    return made


def test_too_few_results_are_not_matched_to_wrong_photos() -> None:
    class Drops:
        def anonymise(self, photos: Any, strength: Any, generators: Any) -> list[Pixels]:
            return [p.pixels // 2 for p in photos if p.image_id != "a/2.jpg"]

    outcomes = anonymise_photos(Drops(), photos(), None, 7)
    assert [o.status for o in outcomes] == ["ok", "method_error", "ok", "ok", "ok"]
    assert not outcomes[1].pixels.any()
    for outcome, photo in zip(outcomes, photos(), strict=True):
        if outcome.status == Status.OK:
            assert np.array_equal(outcome.pixels, photo.pixels // 2)


def test_a_second_try_starts_from_the_same_random_numbers() -> None:
    class Flaky:
        def anonymise(self, photos: Any, strength: Any, generators: Any) -> list[Pixels]:
            drawn = [
                g.integers(0, 256, p.pixels.shape, dtype=np.uint8)
                for p, g in zip(photos, generators, strict=True)
            ]
            if len(photos) > 1:
                raise RuntimeError("batch too large")
            return drawn

    together = anonymise_photos(Flaky(), photos(), 5, 7, ("set", "m"))
    alone = [anonymise_photos(Flaky(), [p], 5, 7, ("set", "m"))[0] for p in photos()]
    assert all(o.status == Status.OK for o in together)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(together, alone, strict=True))


def test_no_photos_no_outcomes() -> None:
    assert anonymise_photos(anonymisers.get("blur").build({}), [], 5, 7) == []


def test_stopping_is_not_swallowed() -> None:
    class Stops:
        def anonymise(self, photos: Any, strength: Any, generators: Any) -> list[Pixels]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anonymise_photos(Stops(), photos(), None, 7)


def test_missing_images_are_told_apart() -> None:
    class Lacks:
        def anonymise(self, photos: Any, strength: Any, generators: Any) -> list[Pixels]:
            if any(p.image_id == "b/1.jpg" for p in photos):
                raise MissingImageError("no file for b/1.jpg")
            return [p.pixels // 2 for p in photos]

    outcomes = anonymise_photos(Lacks(), photos(), None, 7)
    assert [o.status for o in outcomes] == ["ok", "ok", "missing", "ok", "ok"]
    assert outcomes[2].detail == "no file for b/1.jpg" and not outcomes[2].pixels.any()


def test_external_images(stage: Stage) -> None:
    folder = stage.folder / "theirs"
    for name in IDS:
        path = (folder / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(picture(name) // 2))
    (folder / "a/2.png").unlink()
    (folder / "b/1.png").write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    (folder / "b/2.png").write_bytes(b"not an image")
    archive, ledger = stage.run("external", options={"path": str(folder)})
    assert state(ledger, "a/2.jpg") == {Status.MISSING} and black(archive, "a/2.jpg")
    for name in ("b/1.jpg", "b/2.jpg"):
        assert state(ledger, name) == {Status.METHOD_ERROR} and black(archive, name)
        assert name.replace("jpg", "png") in detail(ledger, name)
    for name in ("a/1.jpg", "c/1.jpg"):
        assert np.array_equal(archive.read(f"none/{name}"), picture(name) // 2)


def test_external_folder_that_does_not_exist_is_an_error(stage: Stage) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        stage.run("external", options={"path": str(stage.folder / "nowhere")})


# Files that do not belong together


def test_an_image_that_the_archive_lacks_is_an_error(stage: Stage) -> None:
    stage.write()
    with ArchiveWriter(stage.folder / "images.tar") as archive:
        archive.add(IDS[0], picture(IDS[0]))
    stage.write = lambda: None  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"a/2\.jpg"):
        stage.run("blur")
    assert not (stage.folder / "out.tar").exists(), "no half archive"


def test_a_subject_that_the_table_lacks_is_an_error(stage: Stage) -> None:
    del stage.subjects["b/1.jpg"]
    with pytest.raises(ValueError, match=r"b/1\.jpg"):
        stage.run("blur")


def test_an_image_listed_twice_is_an_error(stage: Stage) -> None:
    stage.write()
    table = read_table(stage.folder / "manifest.parquet")
    write_table(pd.concat([table, table.iloc[:1]]), stage.folder / "manifest.parquet")
    stage.write = lambda: None  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="more than once"):
        stage.run("blur")


def test_failures_are_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.faces["haar"].pop("a/2.jpg")
    with caplog.at_level(logging.INFO, "anonbench"):
        stage.run("blur", strengths=(5, 9))
    assert "2 of 10 no_face" in caplog.text
    assert "5 of 5" in caplog.text
