"""Data set types on tiny trees that are laid out like the real ones."""

from __future__ import annotations

import bz2
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from anonbench import datasets
from anonbench.dataset_checks import fingerprint, validate_dataset
from anonbench.datasets import EXPRESSIONS, RECORD_COLUMNS, DataError
from anonbench.datasets.lfw import read_pairs
from anonbench.io import encode_png
from anonbench.registry import UnknownNameError

LFW100 = Path(__file__).parents[3] / "shared" / "photos" / "lfw100"


def image(path: Path, seed: int = 0, side: int = 30) -> Path:
    """Write a small PNG; types judge by name, the content matters to the ingest only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    path.write_bytes(encode_png(pixels))
    return path


def text(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path


def read(kind: str, root: Path, **options):
    return datasets.get(kind).records(root, options)


def labels(root: Path, content: str, encoding: str = "utf-8") -> Path:
    return text(root / "labels.csv", content, encoding)


# --- properties of all types -----------------------------------------------------------------


def lfw_tree(root: Path) -> Path:
    for name, count in (("Ann_Lee", 2), ("Bo_Ek", 1), ("Cy", 2)):
        for i in range(1, count + 1):
            image(root / name / f"{name}_{i:04d}.jpg")
    text(
        root / "pairs.txt", "2\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo_Ek\t1\nCy\t1\t2\nBo_Ek\t1\tCy\t2\n"
    )
    return root


def feret_tree(root: Path) -> Path:
    for name in (
        "00001_930831_fa_a.ppm", "00001_930831_fb.ppm", "00001_940128_fa.ppm",
        "00002_931230_fa.ppm", "00002_931230_fb.ppm", "00002_931230_pl.ppm",
    ):  # fmt: skip
        folder = root / "dvd1" / "data" / "images" / name[:5]
        image(folder / name)
    image(root / "dvd1/data/thumbnails/00001/00001_930831_fa_a.ppm")
    packed = root / "dvd2/data/images/00003/00003_941031_fa.ppm.bz2"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(bz2.compress(b"P6\n1 1\n255\nabc"))
    return root


def rafdb_tree(root: Path, name: str = "list_patition_label.txt") -> Path:
    text(
        root / "EmoLabel" / name,
        "train_00001.jpg 5\ntrain_00002.jpg 1\ntest_0001.jpg 7\ntest_0002.jpg 4\n",
    )
    for stem in ("train_00001", "train_00002", "test_0001", "test_0002"):
        image(root / "Image/aligned" / f"{stem}_aligned.jpg")
    return root


def celeba_tree(root: Path, anno: str = "", evaluation: str = "", img: str = "") -> Path:
    names = [f"{i:06d}.jpg" for i in range(1, 5)]
    rows = zip(names, ("2880", "2937", "14", "2880"), ("0", "0", "1", "2"), strict=True)
    listed = list(rows)
    text(root / anno / "identity_CelebA.txt", "".join(f"{n} {s}\n" for n, s, _ in listed))
    text(root / evaluation / "list_eval_partition.txt", "".join(f"{n} {p}\n" for n, _, p in listed))
    for name in names:
        image(root / img / "img_align_celeba" / name)
    return root


def folder_tree(root: Path) -> Path:
    for i, name in enumerate(("b/2.jpg", "a/1.jpg", "a/2.jpg", "b/1.jpg")):
        image(root / name, seed=i)
    labels(root, "path,subject\nb/2.jpg,b\na/1.jpg,a\na/2.jpg,a\nb/1.jpg,b\n")
    return root


def shards_tree(root: Path) -> Path:
    """Two shards of two images each; tests/unit/test_shards.py has more."""
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    for shard, names in (("x-0.tar", ("a_1.png", "a_2.png")), ("x-1.tar", ("b_1.png", "b_2.png"))):
        with tarfile.open(root / shard, "w", format=tarfile.USTAR_FORMAT) as tar:
            for seed, name in enumerate(names):
                pixels = np.random.default_rng(seed).integers(0, 256, (30, 30, 3), dtype=np.uint8)
                entry = tarfile.TarInfo(name)
                entry.size = len(encode_png(pixels))
                tar.addfile(entry, io.BytesIO(encode_png(pixels)))
                rows.append(f"{name},{name[0]},{shard}\n")
    labels(root, "path,subject,shard\n" + "".join(rows))
    return root


TREES = {
    "shards": shards_tree,
    "folder": folder_tree,
    "lfw": lfw_tree,
    "feret": feret_tree,
    "rafdb": rafdb_tree,
    "celeba": celeba_tree,
}


def victim(kind: str, root: Path, row: int) -> Path:
    """The file that holds the image of a row."""
    dataset = read(kind, root)
    path = dataset.records["path"].iloc[row]
    return dataset.places[path].file if path in dataset.places else root / path


def test_every_type_has_a_tree_here() -> None:
    assert set(datasets.names()) == set(TREES)


@pytest.mark.parametrize("kind", sorted(TREES))
class TestEveryType:
    def test_records_fulfil_the_contract(self, kind: str, tmp_path: Path) -> None:
        dataset = read(kind, TREES[kind](tmp_path))
        records = dataset.records
        assert tuple(records.columns) == RECORD_COLUMNS
        assert len(records) >= 4
        assert records["image_id"].is_unique
        assert list(records["image_id"]) == sorted(records["image_id"])
        assert (records["path"] == records["image_id"]).all()
        assert all(isinstance(v, str) for column in records for v in records[column])
        assert (records["subject"] != "").all()
        assert set(records["expression"]) <= {"", *EXPRESSIONS}
        assert set(dataset.places) <= set(records["path"])
        loose = [path for path in records["path"] if path not in dataset.places]
        assert all((tmp_path / path).is_file() for path in loose)
        assert all(source.is_file() for source in dataset.sources)

    def test_info_is_complete(self, kind: str, tmp_path: Path) -> None:
        info = datasets.get(kind).info
        assert info.label and info.homepage and info.terms.endswith(".")
        assert info.citation or kind in ("folder", "shards")

    def test_unknown_option_names_the_nearest(self, kind: str, tmp_path: Path) -> None:
        known = datasets.get(kind).option_names[0]
        with pytest.raises(ValueError, match=f"did you mean '{known}'"):
            datasets.get(kind).records(tmp_path, {known + "s" + "s": "x"})

    def test_missing_folder(self, kind: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone.*does not exist; correct path:"):
            read(kind, tmp_path / "gone")

    def test_file_as_folder(self, kind: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is not a folder"):
            read(kind, text(tmp_path / "file", "x"))

    def test_empty_folder(self, kind: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=str(tmp_path)):
            read(kind, tmp_path)

    def test_linked_folder_is_allowed(self, kind: str, tmp_path: Path) -> None:
        TREES[kind](tmp_path / "real")
        (tmp_path / "link").symlink_to("real")
        linked, real = read(kind, tmp_path / "link"), read(kind, tmp_path / "real")
        assert linked.records.equals(real.records)

    def test_validate_finds_a_lost_and_an_empty_file(self, kind: str, tmp_path: Path) -> None:
        root = TREES[kind](tmp_path)
        before = validate_dataset(kind, root, {})
        assert not [line for line in before if line.startswith("error")]
        assert "files are empty" not in " ".join(before)
        victim(kind, root, 0).write_bytes(b"")
        after = " ".join(validate_dataset(kind, root, {}))
        # An archive that is no archive cannot be used at all.
        wanted = "error: " if kind == "shards" else "warning: 1 labelled files are empty"
        assert wanted in after and "empty" in after

    def test_fingerprint_notices_a_changed_image(self, kind: str, tmp_path: Path) -> None:
        root = TREES[kind](tmp_path)
        before = fingerprint(kind, root, {})
        assert before == fingerprint(kind, root, {})
        file = victim(kind, root, -1)
        file.write_bytes(file.read_bytes() + b"x")
        assert fingerprint(kind, root, {}) != before


def test_unknown_type() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'feret'"):
        datasets.get("ferret")


# --- folder ----------------------------------------------------------------------------------


def test_folder_reads_all_labels(tmp_path: Path) -> None:
    image(tmp_path / "x.jpg")
    labels(
        tmp_path,
        "subject,path,session,expression,split,gender,age,ethnicity\n"
        "007,./x.jpg,2,Happiness,gallery,female,31,\n",
    )
    row = read("folder", tmp_path).records.iloc[0].to_dict()
    assert row == {
        "image_id": "x.jpg", "path": "x.jpg", "subject": "007", "session": "2",
        "expression": "happiness", "split": "gallery", "gender": "female", "age": "31",
        "ethnicity": "",
    }  # fmt: skip


@pytest.mark.parametrize("subject", ["NA", "nan", "None", "1e3", "0010", "true"])
def test_folder_keeps_odd_subjects_as_text(tmp_path: Path, subject: str) -> None:
    labels(tmp_path, f"path,subject\nx.jpg,{subject}\n")
    assert list(read("folder", tmp_path).records["subject"]) == [subject]


def test_folder_tolerates_mark_spaces_and_blank_lines(tmp_path: Path) -> None:
    labels(tmp_path, 'path, subject\r\n\r\n"a, b.jpg" , Zoë \r\n,\r\n', "utf-8-sig")
    records = read("folder", tmp_path).records
    assert records[["path", "subject"]].to_numpy().tolist() == [["a, b.jpg", "Zoë"]]


def test_folder_order_of_labels_is_of_no_account(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    first = read("folder", tmp_path).records
    labels(tmp_path, "subject,path\na,a/2.jpg\nb,b/1.jpg\na,a/1.jpg\nb,b/2.jpg\n")
    assert read("folder", tmp_path).records.equals(first)


HEAD = "path,subject\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "labels.csv: the file is empty"),
        (" \n\n", "labels.csv: the file is empty"),
        (HEAD, "labels.csv: no image is named"),
        ("path,person\na.jpg,x\n", r"line 1: missing column subject \(found: path, person\)"),
        ("file,person\na.jpg,x\n", "missing column path, subject"),
        ("path;subject\na.jpg;x\n", "separate the columns by commas"),
        ("path,subject,subject\na.jpg,x,y\n", "column subject appears twice"),
        (HEAD + "a.jpg,x\na.jpg,x\n", r"line 3: a.jpg is named again \(first: .*line 2\)"),
        (HEAD + "a.jpg,x\n./a.jpg,x\n", r"line 3: a.jpg is named again"),
        (HEAD + "a.jpg,x\nb.jpg,\n", "line 3: b.jpg has no subject; name the person"),
        (HEAD + "\n\na.jpg, \n", "line 4: a.jpg has no subject"),
        (HEAD + "../a.jpg,x\n", "line 2: the path '../a.jpg' leaves the data set folder"),
        (HEAD + "b/../../a.jpg,x\n", "leaves the data set folder"),
        (HEAD + "/etc/passwd,x\n", "line 2: the path '/etc/passwd' leaves"),
        (HEAD + "C:\\a.jpg,x\n", "leaves the data set folder"),
        (HEAD + "b\\a.jpg,x\n", "has backslashes"),
        (HEAD + ",x\n", "line 2: the path '' is empty"),
        (HEAD + "a\x07.jpg,x\n", "control characters"),
        (HEAD + "a\x00.jpg,x\n", "control characters"),
        (HEAD + "a.jpg\n", "line 2: 1 fields, but the header has 2"),
        (HEAD + "a.jpg,Lee, Ann\n", "line 2: 3 fields.*double quotes"),
        ("path,subject,expression\na.jpg,x,hapiness\n", "line 2: unknown expression 'hapiness'; "
         "did you mean happiness.*neutral.*contempt"),
        ("path,subject,expression\na.jpg,x,7\n", "unknown expression '7'; known: neutral"),
    ],
)  # fmt: skip
def test_folder_refuses(tmp_path: Path, content: str, message: str) -> None:
    labels(tmp_path, content)
    with pytest.raises(DataError, match=f"(?s){message}") as caught:
        read("folder", tmp_path)
    assert str(tmp_path / "labels.csv") in str(caught.value)
    assert validate_dataset("folder", tmp_path, {}) == [f"error: {caught.value}"]


def test_folder_without_labels(tmp_path: Path) -> None:
    image(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"labels\.csv: file not found"):
        read("folder", tmp_path)


@pytest.mark.parametrize(("encoding", "line"), [("latin-1", 3), ("utf-16", 1)])
def test_folder_wrong_encoding(tmp_path: Path, encoding: str, line: int) -> None:
    labels(tmp_path, HEAD + "a.jpg,x\nb.jpg,Zoë\n", encoding)
    with pytest.raises(DataError, match=rf"labels.csv, line {line}: byte 0x.. is not UTF-8; save"):
        read("folder", tmp_path)


def test_folder_warns_of_what_it_does_not_use(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    for name in ("c.PNG", "d/e.jpg", ".hidden.jpg", ".cache/f.jpg"):
        image(tmp_path / name)
    text(tmp_path / "readme.txt", "x")
    labels(tmp_path, "path,subject,sesion,note\na/1.jpg,a,1,\na/2.jpg,a,1,\n")
    notes = "\n".join(read("folder", tmp_path).notes)
    assert "column 'sesion' is not used; did you mean session?" in notes
    assert "column 'note' is not used\n" in notes
    assert "4 images" in notes and "c.PNG, b/1.jpg, b/2.jpg, ..." in notes
    assert ".hidden" not in notes


def test_folder_other_label_file(tmp_path: Path) -> None:
    text(tmp_path / "mine.csv", HEAD + "a.jpg,x\n")
    assert len(read("folder", tmp_path, labels="mine.csv").records) == 1
    with pytest.raises(ValueError, match="option labels is 3"):
        read("folder", tmp_path, labels=3)


def test_folder_walk_survives_a_link_cycle(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert read("folder", tmp_path).notes == ()


def test_lfw100_photographs() -> None:
    if not LFW100.is_dir():
        pytest.skip("the reference photographs are not beside the repository")
    dataset = read("folder", LFW100)
    assert len(dataset.records) == 500
    assert (dataset.records["subject"].value_counts() == 5).all()
    assert validate_dataset("folder", LFW100, {}) == []


# --- LFW -------------------------------------------------------------------------------------


def test_lfw_subjects_and_pairs(tmp_path: Path) -> None:
    dataset = read("lfw", lfw_tree(tmp_path))
    assert list(dataset.records["subject"]) == ["Ann_Lee", "Ann_Lee", "Bo_Ek", "Cy", "Cy"]
    assert dataset.has_subjects
    ann, bo, cy = (f"{n}/{n}_000" for n in ("Ann_Lee", "Bo_Ek", "Cy"))
    assert dataset.pairs is not None
    assert dataset.pairs.to_numpy().tolist() == [
        [f"{ann}1.jpg", f"{ann}2.jpg", True, 1],
        [f"{ann}1.jpg", f"{bo}1.jpg", False, 1],
        [f"{cy}1.jpg", f"{cy}2.jpg", True, 2],
        [f"{bo}1.jpg", f"{cy}2.jpg", False, 2],
    ]


def test_lfw_without_pairs(tmp_path: Path) -> None:
    (lfw_tree(tmp_path) / "pairs.txt").unlink()
    assert read("lfw", tmp_path).pairs is None
    with pytest.raises(DataError, match=r"holds no pairs\.txt"):
        read("lfw", tmp_path, pairs="pairs.txt")
    with pytest.raises(DataError, match=r"there is no pairs\.txt"):
        read("lfw", tmp_path, images="pairs")


def test_lfw_only_images_of_pairs(tmp_path: Path) -> None:
    lfw_tree(tmp_path)
    image(tmp_path / "Di/Di_0001.jpg")
    assert len(read("lfw", tmp_path).records) == 6
    assert "Di" not in set(read("lfw", tmp_path, images="pairs").records["subject"])


def test_lfw_image_that_only_the_pairs_name_stays_counted(tmp_path: Path) -> None:
    (lfw_tree(tmp_path) / "Cy/Cy_0002.jpg").unlink()
    dataset = read("lfw", tmp_path)
    assert "Cy/Cy_0002.jpg" in set(dataset.records["image_id"])
    assert any("1 images of the pair list are not there" in note for note in dataset.notes)
    assert "warning: 1 labelled files are not there: Cy/Cy_0002.jpg" in validate_dataset(
        "lfw", tmp_path, {}
    )


def test_lfw_pairs_find_images_of_another_suffix(tmp_path: Path) -> None:
    (lfw_tree(tmp_path) / "Cy/Cy_0002.jpg").rename(tmp_path / "Cy/Cy_0002.png")
    dataset = read("lfw", tmp_path)
    assert dataset.pairs is not None and dataset.notes == ()
    assert dataset.pairs["image_b"].iloc[-1] == "Cy/Cy_0002.png"


def test_lfw_notes_other_names(tmp_path: Path) -> None:
    lfw_tree(tmp_path)
    image(tmp_path / "Cy/Ann_Lee_0001.jpg")
    image(tmp_path / "Cy/portrait.jpg")
    notes = read("lfw", tmp_path).notes
    assert len(notes) == 1 and notes[0].startswith("2 images are not named like")


def test_lfw_refuses_the_same_image_twice(tmp_path: Path) -> None:
    image(lfw_tree(tmp_path) / "Cy/Cy_0001.png")
    with pytest.raises(DataError, match=r"Cy_0001\.png: the same image as Cy/Cy_0001\.jpg"):
        read("lfw", tmp_path)


def test_lfw_pair_list_with_one_number_is_one_fold(tmp_path: Path) -> None:
    path = text(tmp_path / "pairsDevTest.txt", "1\nCy 1 2\nBo 1 Cy 2\n")
    assert read_pairs(path) == [(("Cy", 1), ("Cy", 2), 1), (("Bo", 1), ("Cy", 2), 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Cy 1 2\n", "line 1: expected folds"),
        ("2 1\nCy 1 2\nBo 1 Cy 2\n", "2 pairs, but its first line promises 2 x 2 x 1 = 4"),
        ("1 1\nBo 1 Cy 2\nCy 1 2\n", "line 2: expected a mated pair 'name i j', found 'Bo 1 Cy 2'"),
        ("1 1\nCy 1 2\nCy 1 2\n", "line 3: expected a non-mated pair"),
        ("1 1\nCy 1 2\nCy 1 Cy 2\n", "line 3: expected a non-mated pair"),
        ("1 1\nCy 1 x\nBo 1 Cy 2\n", "line 2: image numbers"),
        ("0 1\n", "line 1: expected folds"),
    ],
)
def test_lfw_refuses_pair_list(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pairs(text(tmp_path / "pairs.txt", content))


# --- FERET -----------------------------------------------------------------------------------


def test_feret_names_give_subject_and_session(tmp_path: Path) -> None:
    records = read("feret", feret_tree(tmp_path)).records
    found = {Path(r.path).name: (r.subject, r.session) for r in records.itertuples()}
    assert found == {
        "00001_930831_fa_a.ppm": ("00001", "1993-08-31"),
        "00001_930831_fb.ppm": ("00001", "1993-08-31"),
        "00001_940128_fa.ppm": ("00001", "1994-01-28"),
        "00002_931230_fa.ppm": ("00002", "1993-12-30"),
        "00002_931230_fb.ppm": ("00002", "1993-12-30"),
        "00003_941031_fa.ppm.bz2": ("00003", "1994-10-31"),
    }
    assert not any("thumbnails" in path for path in records["path"])
    assert set(records["split"]) == {""}


def test_feret_poses(tmp_path: Path) -> None:
    feret_tree(tmp_path)
    assert len(read("feret", tmp_path, poses=["pl"]).records) == 1
    for wrong in ("fa", [], ["fx"], ["fa", 1]):
        with pytest.raises(ValueError, match="option poses is"):
            read("feret", tmp_path, poses=wrong)
    with pytest.raises(DataError, match="of the poses qr"):
        read("feret", tmp_path, poses=["qr"])


def test_feret_packed_image_only_where_it_is_alone(tmp_path: Path) -> None:
    feret_tree(tmp_path)
    image(tmp_path / "dvd2/data/images/00003/00003_941031_fa.ppm")
    paths = read("feret", tmp_path).records["path"]
    assert sum("00003" in p for p in paths) == 1 and not any(p.endswith("bz2") for p in paths)


def test_feret_split(tmp_path: Path) -> None:
    feret_tree(tmp_path)

    def gallery(split: str) -> set[str]:
        records = read("feret", tmp_path, split=split).records
        assert set(records["split"]) == {"gallery", "probe"}
        return {Path(p).name[:15] for p in records["path"][records["split"] == "gallery"]}

    last = {"00002_931230_fa", "00003_941031_fa"}
    assert gallery("pose") == {"00001_930831_fa", "00001_940128_fa"} | last
    assert gallery("session") == {"00001_930831_fa", "00001_930831_fb"} | last
    with pytest.raises(ValueError, match="option split is 'day'"):
        read("feret", tmp_path, split="day")


def test_feret_subset_is_of_whole_subjects_with_mates(tmp_path: Path) -> None:
    feret_tree(tmp_path)

    def subjects(images: int) -> list[str]:
        return sorted(read("feret", tmp_path, images=images).records["subject"])

    # SHA-256 puts 00002 (two images) before 00001 (three); 00003 has one and is no use.
    assert subjects(500) == ["00001"] * 3 + ["00002"] * 2
    assert subjects(4) == subjects(2) == ["00002"] * 2, "00001 does not fit beside it"
    for wrong in (1, 2.5, "500", True):
        with pytest.raises(ValueError, match="option images is"):
            read("feret", tmp_path, images=wrong)
    with pytest.raises(DataError, match="raise the option images"):
        read("feret", tmp_path, images=2, poses=["fa", "fb", "pl"])


# --- RAF-DB ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["list_patition_label.txt", "list_partition_label.txt"])
def test_rafdb_labels(tmp_path: Path, name: str) -> None:
    dataset = read("rafdb", rafdb_tree(tmp_path, name))
    assert not dataset.has_subjects
    rows = {r.subject: (r.path, r.expression, r.split) for r in dataset.records.itertuples()}
    aligned = "Image/aligned/{}_aligned.jpg".format
    assert rows == {
        "train_00001": (aligned("train_00001"), "sadness", "train"),
        "train_00002": (aligned("train_00002"), "surprise", "train"),
        "test_0001": (aligned("test_0001"), "neutral", "test"),
        "test_0002": (aligned("test_0002"), "happiness", "test"),
    }
    assert "warning: the data set has no identities: verification is not possible" in (
        validate_dataset("rafdb", tmp_path, {})
    )


def test_rafdb_partition_and_images(tmp_path: Path) -> None:
    rafdb_tree(tmp_path)
    assert set(read("rafdb", tmp_path, partition="test").records["split"]) == {"test"}
    original = read("rafdb", tmp_path, images="original").records["path"]
    assert original.iloc[0] == "Image/original/test_0001.jpg"
    with pytest.raises(ValueError, match="option partition is 'val'; choose one of all, train"):
        read("rafdb", tmp_path, partition="val")


@pytest.mark.parametrize("line", ["train_00001.jpg 8", "train_00001.jpg 0", "x_1.jpg 3"])
def test_rafdb_refuses_lines(tmp_path: Path, line: str) -> None:
    text(tmp_path / "EmoLabel/list_patition_label.txt", f"train_00002.jpg 1\n{line}\n")
    with pytest.raises(DataError, match="line 2: expected a line such as"):
        read("rafdb", tmp_path)


def test_rafdb_partition_without_images(tmp_path: Path) -> None:
    text(tmp_path / "EmoLabel/list_patition_label.txt", "train_00002.jpg 1\n")
    with pytest.raises(DataError, match="partition test: no image is named"):
        read("rafdb", tmp_path, partition="test")


# --- CelebA ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [("", "", ""), ("Anno", "Eval", "Img")])
def test_celeba_identities_and_partition(tmp_path: Path, layout: tuple[str, str, str]) -> None:
    records = read("celeba", celeba_tree(tmp_path, *layout)).records
    assert list(records["subject"]) == ["2880", "2937", "14", "2880"]
    assert list(records["split"]) == ["train", "train", "val", "test"]
    chosen = read("celeba", tmp_path, partition="val").records
    assert list(chosen["subject"]) == ["14"]


def test_celeba_without_partition(tmp_path: Path) -> None:
    (celeba_tree(tmp_path) / "list_eval_partition.txt").unlink()
    assert set(read("celeba", tmp_path).records["split"]) == {""}
    with pytest.raises(DataError, match=r"list_eval_partition\.txt"):
        read("celeba", tmp_path, partition="test")


def test_celeba_excludes_identities(tmp_path: Path) -> None:
    celeba_tree(tmp_path)
    np.save(tmp_path / "ids.npy", np.array([2880, 9999]))
    text(tmp_path / "ids.txt", "2880, 9999\n")
    for name in ("ids.npy", "ids.txt", str(tmp_path / "ids.txt")):
        dataset = read("celeba", tmp_path, exclude_identities=name)
        assert list(dataset.records["subject"]) == ["2937", "14"]
        assert dataset.notes == ("2 images of 2 excluded identities left out",)
        assert tmp_path / name in dataset.sources


def test_celeba_keeps_only_some_identities(tmp_path: Path) -> None:
    celeba_tree(tmp_path)
    text(tmp_path / "ids.txt", "2880 9999\n")
    dataset = read("celeba", tmp_path, only_identities="ids.txt")
    assert set(dataset.records["subject"]) == {"2880"} and dataset.notes == ()
    rest = read("celeba", tmp_path, exclude_identities="ids.txt")
    everything = read("celeba", tmp_path)
    assert len(dataset.records) + len(rest.records) == len(everything.records)


def test_celeba_refuses_exclusion_lists(tmp_path: Path) -> None:
    celeba_tree(tmp_path)
    np.save(tmp_path / "float.npy", np.array([2880.0]))
    text(tmp_path / "words.txt", "Ann\n")
    text(tmp_path / "other.txt", "1 2 3\n")
    text(tmp_path / "broken.npy", "2880")
    for name, message in (
        ("float.npy", "'2880.0' is no identity"),
        ("words.txt", "'Ann' is no identity"),
        ("other.txt", "none of its 3 identities is in the data set"),
        ("broken.npy", "cannot be read as identities"),
        ("gone.txt", "file not found"),
    ):
        with pytest.raises(DataError, match=message):
            read("celeba", tmp_path, exclude_identities=name)


def test_celeba_refuses_unequal_lists(tmp_path: Path) -> None:
    celeba_tree(tmp_path)
    text(tmp_path / "list_eval_partition.txt", "000001.jpg 0\n")
    with pytest.raises(DataError, match=r"no line for 000002\.jpg"):
        read("celeba", tmp_path)
    text(tmp_path / "list_eval_partition.txt", "000001.jpg 3\n")
    with pytest.raises(DataError, match="line 1: partition '3' is none of 0, 1, 2"):
        read("celeba", tmp_path)
    text(tmp_path / "identity_CelebA.txt", "000001.jpg 1\n000002.jpg\n")
    with pytest.raises(DataError, match="line 2: 1 fields instead of 2"):
        read("celeba", tmp_path)


# --- quick checks ----------------------------------------------------------------------------


def test_validate_samples_headers(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    text(tmp_path / "a/2.jpg", "not an image")
    found = validate_dataset("folder", tmp_path, {})
    assert found == [
        "warning: 1 of 4 sampled files are no images of a known format: a/2.jpg"
    ]  # fmt: skip


def test_validate_counts_subjects_with_one_image(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    labels(tmp_path, HEAD + "a/1.jpg,a\na/2.jpg,a\nb/1.jpg,b\nb/2.jpg,c\n")
    (found,) = validate_dataset("folder", tmp_path, {})
    assert found.startswith("warning: 2 of 3 subjects have one image only")
    assert found.endswith(": b, c")


def test_validate_without_any_file(tmp_path: Path) -> None:
    labels(tmp_path, HEAD + "a.jpg,a\nb.jpg,a\n")
    found = validate_dataset("folder", tmp_path, {})
    assert found[0].startswith("error:") and "none of the labelled files" in found[0]
    assert "warning: 2 labelled files are not there: a.jpg, b.jpg" in found


def test_validate_reports_options_and_types(tmp_path: Path) -> None:
    (found,) = validate_dataset("folder", tmp_path, {"lables": "x"})
    assert found.startswith("error: unknown option") and "'labels'" in found
    (found,) = validate_dataset("fodler", tmp_path, {})
    assert "did you mean 'folder'" in found


def test_fingerprint_notices_labels_times_losses_and_options(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    seen = [fingerprint("folder", tmp_path, {})]
    os.utime(tmp_path / "a/1.jpg", (1, 1))
    seen.append(fingerprint("folder", tmp_path, {}))
    os.utime(tmp_path / "labels.csv", (1, 1))
    seen.append(fingerprint("folder", tmp_path, {}))
    seen.append(fingerprint("folder", tmp_path, {"labels": "labels.csv"}))
    (tmp_path / "b/1.jpg").unlink()
    seen.append(fingerprint("folder", tmp_path, {}))
    assert len(set(seen)) == len(seen)


def test_fingerprint_ignores_what_is_not_read(tmp_path: Path) -> None:
    folder_tree(tmp_path)
    before = fingerprint("folder", tmp_path, {})
    image(tmp_path / "unlisted.jpg")
    assert fingerprint("folder", tmp_path, {}) == before
