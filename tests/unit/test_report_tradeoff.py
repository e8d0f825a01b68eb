"""The report's trade-off: what its script reads is there, and the pictures fit."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_report_page import PLAN, Tables, make

from anonbench.io import ArchiveWriter, member
from anonbench.report._templates import TEMPLATES
from anonbench.report.cutouts import BUDGET, PEOPLE, SIDES, cutouts
from anonbench.report.page_tradeoff import packed_points
from anonbench.tradeoff import PRIVACIES, UTILITIES

SCRIPTS = ("page.js", "charts.js", "tradeoff.js")
LEDGER = ["dataset", "method", "strength", "image_id", "stage", "status"]


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return make(tmp_path)


def _data(page: str) -> dict[str, Any]:
    text = page.split('id="data">')[1].split("</script>")[0]
    found: dict[str, Any] = json.loads(text)
    return found


def _names(text: str, variable: str) -> set[str]:
    return set(re.findall(rf"\b{variable}\.([A-Za-z]+)", text))


def test_payload_holds_all_that_the_scripts_read(tables: Tables) -> None:
    data = _data(tables.write())
    own = {name: (TEMPLATES / name).read_text("utf-8") for name in SCRIPTS}
    assert _names(own["charts.js"], "P") | _names(own["tradeoff.js"], "P") <= set(data)
    assert _names(own["tradeoff.js"], "T") == set(data["tradeoff"])
    assert _names(own["tradeoff.js"], "C") == set(data["cutouts"])
    shared = re.search(r"window\.anonbench = {([^}]*)}", own["charts.js"])
    taken = re.search(r"const {([^}]*)} = window\.anonbench", own["tradeoff.js"])
    assert shared and taken
    assert set(taken[1].replace(" ", "").split(",")) <= set(shared[1].replace(" ", "").split(","))


def test_every_element_that_the_scripts_ask_for_is_in_the_page(tables: Tables) -> None:
    page = tables.write()
    asked = set(re.findall(r'byId\("([a-z-]+)"\)', "".join(
        (TEMPLATES / n).read_text("utf-8") for n in SCRIPTS)))  # fmt: skip
    optional = {"v-system", "l-filter", "ledger-controls"}
    assert {"tradeoff-chart", "tradeoff-sheet", "tradeoff-note"} <= asked
    assert all(f'id="{name}"' in page for name in asked - optional)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to parse scripts with")
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse(name: str) -> None:
    done = subprocess.run(["node", "--check", str(TEMPLATES / name)], check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_points_hold_values_intervals_and_probability(tables: Tables) -> None:
    packed = packed_points(tables.run())
    assert [k for k, _ in packed["privacies"]] == list(PRIVACIES)
    assert [k for k, _ in packed["utilities"]] == list(UTILITIES)
    # Of naive, reverse and parrot the last succeeds in 3 of 4, with either recogniser.
    value, low, high, _, source = packed["privacy"]["people|gfrr_at_gfar_0.01|blur_face|5"]
    assert (value, source) == (0.25, "parrot, dlib, detected") and low is high is None
    assert packed["utility"]["people|detected|blur_face|50"][0] == 0.9
    front = packed["front"]
    assert front["people|gfrr_at_gfar_0.01|detected|blur_face|5"][0] == 1
    assert front["people|gfrr_at_gfar_0.01|detected|original|none"][:2] == [None, None]
    missing = packed["privacy"]["people|gfrr_at_gfar_0.001|blur_face|5"]
    assert missing[:4] == [None] * 4
    note = front["people|gfrr_at_gfar_0.001|uar_retention|blur_face|5"][3]
    assert "400 pairs, too few" in note and "run.expressions" in note


def test_pictures_of_every_condition_are_in_the_page(tables: Tables) -> None:
    found = _data(tables.write())["cutouts"]
    assert set(found["pictures"]) == {
        f"{d}|{m}|{s}" for d in PLAN["datasets"]
        for m, s in (("original", "none"), ("blank", "none"), ("blur_face", "5"),
                     ("blur_face", "50"))
    }  # fmt: skip
    assert found["people"]["people"] == ["a/1", "b/1"] and found["why"] == ""
    kind, text = found["pictures"]["people|original|none"].split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    # Two squares with a gap of white; pictures of 20 x 30 stand in the middle of each.
    assert pixels.shape == (SIDES[0], 2 * SIDES[0] + 2, 3)
    assert abs(int(pixels[64, 64, 0]) - 200) < 4 and pixels[5, 64, 0] > 250


def _archive(path: Path, images: dict[str, np.ndarray]) -> Path:
    with ArchiveWriter(path) as archive:
        for name, pixels in images.items():
            archive.add(member("1", name), pixels)
    return path


def test_pictures_shrink_until_they_fit_and_say_so_if_they_cannot(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (PEOPLE, 200, 200, 3), dtype=np.uint8)
    path = _archive(tmp_path / "noise.tar", {f"s{k}": p for k, p in enumerate(noise)})
    subjects = {"d": {f"s{k}": f"s{k}" for k in range(PEOPLE)}}
    ledger = pd.DataFrame(columns=LEDGER)
    sizes = {}
    for budget in (BUDGET, 20_000, 100):
        found = cutouts({("d", "m"): path}, subjects, {"m": ("1",)}, ledger, budget)
        sizes[budget] = sum(map(len, found["pictures"].values()))
        assert sizes[budget] <= budget
    assert sizes[BUDGET] > 20_000 > sizes[20_000] > 0 == sizes[100]
    assert "too many" in found["why"]


def test_failed_and_absent_pictures_are_told(tmp_path: Path) -> None:
    white = np.full((64, 64, 3), 255, np.uint8)
    first = _archive(tmp_path / "a.tar", {"x": white, "y": white})
    second = _archive(tmp_path / "b.tar", {"x": white})
    ledger = pd.DataFrame([("d", "a", "1", "y", "anonymise", "no_face")], columns=LEDGER)
    found = cutouts(
        {("d", "a"): first, ("d", "b"): second}, {"d": {"x": "x", "y": "y"}},
        {"a": ("1",), "b": ("1",)}, ledger,
    )  # fmt: skip
    assert found["failed"] == {"d|a|1": ["y: no_face"]}
    text = found["pictures"]["d|b|1"].split(",")[1]
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels[64, 64] > 250 and abs(int(pixels[64, 194]) - 200) < 4
