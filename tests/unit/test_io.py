"""Files between stages: same bytes, all or nothing, and what was written comes back."""

from __future__ import annotations

import errno
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.io import (
    METRIC_COLUMNS,
    ArchiveReader,
    ArchiveWriter,
    Embeddings,
    atomic,
    decode_png,
    encode_png,
    member,
    read_embeddings,
    read_table,
    rows,
    write_embeddings,
    write_json,
    write_table,
)

NAMES = ("5/00/1.png", "none/ä/2.jpg", f"0.5/{'long' * 40}/3")


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (9 + k, 7, 3)).astype(np.uint8) for k in range(len(NAMES))]


def write_archive(path: Path) -> Path:
    with ArchiveWriter(path) as out:
        for name, picture in zip(NAMES, pictures(), strict=True):
            out.add(name, picture)
    return path


def embeddings() -> Embeddings:
    values = np.arange(12, dtype=np.float32).reshape(2, 1, 2, 3)
    values[1, 0, 1] = np.nan
    status = np.array([[["ok", "ok"]], [["ok", "no_face"]]])
    return Embeddings(("a", "ö"), ("5", "none"), ("detected",), values, status)


def metric_rows() -> pd.DataFrame:
    base = dict.fromkeys(METRIC_COLUMNS, "")
    found = [
        {**base, "strength": "none", "value": 0.0, "low": float("nan"), "n": 5.0},
        {**base, "strength": "005", "value": float("nan"), "low": 0.25, "n": 0.0,
         "note": 'too few, "only" 3'},
        {**base, "strength": "NA", "dataset": "null", "value": float("inf"), "low": 1e-9},
    ]  # fmt: skip
    table = pd.DataFrame(found, columns=list(METRIC_COLUMNS))
    return table.assign(**{c: pd.to_numeric(table[c]) for c in ("value", "low", "high", "n")})


WRITERS: dict[str, Any] = {
    "a.tar": write_archive,
    "a.npz": lambda path: write_embeddings(embeddings(), path),
    "a.csv": lambda path: write_table(metric_rows(), path),
    "a.parquet": lambda path: write_table(metric_rows(), path),
    "a.json": lambda path: write_json({"b": 1, "a": [0.1, float("nan")]}, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_same_content_gives_the_same_bytes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[name](tmp_path / "one" / name)
    monkeypatch.setattr("time.time", lambda: 4e9)  # a file made in another year
    WRITERS[name](tmp_path / "two" / name)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert [p.name for p in (tmp_path / "one").iterdir()] == [name]


class FullDisk(io.FileIO):
    """A file on a disk that takes so many bytes and no more."""

    room = 0

    def write(self, data: Any) -> int:
        if FullDisk.room < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        FullDisk.room -= len(data)
        return super().write(data) or 0


def full_size() -> int:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, picture in zip(NAMES, pictures(), strict=True):
            entry = tarfile.TarInfo(f"{name}.png")
            entry.size = len(encode_png(picture))
            tar.addfile(entry, io.BytesIO(encode_png(picture)))
    return len(buffer.getvalue())


@pytest.mark.parametrize("room", [0, 600, "all but the end"])
@pytest.mark.parametrize("old", [None, b"the old file"])
def test_full_disk_leaves_no_archive_and_keeps_the_old_one(
    room: int | str, old: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "images.tar"
    if old is not None:
        path.write_bytes(old)
    # The last blocks of zeros are written when the archive is closed.
    FullDisk.room = room if isinstance(room, int) else full_size() - 10
    monkeypatch.setattr(tarfile, "bltn_open", lambda p, mode: FullDisk(p, mode))
    with pytest.raises(OSError, match="No space left"):
        write_archive(path)
    assert [p.name for p in tmp_path.iterdir()] == ([] if old is None else [path.name])
    assert old is None or path.read_bytes() == old


@pytest.mark.parametrize("name", [n for n in WRITERS if n != "a.tar"])
@pytest.mark.parametrize("old", [None, b"the old file"])
def test_full_disk_leaves_no_file_and_keeps_the_old_one(
    name: str, old: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if old is not None:
        path.write_bytes(old)

    def fail(*args: Any, **kwargs: Any) -> None:
        for value in args:  # part of the file is there when the disk is full
            if isinstance(value, Path):
                value.write_bytes(b"half a fi")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[name](path)
    assert [p.name for p in tmp_path.iterdir()] == ([] if old is None else [path.name])
    assert old is None or path.read_bytes() == old


def test_atomic_is_not_visible_before_its_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with atomic(path) as partial:
        partial.write_text("x")
        assert not path.exists() and partial.parent == path.parent
    assert path.read_text() == "x"


def test_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ArchiveWriter(tmp_path / "a.tar") as out:
        out.add("x", pictures()[0])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_archive_gives_images_back_by_name(tmp_path: Path) -> None:
    with ArchiveReader(write_archive(tmp_path / "a.tar")) as images:
        assert images.names() == NAMES and len(images) == 3
        for name, picture in reversed(list(zip(NAMES, pictures(), strict=True))):
            assert name in images
            np.testing.assert_array_equal(images.read(name), picture)
        assert "5/00/1" not in images
        with pytest.raises(KeyError):
            images.read("5/00/1")
    assert member("0.5", "00/1.png") == "0.5/00/1.png"


def test_archive_says_nothing_of_machine_or_time(tmp_path: Path) -> None:
    with tarfile.open(write_archive(tmp_path / "a.tar")) as tar:
        for entry in tar:
            assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) == (
                0,
                0,
                0,
                "",
                "",
            )
            assert entry.name.endswith(".png") and entry.mode == 0o644


def test_png_keeps_colours_and_names_what_is_broken() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[..., 0] = 200  # red stays red
    assert decode_png(encode_png(pixels))[0, 0].tolist() == [200, 0, 0]
    with pytest.raises(ValueError, match=r"x\.tar: y: not a readable PNG"):
        decode_png(b"no image", "x.tar: y")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_keep_none_zeros_empty_text_and_nan_apart(suffix: str, tmp_path: Path) -> None:
    table = metric_rows()
    write_table(table, tmp_path / f"a.{suffix}")
    read = read_table(tmp_path / f"a.{suffix}")
    assert read["strength"].tolist() == ["none", "005", "NA"]
    assert read["dataset"].tolist() == ["", "", "null"]
    assert read["note"].tolist() == ["", 'too few, "only" 3', ""]
    for column in ("value", "low", "high", "n"):
        np.testing.assert_array_equal(read[column].astype(float), table[column].astype(float))
    assert read["value"].isna().tolist() == [False, True, False], "0 is not missing"


def test_csv_ends_lines_alike_everywhere_and_keeps_nine_digits(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"value": [1 / 3], "note": ["a\nb"]}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b'value,note\n0.333333333,"a\nb"\n'
    assert read_table(tmp_path / "a.csv")["note"].tolist() == ["a\nb"]


def test_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    write_table(metric_rows().iloc[:0], tmp_path / "a.csv")
    read = read_table(tmp_path / "a.csv")
    assert tuple(read.columns) == METRIC_COLUMNS and read.empty


def test_rows_are_named_tuples_in_order() -> None:
    assert [r.strength for r in rows(metric_rows())] == ["none", "005", "NA"]


def test_embeddings_come_back_and_hold_no_pickle(tmp_path: Path) -> None:
    write_embeddings(embeddings(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        assert all(data[k].dtype != object for k in data.files)
    read = read_embeddings(tmp_path / "a.npz")
    assert (read.image_ids, read.strengths, read.policies) == (
        ("a", "ö"),
        ("5", "none"),
        ("detected",),
    )
    np.testing.assert_array_equal(read.embeddings, embeddings().embeddings)
    assert read.embeddings.dtype == np.float32
    np.testing.assert_array_equal(read.status, embeddings().status)


def test_pickled_embeddings_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image_ids=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_embeddings(tmp_path / "a.npz")


def test_json_never_holds_nan_and_sorts_keys(tmp_path: Path) -> None:
    content = {
        "b": float("nan"), "a": (np.float32("inf"), np.int64(3), np.bool_(True), [float("-inf")]),
        2: np.float64(0.5),
    }  # fmt: skip
    write_json(content, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert "NaN" not in text and "Infinity" not in text and text.endswith("\n")
    expected = {"2": 0.5, "a": [None, 3, True, [None]], "b": None}
    assert json.loads(text) == expected
    assert list(json.loads(text)) == ["2", "a", "b"]


def test_json_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json({"a": {1, 2}}, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []
