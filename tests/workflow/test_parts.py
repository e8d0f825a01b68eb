"""Large data sets in parts: the same bytes as in one piece, through both doors, and never stale."""

from __future__ import annotations

import pytest

from conftest import Clone, commit, make_clone

pytestmark = pytest.mark.slow

TOO_FEW = 16
"""Images a part: three parts of 48 cartoons; they begin at multiples of 32, so one is empty."""


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


def test_three_parts_give_the_bytes_of_one(cut: Clone, finished: Clone) -> None:
    assert differing(cut, finished) == []
    assert cut.nothing_to_do()


def test_page_of_times_counts_every_part(cut: Clone, finished: Clone) -> None:
    page = (cut.path / "results/report/time.html").read_text()
    assert page != (finished.path / "results/report/time.html").read_text()
    measured = sorted(p.name for p in (cut.path / "benchmarks/results/anonymise/blank").iterdir())
    assert measured == [f"drawn.000{k}of0003.tsv" for k in (1, 2, 3)]


def test_changed_strengths_are_noticed_though_the_parts_are_gone(cut: Clone) -> None:
    assert not list(cut.path.glob("results/**/*of0003*"))
    for forgotten in (False, True):
        if forgotten:  # as after `dvc pull`: nobody recorded how the files were made
            cut.ok("snakemake", "--touch")
            assert cut.nothing_to_do()
        cut.edit({"methods": {"blur_face": {"strengths": [7] if forgotten else [5]}}})
        shown = cut.ok("snakemake", "-n")
        assert "anonymise_part" in shown and "gather_embed" in shown
        assert "with blackout_face" not in shown
        cut.ok("snakemake", "--cores", "2")
        assert cut.nothing_to_do()
    code = cut.path / "src/anonbench/anonymisers/blackout.py"
    code.write_text(code.read_text() + "\n# edited\n")
    shown = cut.ok("snakemake", "-n")
    assert "with blackout_face" in shown and "with blur_face" not in shown


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
