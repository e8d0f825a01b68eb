"""Large data sets in parts: the same bytes as in one piece, through both doors, and never stale."""

from __future__ import annotations

import shutil

import pytest

from conftest import Clone, commit, make_clone

pytestmark = pytest.mark.slow

TOO_FEW = 24
"""Images a part: two parts of 48 cartoons."""


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone after a run in parts; tests of this file change it in order."""
    clone = make_clone(tmp_path_factory.mktemp("cut") / "clone")
    clone.edit({"part_size": TOO_FEW})
    shown = clone.ok("snakemake", "--cores", "2")
    assert "gather_anonymise" in shown and "anonymise_part" in shown
    return clone


def differing(one: Clone, other: Clone) -> list[str]:
    mine, theirs = one.results(), other.results()
    assert sorted(mine) == sorted(theirs)
    return [name for name in mine if mine[name] != theirs[name]]


def test_two_parts_give_the_bytes_of_one(cut: Clone, finished: Clone) -> None:
    assert differing(cut, finished) == []
    assert cut.nothing_to_do()


def test_page_of_times_counts_every_part(cut: Clone, finished: Clone) -> None:
    page = (cut.path / "results/report/time.html").read_text()
    assert page != (finished.path / "results/report/time.html").read_text()
    measured = sorted(p.name for p in (cut.path / "benchmarks/results/anonymise/blank").iterdir())
    assert measured == ["drawn.0001of0002.tsv", "drawn.0002of0002.tsv"]


@pytest.mark.parametrize("forgotten", [False, True])
def test_changes_are_noticed_though_the_parts_are_gone(cut: Clone, forgotten: bool) -> None:
    assert not list(cut.path.glob("results/**/*of0002*"))
    if forgotten:  # as after `make pull`: nobody recorded how the files were made
        shutil.rmtree(cut.path / ".snakemake/metadata")
        for path in (cut.path / "data/drawn").rglob("*"):
            path.touch()
        cut.ok("snakemake", "--touch")
    assert cut.nothing_to_do()
    cut.edit({"methods": {"blur_face": {"strengths": [7]}}})
    shown = cut.ok("snakemake", "-n")
    assert "0002of0002, with blur_face" in shown and "with blackout_face" not in shown
    cut.edit({"methods": {"blur_face": {"strengths": [5, 30]}}})
    assert cut.nothing_to_do()


def test_edited_anonymiser_is_noticed(cut: Clone) -> None:
    code = cut.path / "src/anonbench/anonymisers/blackout.py"
    code.write_text(code.read_text() + "\n# edited\n")
    shown = cut.ok("snakemake", "-n")
    assert "0002of0002, with blackout_face" in shown and "with blur_face" not in shown


def test_dvc_gives_the_same_bytes_and_knows_no_parts(finished: Clone, tmp_path_factory) -> None:
    clone = make_clone(tmp_path_factory.mktemp("dvc_cut") / "clone")
    clone.edit({"part_size": TOO_FEW})
    clone.ok("snakemake", "draw")
    clone.ok("dvc", "repro")
    assert differing(clone, finished) == []
    assert clone.nothing_to_do()
    commit(clone, "ran")
    clone.edit({"part_size": 20_000})
    assert "up to date" in clone.ok("dvc", "status")
