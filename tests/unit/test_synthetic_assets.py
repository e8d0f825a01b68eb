"""MakeHuman's formats by hand, the check of what is there, and proxies on morphed bodies."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from anonbench.synthetic import assets
from anonbench.synthetic.assets import AssetError, Assets, fit, load, manifest
from anonbench.synthetic.formats import parse_head_weight, parse_obj, parse_proxy, parse_target

BASE = b"""# a comment
o thing
v 0 0 0
v 2 0 0
v 2 1 0
v 0 1 0
v 1 1.5 -.25
vt 0 0
vt 1 0
vt 1 1
vt 0 1
vt 0.5 0.75
g body
s 1
f 1/1 2/2 3/3 4/4
g helper l eye
usemtl skin
f 4/4 3/3 5/5
"""
PROXY = b"""# MakeHuman\xe2\x84\xa2
name Lash
x_scale 0 1 2.0
z_scale 0 4 0.25
y_scale 0 3 1.0
z_depth 5
verts 0
material lash.mhmat
4
0 1 2 0.5 0.25 0.25 0.1 0.2 -0.3

delete_verts
14 - 20 5
"""
LASH = b"v 1 1.5 -.25\nv 1.1 .45 -.3\n"
WEIGHTS = {
    "jaw": [[0, 0.25], [1, 0.5]],
    "head": [[0, 0.5], [2, 0.9]],
    "tongue05.L": [[2, 0.2]],
    "neck01": [[3, 0.8]],
    "neck03": [[3, 0.4], [1, 0.2]],
    "spine01": [[4, 1.0], [0, 1.0]],
    "breast.L": [],
}


@cache
def jpeg(at: tuple[int, int]) -> bytes:
    grey = np.zeros((2048, 2048), np.uint8)
    grey[at[0] - 16 : at[0] + 16, at[1] - 16 : at[1] + 16] = 255
    return bytes(cv2.imencode(".jpg", grey)[1])


def tiny() -> dict[str, bytes]:
    """All kinds of files, the smallest that can be loaded."""
    files = {
        assets.BASE: BASE,
        assets.WEIGHTS: json.dumps({"weights": WEIGHTS}).encode(),
        assets.TARGETS + "head/head-fat-incr.target": b"# c\n0 .5 0 -1\n4 0 1e-3 0\n",
        assets.TARGETS + "expression/units/asian/mouth-open.target": b"# only comments\n",
        **{stem + ".obj": LASH for stem in assets.PROXIES.values()},
        **{stem + ".mhclo": PROXY for stem in assets.PROXIES.values()},
        **{f: jpeg((200 + 300 * k, 700)) for k, f in enumerate(assets.MASKS.values())},
    }
    return dict(sorted(files.items()))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = tiny()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(assets, "manifest", lambda: digests)
    for name, content in files.items():
        file = tmp_path / "makehuman" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "makehuman" / "LICENSE.md").write_text("CC0")
    return tmp_path / "makehuman"


def archive(folder: Path, name: str, prefix: str = "") -> Path:
    path = folder.parent / name
    suffix = path.suffix[1:]
    with tarfile.open(path, "w:" + (suffix if suffix != "tar" else "")) as tar:
        for file in sorted(folder.rglob("*")):
            tar.add(file, prefix + str(file.relative_to(folder)), recursive=False)
    return path


def same(one: Assets, other: Assets) -> bool:
    arrays = []
    for a in (one, other):
        meshes = [a.base, *(p.mesh for p in a.proxies.values())]
        arrays.append([
            *(x for m in meshes for x in (m.vertices, m.faces, m.uv, m.uv_faces, m.groups)),
            *(x for t in a.targets.values() for x in (t.index, t.offset)),
            *(x for p in a.proxies.values() for x in (p.index, p.weight, p.offset)),
            a.head_weight, *a.masks.values(),
        ])  # fmt: skip
    names = [[*a.targets, *a.proxies, *a.masks] for a in (one, other)]
    return names[0] == names[1] and all(
        np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(*arrays, strict=True)
    )


# --- Formats ---


def test_obj_by_hand() -> None:
    mesh = parse_obj(BASE, "base")
    assert mesh.vertices.dtype == np.float64 and mesh.faces.dtype == np.int32
    assert mesh.vertices[4].tolist() == [1, 1.5, -0.25]
    assert mesh.faces.tolist() == [[0, 1, 2, 3], [3, 2, 4, 4]]
    assert mesh.uv_faces.tolist() == [[0, 1, 2, 3], [3, 2, 4, 4]]
    assert mesh.uv[4].tolist() == [0.5, 0.75]
    assert mesh.groups.tolist() == ["body", "helper l eye"]


@pytest.mark.parametrize("corner", [b"%d", b"%d//1", b"%d/"])
def test_obj_without_texture(corner: bytes) -> None:
    face = b" ".join(corner % k for k in (1, 2, 3))
    mesh = parse_obj(b"v 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf " + face + b"\r\n", "m")
    assert mesh.faces.tolist() == [[0, 1, 2, 2]]
    assert mesh.uv.tolist() == [[0, 0]] and mesh.uv_faces.tolist() == [[0, 0, 0, 0]]
    assert mesh.groups.tolist() == [""]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"3/3 5/5", b"3/3 6/5", "vertex outside 0..4"),
        (b"3/3 5/5", b"3/3 5/6", "outside 0..4"),
        (b"3/3 5/5", b"3/3 5", "outside 0..4"),
        (b"3/3 5/5", b"3/3 -1/-1", "outside 0..4"),
        (b"3/3 5/5", b"3/3", "other than 3 or 4 corners"),
        (b"3/3 5/5", b"3/3 5/5 1/1 2/2", "other than 3 or 4 corners"),
        (b"3/3 5/5", b"3/3 x/5", "thing.obj: invalid literal"),
        (b"v 2 1 0", b"v 2 1", "2 numbers where 3 are due"),
        (b"v 2 1 0", b"v 2 one 0", "could not convert"),
        (b"v 2 1 0", b"v 2 nan 0", "not finite"),
    ],
)
def test_wrong_obj_says_what_is_wrong(old: bytes, new: bytes, message: str) -> None:
    assert old in BASE
    with pytest.raises(AssetError, match=re.escape(message)):
        parse_obj(BASE.replace(old, new), "thing.obj")


def test_target_by_hand() -> None:
    target = parse_target(b"# made by\n# \n161 .003 0 -.018\r\n4 1e-1 -2 3\n\n", "t", 200)
    assert target.index.dtype == np.int32 and target.index.tolist() == [161, 4]
    assert target.offset.tolist() == [[0.003, 0, -0.018], [0.1, -2, 3]]


def test_target_of_comments_only_moves_nothing() -> None:
    target = parse_target(b"# nothing\n", "t", 5)
    assert target.index.shape == (0,) and target.offset.shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"0 1 2\n", "3 numbers where 4 are due"),
        (
            b"0 1 2\n1 1 2 3 4\n3 1 2 3\n",
            "3 numbers where 4 are due",
        ),  # as many numbers as there should be
        (b"5 0 0 1\n", "outside 0..4"),
        (b"-1 0 0 1\n", "outside 0..4"),
        (b"1.5 0 0 1\n", "whole numbers"),
        (b"1 0 0 1\n1 0 0 2\n", "each once"),
        (b"1 0 x 1\n", "could not convert"),
        (b"1 0 inf 1\n", "not finite"),
    ],
)
def test_wrong_target_says_what_is_wrong(text: bytes, message: str) -> None:
    with pytest.raises(AssetError, match=re.escape(message)):
        parse_target(text, "t", 5)


def test_proxy_by_hand() -> None:
    mesh = parse_obj(LASH, "lash")
    proxy = parse_proxy(PROXY, "lash", mesh, 5)
    assert proxy.index.tolist() == [[4, 4, 4], [0, 1, 2]]
    assert proxy.weight.tolist() == [[1, 0, 0], [0.5, 0.25, 0.25]]
    assert proxy.offset.tolist() == [[0, 0, 0], [0.1, 0.2, -0.3]]
    assert proxy.scale == ((0, 1, 2.0), (0, 3, 1.0), (0, 4, 0.25))  # x, y, z, not as in the file
    assert proxy.mesh is mesh


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"\n4\n", b"\n", "1 vertices, its mesh has 2"),
        (b"\n4\n", b"\n4 1\n", "2 numbers where 9 are due"),
        (b"\n4\n", b"\n5\n", "outside 0..4"),
        (b"\n4\n", b"\n1.5\n", "whole numbers"),
        (b"y_scale 0 3 1.0", b"", "some axes only"),
        (b"y_scale 0 3 1.0", b"y_scale 0 3 0", "above 0"),
        (b"y_scale 0 3 1.0", b"y_scale 0 5 1", "outside 0..4"),
        (b"y_scale 0 3 1.0", b"y_scale 0 3", "two vertices and a length"),
    ],
)
def test_wrong_proxy_says_what_is_wrong(old: bytes, new: bytes, message: str) -> None:
    assert old in PROXY
    with pytest.raises(AssetError, match=re.escape(message)):
        parse_proxy(PROXY.replace(old, new), "lash", parse_obj(LASH, "lash"), 5)


def test_head_weight_by_hand() -> None:
    weight = parse_head_weight(json.dumps({"weights": WEIGHTS}).encode(), "w", 5)
    # 0: jaw and head. 1: jaw and a neck bone. 2: 1.1 is clipped. 3: two neck bones. 4: spine.
    assert weight == pytest.approx([0.75, 0.5 + 0.75 * 0.2, 1, 0.25 * 0.8 + 0.75 * 0.4, 0])


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"weights": 3}', b'{"weights": {"head": [[5, 1]]}}',
             b'{"weights": {"head": 3}}', b'{"weights": {"head": [[1, 2, 3]]}}',
             b'{"weights": {"head": [["a", "b"]]}}', b"\xff"],
)  # fmt: skip
def test_wrong_weights_are_an_asset_error(text: bytes) -> None:
    with pytest.raises(AssetError, match=r"^w: "):
        parse_head_weight(text, "w", 5)


# --- Fit ---


def test_fit_by_hand() -> None:
    base = parse_obj(BASE, "base")
    proxy = parse_proxy(PROXY, "lash", parse_obj(LASH, "lash"), 5)
    placed = fit(proxy, base.vertices)
    # .5 (0,0,0) + .25 (2,0,0) + .25 (2,1,0) + (.1,.2,-.3), all scales 1
    assert placed == pytest.approx(np.array([[1, 1.5, -0.25], [1.1, 0.45, -0.3]]), abs=1e-15)


@pytest.mark.parametrize("size", [(2, 2, 2), (0.5, 3, 1.25), (-1, 1, 1)])
def test_fit_grows_with_the_body(size: tuple[float, float, float]) -> None:
    base = parse_obj(BASE, "base")
    proxy = parse_proxy(PROXY, "lash", parse_obj(LASH, "lash"), 5)
    placed = fit(proxy, base.vertices * size)
    # The scale is a distance: a mirrored body does not mirror the offsets.
    offset = np.array([[0, 0, 0], [0.1, 0.2, -0.3]])
    expected = (fit(proxy, base.vertices) - offset) * size + offset * np.abs(size)
    assert placed == pytest.approx(expected, abs=1e-12)


def test_fit_without_scale_keeps_offsets_and_leaves_its_input_alone() -> None:
    base = parse_obj(BASE, "base")
    text = re.sub(rb"._scale.*\n", b"", PROXY)
    proxy = parse_proxy(text, "lash", parse_obj(LASH, "lash"), 5)
    assert proxy.scale is None
    before = proxy.offset.copy()
    body = base.vertices * 2
    assert fit(proxy, body)[1] == pytest.approx([2.1, 0.7, -0.3])
    assert np.array_equal(proxy.offset, before) and np.array_equal(body, base.vertices * 2)


# --- Files ---


def test_load_reads_everything(folder: Path) -> None:
    read = load(folder)
    assert list(read.targets) == ["expression/units/asian/mouth-open", "head/head-fat-incr"]
    assert read.targets["head/head-fat-incr"].offset.tolist() == [[0.5, 0, -1], [0, 1e-3, 0]]
    assert sorted(read.proxies) == [f"eyelashes0{k}" for k in (1, 2, 3, 4)] + ["teeth_base"]
    assert read.base.vertices.shape == (5, 3) and read.head_weight.shape == (5,)


def test_masks_are_soft_and_in_place(folder: Path) -> None:
    masks = load(folder).masks
    assert list(masks) == ["lips", "inside-mouth", "ears"]
    for k, mask in enumerate(masks.values()):
        row, column = 200 + 300 * k, 700
        assert mask.dtype == np.float64 and mask.shape == (2048, 2048)
        assert mask[row, column] == 1.0 and mask[row, column + 60] == 0.0
        # Halfway down at the edge, by symmetry; a normal of 1.2 pixels beyond it.
        edge = mask[row, column + 16 - 4 : column + 16 + 4]
        assert edge + edge[::-1] == pytest.approx(np.ones(8), abs=0.01)
        assert edge[4] == pytest.approx(0.338, abs=0.02)  # 1 - Phi(0.5 / 1.2)


@pytest.mark.parametrize(
    ("name", "prefix"), [("a.tar", ""), ("a.tar.gz", ""), ("a.tar.xz", "./"), ("a.tar.bz2", "")]
)
def test_archive_and_folder_are_the_same(folder: Path, name: str, prefix: str) -> None:
    assert same(load(folder), load(archive(folder, name, prefix)))


def test_loading_writes_nothing(folder: Path) -> None:
    before = sorted(folder.parent.rglob("*"))
    load(folder)
    load(archive(folder, "a.tar.xz"))
    assert sorted(folder.parent.rglob("*")) == sorted([*before, folder.parent / "a.tar.xz"])


@pytest.mark.parametrize("packed", [False, True])
def test_missing_and_wrong_files_are_named(folder: Path, packed: bool) -> None:
    for stem in list(assets.PROXIES.values())[:4]:
        (folder / f"{stem}.obj").unlink()
    with (folder / assets.BASE).open("ab") as file:
        file.write(b" ")
    with pytest.raises(AssetError) as caught:
        load(archive(folder, "a.tar.xz") if packed else folder)
    text = str(caught.value)
    first = [f"{stem}.obj" for stem in list(assets.PROXIES.values())[:3]]
    assert f"4 of 17 files missing: {', '.join(first)}, ..." in text
    assert f"1 of 17 files differ from those expected: {assets.BASE}." in text
    for part in ("a8bc2d54", "makehumancommunity/makehuman ", "makehuman-assets", "mpfb2",
                 "docs/faces.md", "ANONBENCH_MAKEHUMAN", "makehuman/data/"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("packed", [False, True])
def test_one_changed_byte_is_an_error(folder: Path, packed: bool) -> None:
    target = folder / assets.TARGETS / "head/head-fat-incr.target"
    target.write_bytes(target.read_bytes().replace(b".5", b".6"))  # still a target
    message = r": 1 of 17 files differ from those expected: \S+head-fat-incr\.target\. "
    with pytest.raises(AssetError, match=message):
        load(archive(folder, "a.tar") if packed else folder)


def test_link_in_an_archive_is_not_the_file(folder: Path) -> None:
    (folder / assets.BASE).unlink()
    (folder / assets.BASE).symlink_to("/etc/hostname")
    with pytest.raises(AssetError, match="1 of 17 files missing"):
        load(archive(folder, "a.tar"))


def test_what_is_no_archive_is_said(folder: Path) -> None:
    with pytest.raises(AssetError, match=r"no such folder or archive.*docs/faces\.md"):
        load(folder / "absent")
    note = folder / "note.txt"
    note.write_text("hello")
    with pytest.raises(AssetError, match=r"not a readable archive.*docs/faces\.md"):
        load(note)
    empty = folder / "empty"
    empty.touch()
    with pytest.raises(AssetError):
        load(empty)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.xz", "a.tar.gz", "a.tar.bz2"])
def test_cut_archive_is_said(folder: Path, name: str) -> None:
    whole = archive(folder, name)
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    with pytest.raises(AssetError, match=r"docs/faces\.md"):
        load(whole)


def test_manifest_lists_what_is_needed() -> None:
    needed = manifest()
    assert list(needed) == sorted(needed)
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in needed.values())
    parts = {assets.BASE, assets.WEIGHTS, *assets.MASKS.values()}
    parts |= {stem + end for stem in assets.PROXIES.values() for end in (".obj", ".mhclo")}
    targets = {name for name in needed if name.startswith(assets.TARGETS)}
    assert set(needed) == parts | targets
    assert all(name.endswith(".target") for name in targets)
    assert not [n for n in targets if re.search(r"macrodetails/.*-(child|baby)", n)]


# --- The assets themselves ---


@pytest.fixture(scope="module")
def real(makehuman: Path) -> Assets:
    return load(makehuman)


def test_real_base_mesh(real: Assets) -> None:
    assert real.base.vertices.shape == (19158, 3) and real.base.faces.shape == (18486, 4)
    body = real.base.faces[real.base.groups == "body"]
    height = np.ptp(real.base.vertices[body][..., 1])
    assert 16 < height < 18  # decimetres: a grown person
    assert len(real.targets) == 436
    assert {"macrodetails/caucasian-male-young", "expression/units/asian/mouth-open",
            "nose/nose-hump-incr", "neck/neck-double-incr"} <= set(real.targets)  # fmt: skip


def test_real_head_weight_rises_up_the_neck(real: Assets) -> None:
    height, weight = real.base.vertices[:, 1], real.head_weight
    body = np.unique(real.base.faces[real.base.groups == "body"])
    height, weight = height[body], weight[body]
    assert weight[height > 7.6].min() > 0.99 and weight[height < 4].max() == 0
    middle = weight[(height > 5.4) & (height < 5.8)].mean()
    assert weight[(height > 4.6) & (height < 5)].mean() < middle < 0.95


@pytest.mark.parametrize("name", ["eyelashes02", "eyelashes03", "eyelashes04"])
def test_real_lashes_fit_where_they_were_modelled(real: Assets, name: str) -> None:
    # The files give five decimals of the weights and four of the positions.
    proxy = real.proxies[name]
    assert np.abs(fit(proxy, real.base.vertices) - proxy.mesh.vertices).max() < 2e-4


@pytest.mark.parametrize(
    ("mask", "low", "high"),
    [
        ("lips", (-0.3, 6.45, 1.3), (0.3, 6.75, 1.7)),
        ("ears", (-0.95, 6.7, 0.2), (0.95, 7.5, 0.8)),
    ],
)
def test_real_masks_lie_on_their_part(
    real: Assets, mask: str, low: tuple[float, ...], high: tuple[float, ...]
) -> None:
    u, v = real.base.uv.T
    row, column = (np.clip(x * 2048, 0, 2047).astype(int) for x in (1 - v, u))
    inside = real.masks[mask][row, column] > 0.9
    body = real.base.groups == "body"
    places = real.base.vertices[real.base.faces[body][inside[real.base.uv_faces[body]]]]
    assert len(places) > 100
    assert (places >= low).all() and (places <= high).all()
    assert np.abs(places[:, 0].min() + places[:, 0].max()) < 0.05  # both sides of the face


def test_real_archive_and_folder_are_the_same(
    real: Assets, makehuman: Path, tmp_path: Path
) -> None:
    if makehuman.is_dir():
        packed = tmp_path / "a.tar"
        with tarfile.open(packed, "w") as tar:
            tar.add(makehuman, ".")
        assert same(real, load(packed))
        return
    with tarfile.open(makehuman, "r|*") as tar:
        tar.extractall(tmp_path, filter="data")
    assert same(real, load(tmp_path))
