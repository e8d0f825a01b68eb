"""Time by stage: added up, and said to be missing where it is."""

from __future__ import annotations

import math
from pathlib import Path

from anonbench.report.times import stage_times, write_times

HEADER = "s\th:m:s\tmax_rss\tmean_load\tcpu_time\n"


def job(path: Path, seconds: float, memory: str) -> Path:
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t90.0\t1.0\n")
    return path


def test_jobs_are_added_up_and_absent_ones_counted(tmp_path: Path) -> None:
    files = {
        "embed": [job(tmp_path / "a.tsv", 1.5, "200.5"), job(tmp_path / "b.tsv", 2.25, "300.0")],
        "score": [job(tmp_path / "c.tsv", 0.25, "-"), tmp_path / "elsewhere.tsv"],
        "measure": [tmp_path / "nowhere.tsv"],
    }
    embed, score, measure = stage_times(files)
    assert (embed.jobs, embed.measured, embed.seconds, embed.memory) == (2, 2, 3.75, 300.0)
    assert (score.jobs, score.measured, score.seconds) == (2, 1, 0.25)
    assert math.isnan(score.memory), "too short to be measured, not nought"
    assert (measure.jobs, measure.measured) == (1, 0)
    write_times(files, tmp_path / "time.html")
    page = (tmp_path / "time.html").read_text()
    assert "3.8" in page and "93.8" in page and "not measured" in page and "300 MiB" in page


def test_page_without_any_time(tmp_path: Path) -> None:
    write_times({"embed": [tmp_path / "no.tsv"]}, tmp_path / "time.html")
    assert "not measured" in (tmp_path / "time.html").read_text()
