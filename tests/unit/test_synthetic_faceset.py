"""Rendered sets: their plan, shards, labels and how a build goes on; a stand-in does the faces."""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from anonbench.io import atomic
from anonbench.synthetic import build as build_module
from anonbench.synthetic import record as record_module
from anonbench.synthetic.build import build, finish_set
from anonbench.synthetic.faceset import (
    COLUMNS,
    FaceSetError,
    read_rows,
    verify,
    write_rows,
    write_shard,
)
from anonbench.synthetic.plan import EXPRESSIONS, SEEDS, FacePlan, split_of

SUBJECT = dict.fromkeys(
    ("gender", "ancestry", "hair_style", "hair_colour", "facial_hair", "glasses", "makeup", "iris"),
    "some",
)
NUMBERS = ("caucasian", "african", "asian", "skin_tone")
IMAGE = ("intensity", "yaw", "pitch", "roll", "light_azimuth", "light_elevation")
POINTS = tuple(f"{p}_{a}" for p in ("left_eye", "right_eye", "mouth") for a in "xy")


class StandIn:
    """Flat pictures whose colour tells seed, expression and view; writes down what it was asked."""

    def __init__(self, log: Path | None = None, fail: str = "", slow: float = 0.0) -> None:
        self.log, self.fail, self.slow = log, fail, slow
        if fail == "start":
            raise FaceSetError("no assets")

    def subject(self, seed: int) -> Any:
        if self.fail == f"subject {seed}":
            raise KeyError("nose")
        age = np.int64(20 + seed % 50)
        numbers = dict.fromkeys(NUMBERS, 0.25)
        return SimpleNamespace(seed=seed, attributes={**SUBJECT, **numbers, "age": age})

    def image(self, subject: Any, expression: str, view: int, size: int = 256) -> Any:
        name = f"{subject.seed} {expression} {view}"
        if self.fail == name:
            raise ZeroDivisionError("no light")
        if self.log is not None and size > 64:
            with self.log.open("a") as file:
                file.write(f"{name} {os.getpid()}\n")
        time.sleep(self.slow)
        colour = (subject.seed % 251, 30 * EXPRESSIONS.index(expression), 100 * view)
        values = dict.fromkeys((*IMAGE, *POINTS), -0.0)
        attributes = {**values, "yaw": np.float64(1 / 3 + view), "tears": subject.seed % 2 == 0}
        pixels = np.full((size, size, 3), colour, np.uint8)
        return SimpleNamespace(pixels=pixels, attributes=attributes)


SMALL = FacePlan(subjects=5, views=2, expressions=["neutral", "anger"], size=96,
                 subjects_per_shard=2)  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def asked(log: Path) -> list[str]:
    return [line.rsplit(" ", 1)[0] for line in log.read_text().splitlines()]


# The plan


def test_plan_counts() -> None:
    plan = FacePlan(split="evaluation", first=3, subjects=13, views=2)
    assert plan.images == 13 * 2 * 7 and plan.n_shards == 3
    assert list(plan.seeds) == list(range(3, 16))
    assert [s.seeds for s in plan.shards()] == [tuple(range(3, 9)), tuple(range(9, 15)), (15,)]
    assert [s.archive for s in plan.shards()][:2] == ["faces-000.tar", "faces-001.tar"]
    names = [name.path for shard in plan.shards() for name in shard.images()]
    assert len(names) == len(set(names)) == plan.images and names == sorted(names)
    assert names[0] == "s0003_anger_0.jpg" and names[-1] == "s0015_surprise_1.jpg"


def test_exact_shards_leave_no_empty_one() -> None:
    plan = FacePlan(subjects=12)
    assert plan.n_shards == 2 and len(plan.shard(1).seeds) == 6
    for number in (-1, 2):
        with pytest.raises(IndexError, match="has 2"):
            plan.shard(number)


def test_splits_are_disjoint_and_cannot_be_left() -> None:
    assert not set(SEEDS["train"]) & set(SEEDS["evaluation"])
    last = FacePlan(split="evaluation", first=9_999, subjects=1)
    assert list(last.seeds) == [9_999] and split_of(9_999) == "evaluation"
    assert list(FacePlan(subjects=1).seeds) == [10_000] and split_of(10_000) == "train"
    with pytest.raises(ValidationError, match="the split evaluation has 10000 subjects"):
        FacePlan(split="evaluation", first=9_999, subjects=2)
    with pytest.raises(ValueError, match="no subject seed"):
        split_of(100_000)


def test_order_of_expressions_makes_no_difference() -> None:
    assert FacePlan(expressions=["anger", "neutral"]).expressions == ["neutral", "anger"]
    with pytest.raises(ValidationError, match="listed twice"):
        FacePlan(expressions=["anger", "anger"])


# A shard


def test_shard_is_a_plain_archive_and_always_the_same(tmp_path: Path) -> None:
    shard = SMALL.shard(1)
    for folder in ("a", "b"):
        write_shard(StandIn(), shard, tmp_path / folder)
        time.sleep(0.01)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    with tarfile.open(tmp_path / "a" / "faces-001.tar", "r:") as tar:
        members = tar.getmembers()
        data = tar.extractfile("s10003_anger_1.jpg").read()  # type: ignore[union-attr]
    assert [m.name for m in members] == sorted(n.path for n in shard.images())
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }
    assert (tmp_path / "a" / "faces-001.tar").read_bytes()[257:263] == b"ustar\0"
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG" and image.size == (96, 96)
        colour = np.asarray(image.convert("RGB"))[48, 48].astype(int)
    assert np.abs(colour - (10_003 % 251, 180, 100)).max() <= 3


@pytest.mark.parametrize(("subsampling", "sampling"), [("4:2:0", 0x22), ("4:4:4", 0x11)])
def test_jpeg_is_subsampled_as_asked(tmp_path: Path, subsampling: str, sampling: int) -> None:
    plan = FacePlan.model_validate({**SMALL.model_dump(), "subsampling": subsampling})
    write_shard(StandIn(), plan.shard(0), tmp_path)
    with tarfile.open(tmp_path / "faces-000.tar") as tar:
        data = tar.extractfile(tar.next()).read()  # type: ignore[union-attr, arg-type]
    start = data.index(b"\xff\xc0")
    # Start of frame: marker, length, precision, height, width, 3 components; luminance comes first.
    assert data[start + 9 : start + 12] == bytes([3, 1, sampling])


def test_quality_makes_a_difference(tmp_path: Path) -> None:
    for quality in (50, 95):
        plan = FacePlan.model_validate({**SMALL.model_dump(), "quality": quality})
        write_shard(StandIn(), plan.shard(0), tmp_path / str(quality))
    one, other = (tmp_path / q / "faces-000.tar" for q in ("50", "95"))
    assert one.read_bytes() != other.read_bytes()


def test_rows_hold_every_column(tmp_path: Path) -> None:
    write_shard(StandIn(), SMALL.shard(2), tmp_path)
    rows = read_rows(tmp_path / "rows" / "faces-002.csv")
    assert tuple(rows[0]) == (*COLUMNS, "tears")
    row = rows[1]
    assert row["path"] == "s10004_anger_1.jpg" and row["subject"] == "s10004"
    assert row["session"] == row["view"] == "1" and row["shard"] == "faces-002.tar"
    assert row["split"] == "train" and row["seed"] == "10004" and row["width"] == "96"
    assert row["yaw"] == "1.33333" and row["pitch"] == "0" and row["age"] == "24"
    assert row["tears"] == "yes" and row["skin_tone"] == "0.25"


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        ("subject 10001", "subject s10001: KeyError: 'nose'"),
        ("10001 anger 1", r"image s10001_anger_1\.jpg: ZeroDivisionError: no light"),
    ],
)
def test_error_names_the_image_and_nothing_is_left(tmp_path: Path, fail: str, message: str) -> None:
    with pytest.raises(FaceSetError, match=message):
        write_shard(StandIn(fail=fail), SMALL.shard(0), tmp_path)
    assert content(tmp_path) == {}


class Lacking(StandIn):
    def image(self, subject: Any, expression: str, view: int, size: int = 256) -> Any:
        rendered = super().image(subject, expression, view, size)
        del rendered.attributes["yaw"]
        return rendered


class Boundless(StandIn):
    def image(self, subject: Any, expression: str, view: int, size: int = 256) -> Any:
        rendered = super().image(subject, expression, view, size)
        rendered.attributes["yaw"] = np.nan
        return rendered


class Small(StandIn):
    def image(self, subject: Any, expression: str, view: int, size: int = 256) -> Any:
        return super().image(subject, expression, view, size // 2)


@pytest.mark.parametrize(
    ("kind", "message"),
    [(Lacking, "does not tell yaw"), (Boundless, "a label is nan"), (Small, r"\(48, 48, 3\)")],
)
def test_renderer_that_breaks_its_word(tmp_path: Path, kind: type, message: str) -> None:
    with pytest.raises(FaceSetError, match=rf"image s10000_anger_0\.jpg: .*{message}"):
        write_shard(kind(), SMALL.shard(0), tmp_path)


def test_rows_with_other_columns_are_refused(tmp_path: Path) -> None:
    rows = [{"path": "a.jpg", "age": "3"}, {"path": "b.jpg", "tears": "no"}]
    with pytest.raises(FaceSetError, match=r"b\.jpg.*age, tears"):
        write_rows(rows, tmp_path / "rows.csv")


# A whole set


def test_set_is_the_same_on_one_core_and_on_two(tmp_path: Path) -> None:
    told: list[int] = []
    rows = build(SMALL, tmp_path / "one", StandIn, cores=1, report=told.append)
    build(SMALL, tmp_path / "two", StandIn, cores=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert set(content(tmp_path / "one")) == {
        "faces-000.tar", "faces-001.tar", "faces-002.tar", "labels.csv", "plan.json",
    }  # fmt: skip
    assert [r["path"] for r in rows] == sorted(r["path"] for r in rows) and len(rows) == 20
    with (tmp_path / "one" / "labels.csv").open() as file:
        assert list(csv.DictReader(file)) == rows
    assert told[0] == 0 and told[-1] == 20 and told == sorted(told)
    workflow = tmp_path / "workflow"
    for shard in SMALL.shards():
        write_shard(StandIn(), shard, workflow)
    finish_set(SMALL.model_dump(), workflow)
    kept = {f"rows/faces-00{k}.csv" for k in range(3)}
    assert content(tmp_path / "one") == {
        k: v for k, v in content(workflow).items() if k not in kept
    }


def test_threads_of_the_caller_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    build(FacePlan.model_validate({**SMALL.model_dump(), "subjects": 1}), tmp_path, StandIn)
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


def test_finished_set_is_not_made_again(tmp_path: Path) -> None:
    build(SMALL, tmp_path / "set", StandIn)
    before = content(tmp_path / "set")
    log = tmp_path / "log"
    told: list[int] = []
    build(SMALL, tmp_path / "set", partial(StandIn, log), report=told.append)
    assert not log.exists() and told == [20] and content(tmp_path / "set") == before


def test_build_goes_on_where_an_error_ended_it(tmp_path: Path) -> None:
    out, log = tmp_path / "set", tmp_path / "log"
    with pytest.raises(FaceSetError, match=r"image s10004_neutral_0\.jpg: ZeroDivisionError"):
        build(SMALL, out, partial(StandIn, log, fail="10004 neutral 0"))
    shards = {f"{name}-00{k}.{suffix}" for k in (0, 1)
              for name, suffix in (("faces", "tar"), ("rows/faces", "csv"))}  # fmt: skip
    assert set(content(out)) == {*shards, "plan.json"}
    log.unlink()
    told: list[int] = []
    build(SMALL, out, partial(StandIn, log), report=told.append)
    assert {line.split()[0] for line in asked(log)} == {"10004"}
    assert told[0] == 16
    build(SMALL, tmp_path / "whole", StandIn)
    assert content(out) == content(tmp_path / "whole")


def test_lost_shard_is_made_again(tmp_path: Path) -> None:
    out, log = tmp_path / "set", tmp_path / "log"
    build(SMALL, out, StandIn)
    before = content(out)
    (out / "faces-001.tar").unlink()
    build(SMALL, out, partial(StandIn, log))
    assert {line.split()[0] for line in asked(log)} == {"10002", "10003"}
    assert content(out) == before


def test_rows_without_an_archive_do_not_count(tmp_path: Path) -> None:
    """A process killed between the two: the archive comes last."""
    write_rows([dict.fromkeys(COLUMNS, "old")], tmp_path / "rows" / "faces-000.csv")
    rows = build(SMALL, tmp_path, StandIn)
    assert rows[0]["path"] == "s10000_anger_0.jpg"


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    for name in (".faces-000.tar.123.tmp", "rows/.faces-000.csv.123.tmp"):
        (tmp_path / name).write_bytes(b"half")
    build(SMALL, tmp_path, StandIn)
    assert not [name for name in content(tmp_path) if name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 128}, "size is 96 there and 128 here"),
        ({"subjects": 6, "views": 1}, "subjects is 5 there and 6 here; views is 2 there and 1"),
    ],
)
def test_other_plan_in_the_folder_is_refused(
    tmp_path: Path, change: dict[str, int], message: str
) -> None:
    record_module.claim(SMALL, tmp_path)
    before = content(tmp_path)
    with pytest.raises(FaceSetError, match=message):
        build(FacePlan.model_validate({**SMALL.model_dump(), **change}), tmp_path, StandIn)
    assert content(tmp_path) == before


def test_other_code_and_libraries_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_module.claim(SMALL, tmp_path)
    record_module.claim(SMALL, tmp_path)
    monkeypatch.setattr(record_module.sources, "digest", lambda files, root: "changed")
    with pytest.raises(FaceSetError, match="made by other code"):
        record_module.claim(SMALL, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(record_module, "sha256", lambda path: "changed")
    with pytest.raises(FaceSetError, match="other assets"):
        record_module.claim(SMALL, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(record_module, "version", lambda name: "0.1")
    with pytest.raises(FaceSetError, match=r"numba is [\d.]+ there and 0\.1 here"):
        record_module.claim(SMALL, tmp_path)


def test_code_edited_during_a_run_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = iter("ab")
    monkeypatch.setattr(record_module.sources, "digest", lambda files, root: next(digests))
    with pytest.raises(FaceSetError, match="made by other code"):
        build(SMALL, tmp_path, StandIn)
    assert not (tmp_path / "labels.csv").exists()


def test_record_covers_the_code_of_the_faces() -> None:
    files = record_module.sources.closure([], ["anonbench.synthetic.faceset"])
    names = {p.name for p in files}
    assert {"faceset.py", "plan.py", "io.py"} <= names and "cli.py" not in names


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"plan": 3}'])
def test_unreadable_record_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(FaceSetError, match="not a record"):
        record_module.claim(SMALL, tmp_path)


def test_folder_of_unknown_origin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path\n")
    with pytest.raises(FaceSetError, match=r"labels\.csv but no plan\.json"):
        build(SMALL, tmp_path, StandIn)


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with build_module._alone(tmp_path), pytest.raises(FaceSetError, match="another process"):
        build(SMALL, tmp_path, StandIn)
    build(SMALL, tmp_path, StandIn)


def test_assets_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(FaceSetError, match="no assets"):
        build(SMALL, tmp_path, partial(StandIn, fail="start"), cores=2)
    assert multiprocessing.active_children() == []
    # Nothing was rendered: the folder is free for another set.
    other = FacePlan.model_validate({**SMALL.model_dump(), "subjects": 1})
    build(other, tmp_path, StandIn)


class Dying(StandIn):
    def image(self, subject: Any, expression: str, view: int, size: int = 256) -> Any:
        if subject.seed == 10_002:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().image(subject, expression, view, size)


def test_killed_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaceSetError, match="try fewer cores"):
        build(SMALL, tmp_path, Dying)
    assert set(content(tmp_path)) == {"faces-000.tar", "rows/faces-000.csv", "plan.json"}


SCRIPT = """
import signal
import sys
from functools import partial
from pathlib import Path
from test_synthetic_faceset import SMALL, StandIn
from anonbench.synthetic.build import build
if __name__ == "__main__":
    # A shell that runs the tests in the background has it ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        build(SMALL, Path(sys.argv[1]), partial(StandIn, Path(sys.argv[2]), slow=0.3), cores=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def gone(group: int, seconds: float = 10.0) -> bool:
    """Tell whether all processes of a group end soon."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_ctrl_c_leaves_whole_shards_only(tmp_path: Path) -> None:
    out, log, script = tmp_path / "set", tmp_path / "log", tmp_path / "run.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, str(script), str(out), str(log)], start_new_session=True,
        env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE,
    )  # fmt: skip
    limit = time.monotonic() + 60
    while not any(out.glob("faces-*.tar")):
        assert time.monotonic() < limit and process.poll() is None
        time.sleep(0.02)
    # As the terminal does: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert gone(process.pid), "a process outlived the run"
    left = content(out)
    assert not [name for name in left if name.endswith(".tmp")] and "labels.csv" not in left
    whole = [shard for shard in SMALL.shards() if shard.archive in left]
    assert 1 <= len(whole) < 3
    build(SMALL, tmp_path / "undisturbed", StandIn)
    undisturbed = content(tmp_path / "undisturbed")
    assert all(left[shard.archive] == undisturbed[shard.archive] for shard in whole)
    build(SMALL, out, StandIn)
    assert content(out) == undisturbed


# The check of a set


def drop_a_row(out: Path, rows: list[dict[str, str]]) -> None:
    del rows[3]


def repeat_a_row(out: Path, rows: list[dict[str, str]]) -> None:
    rows[3] = rows[4]


def rename_a_path(out: Path, rows: list[dict[str, str]]) -> None:
    rows[3] = {**rows[3], "path": "s10000_joy_0.jpg"}


def truncate(out: Path, rows: list[dict[str, str]]) -> None:
    path = out / "faces-000.tar"
    path.write_bytes(path.read_bytes()[:1000])


def lose_a_shard(out: Path, rows: list[dict[str, str]]) -> None:
    (out / "faces-001.tar").unlink()


def add_a_shard(out: Path, rows: list[dict[str, str]]) -> None:
    (out / "faces-009.tar").write_bytes(b"")


def other_size(out: Path, rows: list[dict[str, str]]) -> None:
    plan = FacePlan.model_validate({**SMALL.model_dump(), "size": 64})
    write_shard(StandIn(), plan.shard(1), out)


def fewer_images(out: Path, rows: list[dict[str, str]]) -> None:
    plan = FacePlan.model_validate({**SMALL.model_dump(), "expressions": ["anger"]})
    write_shard(StandIn(), plan.shard(1), out)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (drop_a_row, "19 rows for 20 images"),
        (repeat_a_row, r"rows of faces-000\.tar: 1 rows missing: s10000_neutral_1\.jpg"),
        (rename_a_path, "1 rows too many: s10000_joy_0"),
        (truncate, r"faces-000\.tar: "),
        (lose_a_shard, r"1 shards missing: faces-001\.tar"),
        (add_a_shard, r"1 shards too many: faces-009\.tar"),
        (other_size, r"faces-001\.tar: s10002_anger_0\.jpg is a JPEG of \(64, 64\)"),
        (fewer_images, r"faces-001\.tar: 4 images missing: s10002_neutral_0"),
    ],
)
def test_check_finds(
    tmp_path: Path, harm: Callable[[Path, list[dict[str, str]]], None], message: str
) -> None:
    for shard in SMALL.shards():
        write_shard(StandIn(), shard, tmp_path)
    rows = [row for shard in SMALL.shards() for row in read_rows(tmp_path / shard.rows)]
    verify(SMALL, tmp_path, rows)
    harm(tmp_path, rows)
    with pytest.raises(FaceSetError, match=message):
        verify(SMALL, tmp_path, rows)


def test_atomic_write_is_what_makes_a_shard_whole(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic(tmp_path / "faces-000.tar") as partial_path:
        partial_path.write_bytes(b"half")
        raise RuntimeError
    assert content(tmp_path) == {}
