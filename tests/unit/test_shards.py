"""Shards: images in tar archives that agree with their labels, read in place."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbench import datasets
from anonbench.dataset_checks import fingerprint, validate_dataset
from anonbench.datasets import DataError, Dataset
from anonbench.ingest import ingest_files, pixel_digest
from anonbench.io import ArchiveReader, encode_png, read_table
from anonbench.protocols import partition

HEAD = "path,subject,shard,session,expression\n"


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)


PNG = [encode_png(pixels(i)) for i in range(6)]


def jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels(seed)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def pack(
    path: Path, members: Sequence[tuple[str, bytes]], kind: int = tarfile.USTAR_FORMAT
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=kind) as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def small(root: Path) -> Path:
    """Two subjects in two shards: happy and neutral images of two sessions."""
    pack(root / "x-0.tar", [("a_1.jpg", jpeg(0)), ("a_2.png", PNG[1]), ("a_3.png", PNG[2])])
    pack(root / "x-1.tar", [("b_1.png", PNG[3]), ("b_2.png", PNG[4])])
    (root / "labels.csv").write_text(
        HEAD + "a_1.jpg,a,x-0.tar,1,happiness\na_2.png,a,x-0.tar,10,neutral\n"
        "a_3.png,a,x-0.tar,9,neutral\nb_1.png,b,x-1.tar,1,neutral\nb_2.png,b,x-1.tar,2,anger\n",
        encoding="utf-8",
    )
    return root


def relabel(root: Path, old: str, new: str) -> None:
    labels = root / "labels.csv"
    text = labels.read_text(encoding="utf-8")
    assert old in text
    labels.write_text(text.replace(old, new), encoding="utf-8")


def read(root: Path, **options: object) -> Dataset:
    return datasets.get("shards").records(root, options)


def ingest(root: Path, out: Path, **options: str) -> Path:
    ingest_files(
        dataset_type="shards", root=root, options=options, out_archive=out / "images.tar",
        out_manifest=out / "manifest.parquet", out_pairs=out / "pairs.parquet",
    )  # fmt: skip
    return out


def refused(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(root)
    assert validate_dataset("shards", root, {}) == [f"error: {caught.value}"]
    return str(caught.value)


# --- what is read ----------------------------------------------------------------------------


def test_places_hold_the_very_bytes(tmp_path: Path) -> None:
    dataset = read(small(tmp_path))
    assert list(dataset.places) == list(dataset.records["path"])
    assert dataset.places["a_1.jpg"].read() == jpeg(0)
    assert dataset.places["b_2.png"].read() == PNG[4]
    assert [p.name for p in dataset.sources] == ["labels.csv", "x-0.tar", "x-1.tar"]
    assert dataset.has_subjects and dataset.notes == ()


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_dialect_of_tar_and_long_names(tmp_path: Path, kind: int) -> None:
    name = "deep/" + "x" * 90 + ".png"
    pack(tmp_path / "x.tar", [("./first.png", PNG[0]), (name, PNG[1])], kind)
    (tmp_path / "labels.csv").write_text(
        f"path,subject,shard\nfirst.png,a,x.tar\n{name},a,x.tar\n", encoding="utf-8"
    )
    dataset = read(tmp_path)
    assert {n: p.read() for n, p in dataset.places.items()} == {"first.png": PNG[0], name: PNG[1]}


def test_ancestry_is_the_ethnicity_and_other_attributes_are_no_mistake(tmp_path: Path) -> None:
    pack(tmp_path / "x.tar", [("a.png", PNG[0])])
    (tmp_path / "labels.csv").write_text(
        "path,subject,shard,gender,age,ancestry,skin_tone,left_eye_x,sesion\n"
        "a.png,a,x.tar,female,31,asian,2.5,100.5,1\n", encoding="utf-8",
    )  # fmt: skip
    dataset = read(tmp_path)
    row = dataset.records.iloc[0]
    assert (row["gender"], row["age"], row["ethnicity"]) == ("female", "31", "asian")
    assert dataset.notes == ("labels.csv: column 'sesion' is not used; did you mean session?",)


def test_neutral_split_enrols_the_first_neutral_image(tmp_path: Path) -> None:
    """Sessions are numbers where all are: 9 comes before 10."""
    records = read(small(tmp_path), split="neutral").records
    assert dict(zip(records["image_id"], records["split"], strict=True)) == {
        "a_1.jpg": "probe", "a_2.png": "probe", "a_3.png": "gallery",
        "b_1.png": "gallery", "b_2.png": "probe",
    }  # fmt: skip
    sides = partition(records.assign(status="ok"), "split")
    assert sides.image_ids[sides.gallery].tolist() == ["a_3.png", "b_1.png"]
    assert set(read(tmp_path).records["split"]) == {""}


def test_neutral_split_needs_a_neutral_image_of_everybody(tmp_path: Path) -> None:
    relabel(small(tmp_path), "b_1.png,b,x-1.tar,1,neutral", "b_1.png,b,x-1.tar,1,fear")
    with pytest.raises(DataError, match="1 subjects have no neutral image to enrol: b"):
        read(tmp_path, split="neutral")
    with pytest.raises(ValueError, match="choose one of labels, neutral"):
        read(tmp_path, split="first")


def test_ingest_gives_what_loose_files_give(tmp_path: Path) -> None:
    """The same images as shards and as files end in the same archive and manifest."""
    root = small(tmp_path / "shards")
    loose = tmp_path / "loose"
    loose.mkdir()
    for name, place in read(root).places.items():
        (loose / name).write_bytes(place.read())
    (loose / "labels.csv").write_bytes((root / "labels.csv").read_bytes())
    ingest(root, tmp_path / "1")
    ingest_files(
        dataset_type="folder", root=loose, options={}, out_archive=tmp_path / "2/images.tar",
        out_manifest=tmp_path / "2/manifest.parquet", out_pairs=tmp_path / "2/pairs.parquet",
    )  # fmt: skip
    for name in ("images.tar", "manifest.parquet", "pairs.parquet"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    manifest = read_table(tmp_path / "1/manifest.parquet").set_index("image_id")
    assert manifest.loc["a_2.png", "pixel_sha256"] == pixel_digest(pixels(1))
    with ArchiveReader(tmp_path / "1/images.tar") as archive:
        np.testing.assert_array_equal(archive.read("b_2.png"), pixels(4))


def test_bad_images_in_a_good_archive_are_counted(tmp_path: Path) -> None:
    half = PNG[1][: len(PNG[1]) // 2]
    pack(tmp_path / "x.tar", [("a.png", PNG[0]), ("b.png", b""), ("c.png", half), ("d.png", b"x")])
    (tmp_path / "labels.csv").write_text(
        "path,subject,shard\n" + "".join(f"{n}.png,s,x.tar\n" for n in "abcd"), encoding="utf-8"
    )
    assert " ".join(validate_dataset("shards", tmp_path, {})).count("warning: ") == 2
    manifest = read_table(ingest(tmp_path, tmp_path / "out") / "manifest.parquet")
    assert list(manifest["status"]) == ["ok", "unreadable", "unreadable", "unreadable"]
    assert manifest["detail"].iloc[1] == "the file is empty"
    assert "damaged" in manifest["detail"].iloc[2]


def test_fingerprint_sees_shards_and_labels(tmp_path: Path) -> None:
    seen = {fingerprint("shards", small(tmp_path), {})}
    relabel(tmp_path, "anger", "fear")
    seen.add(fingerprint("shards", tmp_path, {}))
    pack(tmp_path / "x-1.tar", [("b_1.png", PNG[3]), ("b_2.png", PNG[5] + b"longer")])
    seen.add(fingerprint("shards", tmp_path, {}))
    assert len(seen) == 3


def test_linked_shard_is_allowed(tmp_path: Path) -> None:
    """DVC may link into its cache."""
    root = small(tmp_path / "d")
    (root / "x-0.tar").rename(tmp_path / "cache")
    (root / "x-0.tar").symlink_to(tmp_path / "cache")
    assert read(root).places["a_2.png"].read() == PNG[1]


# --- what is refused -------------------------------------------------------------------------


def test_missing_shard(tmp_path: Path) -> None:
    (small(tmp_path) / "x-1.tar").unlink()
    message = refused(tmp_path)
    assert "x-1.tar: shard not found" in message
    assert "labels.csv, line 5 names it, and 2 images are in it" in message


def test_shard_without_labels(tmp_path: Path) -> None:
    pack(small(tmp_path) / "x-2.tar", [("c.png", PNG[5])])
    assert "x-2.tar: no row of labels.csv names this shard" in refused(tmp_path)


def test_label_without_image(tmp_path: Path) -> None:
    relabel(small(tmp_path), "b_2.png", "b_3.png")
    pack(tmp_path / "x-1.tar", [("b_1.png", PNG[3])])
    message = refused(tmp_path)
    assert "labels.csv, line 6: b_3.png not in x-1.tar, which lacks 1 of 2" in message


def test_image_without_label(tmp_path: Path) -> None:
    relabel(small(tmp_path), "b_2.png,b,x-1.tar,2,anger\n", "")
    message = refused(tmp_path)
    assert "x-1.tar: 1 images have no row for this shard in labels.csv: b_2.png" in message


def test_image_in_another_shard_than_labelled(tmp_path: Path) -> None:
    relabel(small(tmp_path), "b_2.png,b,x-1.tar", "b_2.png,b,x-0.tar")
    assert "x-0.tar" in refused(tmp_path) and "b_2.png" in refused(tmp_path)


def test_member_twice(tmp_path: Path) -> None:
    members = [("b_1.png", PNG[3]), ("b_2.png", PNG[4]), ("./b_1.png", PNG[5])]
    pack(small(tmp_path) / "x-1.tar", members)
    assert "x-1.tar: b_1.png is in it twice" in refused(tmp_path)


def test_image_labelled_twice(tmp_path: Path) -> None:
    relabel(small(tmp_path), "b_2.png", "b_1.png")
    assert "line 6: b_1.png is named again" in refused(tmp_path)


def test_archive_cut_anywhere(tmp_path: Path) -> None:
    """Each cut at a block and one byte into it, also where only the end mark is lost."""
    shard = small(tmp_path) / "x-1.tar"
    whole = shard.read_bytes()
    end = len(whole.rstrip(b"\0"))
    for cut in sorted({*range(0, end + 1024, 512), *range(1, end + 512, 512)}):
        shard.write_bytes(whole[:cut])
        message = refused(tmp_path)
        assert "x-1.tar: truncated" in message and "fetch it again" in message, (cut, message)


@pytest.mark.parametrize("place", [0, 100, 150, 512 + 0])
def test_damaged_header(tmp_path: Path, place: int) -> None:
    """A wrong checksum in a later header ends the list of members for tarfile without a word."""
    shard = small(tmp_path) / "x-1.tar"
    data = bytearray(shard.read_bytes())
    second = 512 + -(-len(PNG[3]) // 512) * 512
    data[second + place] ^= 0x55
    shard.write_bytes(data)
    if place < 512:
        assert "x-1.tar: truncated or damaged after 1 members" in refused(tmp_path)
    else:
        assert read(tmp_path).places["b_2.png"].read() != PNG[4]  # the pixels are the ingest's


@pytest.mark.parametrize("content", [b"no archive at all" * 100, b"\x1f\x8b" + bytes(2000)])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    (small(tmp_path) / "x-0.tar").write_bytes(content)
    assert "x-0.tar: truncated, damaged, or no uncompressed tar archive" in refused(tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_no_images(tmp_path: Path, kind: bytes) -> None:
    small(tmp_path)
    with tarfile.open(tmp_path / "x-1.tar", "w") as tar:
        entry = tarfile.TarInfo("b_1.png")
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)
    assert "x-1.tar: b_1.png is a link or device" in refused(tmp_path)


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png"])
def test_nothing_leaves_the_folder(tmp_path: Path, name: str) -> None:
    root = small(tmp_path / "data" / "set")
    pack(root / "x-1.tar", [("b_1.png", PNG[3]), ("b_2.png", PNG[4]), (name, PNG[5])])
    assert "x-1.tar: 1 images have no row" in refused(root)
    relabel(root, "b_2.png", name)
    pack(root / "x-1.tar", [("b_1.png", PNG[3]), (name, PNG[5])])
    assert "leaves the data set folder" in refused(root)
    assert [p.name for p in tmp_path.rglob("evil.png")] == []


@pytest.mark.parametrize(
    "shard", ["", "../x-1.tar", "/x-1.tar", "sub/x-1.tar", "..", ".x.tar", "x-1.tar.gz", "x\\1.tar"]
)
def test_shard_must_lie_beside_the_labels(tmp_path: Path, shard: str) -> None:
    relabel(small(tmp_path), "b_1.png,b,x-1.tar", f"b_1.png,b,{shard}")
    assert f"line 5: the shard {shard!r} is not the name of a .tar file" in refused(tmp_path)


def test_column_shard_is_required(tmp_path: Path) -> None:
    relabel(small(tmp_path), "path,subject,shard", "path,subject,archive")
    assert "missing column shard" in refused(tmp_path)


def test_only_some_expressions(tmp_path: Path) -> None:
    records = read(small(tmp_path), expressions=["neutral"], split="neutral").records
    assert records["image_id"].tolist() == ["a_2.png", "a_3.png", "b_1.png"]
    assert records["split"].tolist() == ["probe", "gallery", "gallery"]
    with pytest.raises(DataError, match="no image shows 'neutrl'"):
        read(small(tmp_path), expressions=["neutrl"])
    for wrong in ("neutral", [], [1]):
        with pytest.raises(ValueError, match="must be a list"):
            read(small(tmp_path), expressions=wrong)
