"""The bundled faces are what the code makes: a few of them, rendered again, byte for byte."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dvc.api import DVCFileSystem
from PIL import Image

from anonbench.bundled import BUNDLED_FOLDER
from anonbench.synthetic.faceset import read_rows, write_shard
from anonbench.synthetic.plan import LABELS, PLAN_FILE, FacePlan, Shard
from anonbench.synthetic.record import LIBRARIES, MANIFEST

if TYPE_CHECKING:
    from anonbench.synthetic.render import Renderer

ROOT = Path(__file__).parents[2]
VARIABLE = "ANONBENCH_FACES"
"""Names another rendered set to check instead of the bundled one."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled set, out of the repository's own remote; data/faces itself is left alone."""
    if named := os.environ.get(VARIABLE, ""):
        assert (Path(named) / LABELS).is_file(), f"{VARIABLE} is {named}, which holds no {LABELS}"
        return Path(named)
    folder = tmp_path_factory.mktemp("bundled") / "faces"
    DVCFileSystem(str(ROOT)).get(BUNDLED_FOLDER, str(folder), recursive=True)
    return folder


@pytest.fixture(scope="module")
def rows(faces: Path) -> list[dict[str, str]]:
    return read_rows(faces / LABELS)


@pytest.fixture(scope="module")
def record(faces: Path) -> dict[str, Any]:
    path = faces / PLAN_FILE
    assert path.is_file(), f"{path.name}, which tells how the set was made, is not in its folder"
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            yield member.name, content.read()


def gap(one: bytes, other: bytes) -> str:
    """Tell how much two pictures differ: rounding (another processor), or another picture."""
    a, b = (np.asarray(Image.open(io.BytesIO(data)), dtype=int) for data in (one, other))
    if a.shape != b.shape:
        return f"{a.shape} instead of {b.shape}"
    return f"pixels differ by {np.abs(a - b).mean():.4f} on average, {np.abs(a - b).max()} at most"


def excerpt(plan: FacePlan, seed: int) -> Shard:
    """Two expressions of a subject, as a shard of their own."""
    start = next(shard for shard in plan.shards() if seed in shard.seeds)
    return Shard(
        number=start.number,
        seeds=(seed,),
        views=1,
        expressions=tuple(plan.expressions[:: max(len(plan.expressions) - 1, 1)]),
        size=plan.size,
        quality=plan.quality,
        subsampling=plan.subsampling,
    )


def assert_same_libraries(record: Mapping[str, Any]) -> None:
    other = {
        name: (record["libraries"].get(name), version(name))
        for name in LIBRARIES
        if record["libraries"].get(name) != version(name)
    }
    if other:
        pytest.skip(f"made with other libraries, which may round otherwise: {other}")


def test_the_set_is_whole(faces: Path, rows: list[dict[str, str]], record: dict[str, Any]) -> None:
    plan = FacePlan(**record["plan"])
    assert len(rows) == plan.images
    for shard in plan.shards():
        names = [name for name, _ in members(faces / shard.archive)]
        assert names == [image.path for image in shard.images()]
        told = [row["path"] for row in rows if row["shard"] == shard.archive]
        assert told == names
    assert record["assets"] == hashlib.sha256(MANIFEST.read_bytes()).hexdigest()


@pytest.mark.parametrize("which", ["first", "last"])
def test_rendered_again_the_bytes_are_the_same(
    which: str,
    faces: Path,
    rows: list[dict[str, str]],
    record: dict[str, Any],
    renderer: Renderer,
    tmp_path: Path,
) -> None:
    assert_same_libraries(record)
    plan = FacePlan(**record["plan"])
    seed = plan.seeds[0 if which == "first" else -1]
    shard = excerpt(plan, seed)
    assert shard.images()
    (tmp_path / shard.rows).parent.mkdir()
    write_shard(renderer, shard, tmp_path)
    there = dict(members(faces / shard.archive))
    for name, content in members(tmp_path / shard.archive):
        assert content == there[name], (
            f"{name} is not what the code makes: {gap(content, there[name])}"
        )
    labels = {row["path"]: row for row in rows}
    with (tmp_path / shard.rows).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row == labels[row["path"]]
