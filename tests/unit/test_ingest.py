"""Ingest: every labelled image is accounted for, whatever state its file is in."""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import re
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from anonbench import ingest as module
from anonbench.datasets import DataError
from anonbench.decode import own_limits, read_image
from anonbench.ingest import MANIFEST_COLUMNS, PAIR_COLUMNS, ingest_files, pixel_digest
from anonbench.io import ArchiveReader, ArchiveWriter, read_table

LIMITS = {"max_pixels": 50_000_000, "min_side": 24}
MARKED = np.zeros((30, 40, 3), np.uint8)
MARKED[:10, :10] = (255, 0, 0)
"""Black with a red corner at the top left: shows every turn and flip."""


def noise(seed: int, height: int = 30, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + body


def tree(root: Path, files: dict[str, bytes], subjects: dict[str, str] | None = None) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        lines.append(f"{name},{(subjects or {}).get(name, 'x')}\n")
    (root / "labels.csv").write_text("path,subject\n" + "".join(lines), encoding="utf-8")
    return root


class Run:
    """Ingest into a folder, and what came of it."""

    def __init__(self, root: Path, out: Path, **settings) -> None:
        self.out = out
        self.paths = {
            "out_archive": out / "images.tar",
            "out_manifest": out / "manifest.parquet",
            "out_pairs": out / "pairs.parquet",
        }
        arguments = {"dataset_type": "folder", "root": root, "options": {}}
        ingest_files(**{**arguments, **self.paths, **settings})
        self.manifest = read_table(self.paths["out_manifest"]).set_index("image_id", drop=False)

    def status(self) -> dict[str, str]:
        return dict(self.manifest["status"])

    def digests(self) -> list[str]:
        return [hashlib.sha256(p.read_bytes()).hexdigest() for p in self.paths.values()]


def left_in(out: Path) -> list[str]:
    return sorted(p.name for p in out.iterdir()) if out.exists() else []


def decode(tmp_path: Path, data: bytes, name: str = "x.bin", **limits):
    path = tmp_path / name
    path.write_bytes(data)
    with own_limits():
        return read_image(path, **{**LIMITS, **limits})


# --- reading one file: good ones -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_keep_every_pixel_under_any_name(tmp_path: Path, kind: str) -> None:
    read = decode(tmp_path, encoded(MARKED, kind), "wrong.jpg")
    assert read.status == "ok"
    assert read.pixels is not None and read.pixels.dtype == np.uint8
    np.testing.assert_array_equal(read.pixels, MARKED)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "JPEG2000", "AVIF"])
def test_lossy_formats_come_close(tmp_path: Path, kind: str) -> None:
    flat = np.full((64, 48, 3), (200, 120, 40), np.uint8)
    read = decode(tmp_path, encoded(flat, kind))
    assert read.status == "ok" and read.pixels is not None
    assert np.abs(read.pixels.astype(int) - flat).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    # What has to be done to the stored array so that it is upright (EXIF 2.32, tag 0x0112).
    upright: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        read = decode(tmp_path, encoded(MARKED, kind, exif=exif))
        assert read.pixels is not None
        np.testing.assert_array_equal(read.pixels, upright[orientation](MARKED))
    jpeg = decode(tmp_path, encoded(MARKED, "JPEG", exif=exif))
    assert jpeg.pixels is not None and jpeg.pixels.shape == upright[orientation](MARKED).shape
    assert (jpeg.detail == "EXIF orientation applied") == (orientation != 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_cost_the_image(tmp_path: Path) -> None:
    read = decode(tmp_path, encoded(MARKED, "JPEG", exif=b"Exif\0\0II*\0garbage that is no IFD"))
    assert read.status == "ok"


@pytest.mark.parametrize("factor", [256, 257])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path, factor: int) -> None:
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16).repeat(2, 0).repeat(2, 1)
    for kind in ("PNG", "TIFF", "PPM"):
        read = decode(tmp_path, encoded(Image.fromarray(grey * np.uint16(factor)), kind))
        assert read.pixels is not None, read.detail
        np.testing.assert_array_equal(read.pixels, np.stack([grey] * 3, axis=2))
        assert read.detail == "16 bits reduced to 8"


def test_16_bit_colour_is_scaled(tmp_path: Path) -> None:
    colour = noise(1).astype(">u2")
    data = b"P6\n40 30\n65535\n" + (colour * 257).astype(">u2").tobytes()
    read = decode(tmp_path, data)
    assert read.pixels is not None
    np.testing.assert_array_equal(read.pixels, colour.astype(np.uint8))


def test_32_bit_is_refused_with_the_reason(tmp_path: Path) -> None:
    read = decode(tmp_path, encoded(Image.fromarray(np.ones((30, 30), np.float32)), "TIFF"))
    assert (read.status, read.pixels) == ("unreadable", None)
    assert "no defined 8-bit scale" in read.detail


def test_greyscale_and_bilevel(tmp_path: Path) -> None:
    grey = noise(2)[..., 0]
    read = decode(tmp_path, encoded(Image.fromarray(grey)))
    assert read.pixels is not None and read.detail == "converted from L"
    np.testing.assert_array_equal(read.pixels, np.stack([grey] * 3, axis=2))
    read = decode(tmp_path, encoded(Image.fromarray(grey > 99)))
    assert read.pixels is not None
    np.testing.assert_array_equal(read.pixels[..., 1], np.where(grey > 99, 255, 0))


def test_cmyk(tmp_path: Path) -> None:
    ink = np.zeros((30, 30, 4), np.uint8)
    ink[..., 0] = 255  # cyan alone takes the red out
    read = decode(tmp_path, encoded(Image.fromarray(ink, "CMYK"), "TIFF"))
    assert read.pixels is not None and read.detail == "converted from CMYK"
    assert (read.pixels == (0, 255, 255)).all()


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    rgba = np.zeros((30, 30, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:10, :, 3], rgba[10:20, :, 3] = 255, 51  # the rest is hidden
    read = decode(tmp_path, encoded(Image.fromarray(rgba)))
    assert read.pixels is not None and read.detail == "transparency laid over white"
    assert (read.pixels[:10] == (200, 0, 0)).all()
    assert (read.pixels[10:20] == (244, 204, 204)).all()  # 0.2 of the colour, 0.8 of white
    assert (read.pixels[20:] == 255).all()


@pytest.mark.parametrize("transparent", [None, 0])
def test_palette(tmp_path: Path, transparent: int | None) -> None:
    image = Image.fromarray(MARKED).convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    corner, rest = image.getpixel((0, 0)), image.getpixel((39, 29))
    options = {} if transparent is None else {"transparency": rest}
    read = decode(tmp_path, encoded(image, **options))
    assert corner != rest and read.pixels is not None
    assert tuple(read.pixels[0, 0]) == (255, 0, 0)
    assert tuple(read.pixels[29, 39]) == ((0, 0, 0) if transparent is None else (255, 255, 255))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_first_frame_of_several(tmp_path: Path, kind: str) -> None:
    other = Image.fromarray(np.full_like(MARKED, 255))
    options = {"lossless": True} if kind == "WEBP" else {}
    read = decode(tmp_path, encoded(MARKED, kind, save_all=True, append_images=[other], **options))
    assert read.pixels is not None
    np.testing.assert_array_equal(read.pixels, MARKED)
    assert "first of 2 frames used" in read.detail


def test_bz2_is_unpacked(tmp_path: Path) -> None:
    import bz2

    packed = bz2.compress(encoded(MARKED, "PPM"))
    read = decode(tmp_path, packed, "x.ppm.bz2")
    assert read.pixels is not None
    np.testing.assert_array_equal(read.pixels, MARKED)
    assert read.sha256 == hashlib.sha256(packed).hexdigest()
    assert decode(tmp_path, packed[:-40], "x.ppm.bz2").status == "unreadable"
    assert decode(tmp_path, b"no archive", "x.ppm.bz2").status == "unreadable"


# --- reading one file: bad ones --------------------------------------------------------------

GOOD = encoded(noise(0, 200, 200))
FLIPPED = bytearray(GOOD)
FLIPPED[len(GOOD) // 2] ^= 0xFF

BAD = {
    "empty": (b"", "unreadable", "the file is empty"),
    "text": (b"this is no photograph\n" * 50, "unreadable", "no image of a known format"),
    "page": (b"<html>404</html>", "unreadable", "no image of a known format"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "unreadable", "no image of a known format"),
    "truncated png": (GOOD[: len(GOOD) // 2], "unreadable", "damaged"),
    "png without its end": (GOOD[:-12], "unreadable", "damaged"),
    "flipped bit in a png": (bytes(FLIPPED), "unreadable", "damaged"),
    "truncated jpeg": (encoded(noise(0, 200, 200), "JPEG")[:5000], "unreadable", "truncated"),
    "truncated ppm": (encoded(noise(0), "PPM")[:-100], "unreadable", "truncated"),
    "truncated gif": (encoded(noise(0, 200, 200), "GIF")[:9000], "unreadable", "damaged"),
    "truncated webp": (encoded(noise(0, 200, 200), "WEBP")[:2000], "unreadable", ""),
    "header only": (GOOD[:30], "unreadable", ""),
    "bomb": (png_header(30_000, 30_000), "too_large", "30000 x 30000 pixels, more than the limit"),
    "one pixel": (encoded(noise(0, 1, 1)), "too_small", "1 x 1 pixels, a side is shorter than 24"),
    "a strip": (encoded(noise(0, 23, 500)), "too_small", "500 x 23 pixels"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_file_has_a_status_and_a_reason(tmp_path: Path, name: str) -> None:
    data, status, reason = BAD[name]
    read = decode(tmp_path, data, "x.jpg")
    assert (read.status, read.pixels) == (status, None)
    assert reason in read.detail and read.detail
    assert read.sha256 == hashlib.sha256(data).hexdigest()


def test_bomb_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert decode(tmp_path, png_header(30_000, 30_000)).status == "too_large"
    assert decode(tmp_path, png_header(7072, 7072)).status == "too_large"


def test_limit_above_pillows_own(tmp_path: Path) -> None:
    read = decode(tmp_path, png_header(30_000, 30_000), max_pixels=10**9)
    assert read.status == "unreadable"  # let through by the limit, then found to be damaged
    assert read_image(tmp_path / "x.bin", max_pixels=10**9, min_side=24).status == "too_large"


def test_limits_include_their_value(tmp_path: Path) -> None:
    data = encoded(noise(0, 24, 50))
    assert decode(tmp_path, data, max_pixels=1200).status == "ok"
    assert decode(tmp_path, data, max_pixels=1199).status == "too_large"
    assert decode(tmp_path, data, min_side=25).status == "too_small"


def test_leniency_of_others_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    root = tree(tmp_path / "d", {"a.jpg": BAD["truncated jpeg"][0], "b.jpg": GOOD})
    assert Run(root, tmp_path / "out").status() == {"a.jpg": "unreadable", "b.jpg": "ok"}
    assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS) == (True, 5)


def test_things_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    assert read_image(tmp_path / "gone.jpg", **LIMITS).detail == "file not found"
    assert read_image(tmp_path / "dangling", **LIMITS).detail == "file not found"
    assert read_image(tmp_path, **LIMITS).detail == "not a regular file"


def test_unreadable_device_is_a_reason_not_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "a.jpg").write_bytes(GOOD)
    monkeypatch.setattr(Path, "open", refuse)
    read = read_image(tmp_path / "a.jpg", **LIMITS)
    assert (read.status, read.detail) == ("unreadable", "Permission denied")


# --- a whole data set ------------------------------------------------------------------------


def mixed(root: Path) -> Path:
    files = {f"bad/{name.replace(' ', '_')}.jpg": data for name, (data, _, _) in BAD.items()}
    files |= {"good/1.jpg": encoded(noise(1), "JPEG"), "good/2.png": encoded(noise(2))}
    tree(root, files)
    with (root / "labels.csv").open("a", encoding="utf-8") as labels:
        labels.write("gone.jpg,x\n")
    return root


def test_every_labelled_image_is_in_the_manifest(tmp_path: Path) -> None:
    run = Run(mixed(tmp_path / "d"), tmp_path / "out")
    table = run.manifest
    assert tuple(table.columns) == MANIFEST_COLUMNS
    assert len(table) == len(BAD) + 3
    assert list(table["image_id"]) == sorted(table["image_id"])
    expected = {f"bad/{n.replace(' ', '_')}.jpg": status for n, (_, status, _) in BAD.items()}
    expected |= {"good/1.jpg": "ok", "good/2.png": "ok", "gone.jpg": "unreadable"}
    assert run.status() == expected
    assert table.loc["gone.jpg", "detail"] == "file not found"
    bad = table[table["status"] != "ok"]
    assert (bad["detail"] != "").all() and (bad[["width", "height"]] == 0).all(axis=None)
    assert (bad["pixel_sha256"] == "").all()


def test_archive_holds_the_good_images(tmp_path: Path) -> None:
    run = Run(mixed(tmp_path / "d"), tmp_path / "out")
    with ArchiveReader(run.paths["out_archive"]) as archive:
        assert archive.names() == ("good/1.jpg", "good/2.png")
        np.testing.assert_array_equal(archive.read("good/2.png"), noise(2))
        row = run.manifest.loc["good/1.jpg"]
        assert row["pixel_sha256"] == pixel_digest(archive.read("good/1.jpg"))
        assert (row["width"], row["height"]) == (40, 30)
    data = (tmp_path / "d/good/1.jpg").read_bytes()
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    pairs = read_table(run.paths["out_pairs"])
    assert tuple(pairs.columns) == PAIR_COLUMNS and pairs.empty
    assert left_in(run.out) == ["images.tar", "manifest.parquet", "pairs.parquet"]


def test_metadata_stay_behind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRETNAME"
    data = encoded(noise(0), "JPEG", exif=exif, comment=b"SECRETNOTE", icc_profile=b"SECRETICC" * 9)
    assert b"SECRETNAME" in data and b"SECRETNOTE" in data and b"SECRETICC" in data
    run = Run(tree(tmp_path / "d", {"a.jpg": data}), tmp_path / "out")
    assert b"SECRET" not in run.paths["out_archive"].read_bytes()
    with tarfile.open(run.paths["out_archive"]) as tar:
        (entry,) = tar.getmembers()
        with Image.open(tar.extractfile(entry)) as image:
            assert (image.mode, image.format, dict(image.info)) == ("RGB", "PNG", {})
        assert (entry.mtime, entry.uid, entry.gid, entry.uname) == (0, 0, 0, "")


def test_same_bytes_again_shuffled_and_with_any_number_of_threads(tmp_path: Path) -> None:
    root = mixed(tmp_path / "d")
    first = Run(root, tmp_path / "1", workers=1).digests()
    assert Run(root, tmp_path / "1", workers=1).digests() == first
    head, *rows = (root / "labels.csv").read_text(encoding="utf-8").splitlines()
    (root / "labels.csv").write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    assert Run(root, tmp_path / "2", workers=5).digests() == first


def test_a_changed_pixel_changes_the_bytes(tmp_path: Path) -> None:
    root = mixed(tmp_path / "d")
    first = Run(root, tmp_path / "1").digests()
    changed = noise(2)
    changed[0, 0, 0] ^= 1
    (root / "good/2.png").write_bytes(encoded(changed))
    second = Run(root, tmp_path / "2").digests()
    assert second[0] != first[0] and second[1] != first[1] and second[2] == first[2]


SAME = {"b.bmp": encoded(noise(1), "BMP"), "a.png": encoded(noise(1)), "c.png": encoded(noise(3))}


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_same_pixels_in_another_format(tmp_path: Path, duplicates: str) -> None:
    run = Run(tree(tmp_path / "d", SAME), tmp_path / "out", duplicates=duplicates)
    kept = duplicates == "keep"
    assert run.status() == {"a.png": "ok", "b.bmp": "ok" if kept else "duplicate", "c.png": "ok"}
    assert dict(run.manifest["duplicate_of"]) == {"a.png": "", "b.bmp": "a.png", "c.png": ""}
    with ArchiveReader(run.paths["out_archive"]) as archive:
        assert archive.names() == (("a.png", "b.bmp", "c.png") if kept else ("a.png", "c.png"))


def test_same_pixels_under_two_names_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tree(tmp_path / "d", SAME, subjects={"a.png": "Ann", "b.bmp": "Bo"})
    run = Run(root, tmp_path / "out")
    assert run.manifest.loc["b.bmp", "detail"] == "same pixels under subject Ann"
    assert "1 images repeat the pixels of an earlier one, 1 of them under another" in caplog.text


def test_same_bytes_in_another_shape_are_no_duplicate() -> None:
    wide = np.zeros((30, 60, 3), np.uint8)
    assert pixel_digest(wide) != pixel_digest(wide.reshape(60, 30, 3))
    assert pixel_digest(wide) == pixel_digest(wide.copy())


def test_warnings_reach_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tree(tmp_path / "d", {"a.png": GOOD, "b.png": GOOD[:50]}, {"a.png": "Ann"})
    (root / "extra.png").write_bytes(GOOD)
    with caplog.at_level(logging.INFO):
        Run(root, tmp_path / "out")
    assert "2 of 2 subjects have one image only" in caplog.text
    assert "1 images in" in caplog.text and "extra.png" in caplog.text
    assert "2 images verified: 1 ok, 1 unreadable" in caplog.text
    assert "b.png: damaged" in caplog.text


def test_pair_protocol_is_written(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", {f"{n}/{n}_000{i}.jpg": GOOD for n in "AB" for i in (1, 2)})
    (root / "pairs.txt").write_text("1 1\nA 1 2\nA 1 B 3\n", encoding="utf-8")
    run = Run(root, tmp_path / "out", dataset_type="lfw")
    pairs = read_table(run.paths["out_pairs"])
    assert pairs.to_numpy().tolist() == [
        ["A/A_0001.jpg", "A/A_0002.jpg", True, 1],
        ["A/A_0001.jpg", "B/B_0003.jpg", False, 1],
    ]
    assert pairs["mated"].dtype == bool and pairs["fold"].dtype == np.int64
    assert run.status()["B/B_0003.jpg"] == "unreadable"


def test_few_images_are_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{i:03d}.png": encoded(noise(i)) for i in range(60)}
    root = tree(tmp_path / "d", files)
    begun, written, ahead = [], [], []
    real_read, real_add = module.read_image, ArchiveWriter.add_encoded

    def read(path: Path, **limits: int):
        begun.append(path)
        return real_read(path, **limits)

    def add(self: ArchiveWriter, name: str, data: bytes) -> None:
        ahead.append(len(begun) - len(written))
        written.append(name)
        real_add(self, name, data)

    monkeypatch.setattr(module, "read_image", read)
    monkeypatch.setattr(ArchiveWriter, "add_encoded", add)
    Run(root, tmp_path / "out", workers=2)
    assert written == sorted(files)
    assert max(ahead) <= 5


# --- failures leave nothing behind -----------------------------------------------------------


def test_no_readable_image(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", {"a.jpg": b"", "b.jpg": b"text"})
    message = re.escape(str(root)) + r": none of the 2 .* a\.jpg: the file is empty; correct path"
    with pytest.raises(DataError, match=message):
        Run(root, tmp_path / "out")
    assert left_in(tmp_path / "out") == []


def test_bad_labels_write_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", {"a.png": GOOD})
    (root / "labels.csv").write_text("path\na.png\n", encoding="utf-8")
    with pytest.raises(DataError, match="missing column subject"):
        Run(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_setting(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", {"a.png": GOOD})
    with pytest.raises(ValueError, match="duplicates is 'remove'; choose keep or drop"):
        Run(root, tmp_path / "out", duplicates="remove")


FULL = OSError(errno.ENOSPC, "No space left on device")


def _fail(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("target", "name", "output"),
    [
        (ArchiveWriter, "add_encoded", "images.tar"),
        (tarfile.TarFile, "close", "images.tar"),
        (pd.DataFrame, "to_parquet", "manifest.parquet"),
    ],
)
def test_full_disk_names_the_output_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: type, name: str, output: str
) -> None:
    root = mixed(tmp_path / "d")
    monkeypatch.setattr(target, name, _fail(FULL))
    with pytest.raises(OSError, match="No space left") as caught:
        Run(root, tmp_path / "out")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "out" / output)
    assert left_in(tmp_path / "out") == []


def test_failure_keeps_the_results_of_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = mixed(tmp_path / "d")
    before = Run(root, tmp_path / "out")
    kept = before.digests()
    (root / "good/2.png").write_bytes(encoded(noise(9)))
    monkeypatch.setattr(pd.DataFrame, "to_parquet", _fail(FULL))
    with pytest.raises(OSError, match="No space left"):
        Run(root, tmp_path / "out")
    assert before.digests() == kept
    assert left_in(tmp_path / "out") == ["images.tar", "manifest.parquet", "pairs.parquet"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), SystemExit(1)])
def test_interruption_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    root = tree(tmp_path / "d", {f"{i}.png": encoded(noise(i)) for i in range(9)})
    real, calls = ArchiveWriter.add_encoded, []

    def add(self: ArchiveWriter, name: str, data: bytes) -> None:
        calls.append(name)
        if len(calls) == 4:
            raise error
        real(self, name, data)

    monkeypatch.setattr(ArchiveWriter, "add_encoded", add)
    with pytest.raises(type(error)):
        Run(root, tmp_path / "out")
    assert left_in(tmp_path / "out") == []


def test_memory_shortage_while_decoding_is_not_called_a_bad_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "d", {"a.png": GOOD})
    monkeypatch.setattr(ImageFile.ImageFile, "load", _fail(MemoryError()))
    with pytest.raises(MemoryError):
        Run(root, tmp_path / "out")
    assert left_in(tmp_path / "out") == []


def test_output_folder_cannot_be_made(tmp_path: Path) -> None:
    root = tree(tmp_path / "d", {"a.png": GOOD})
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match="cannot write") as caught:
        Run(root, tmp_path / "out" / "deeper")
    assert caught.value.filename == str(tmp_path / "out" / "deeper" / "images.tar")
