from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from anonbench.contrasts import CONTRAST_COLUMNS, contrasts
from anonbench.io import METRIC_COLUMNS, ArchiveWriter, member, write_json, write_table
from anonbench.report import page_run
from anonbench.report.page import write_report
from anonbench.report.page_contrasts import compared
from anonbench.report.page_data import payload, script_json, short, thinned
from anonbench.report.page_run import Run
from anonbench.report.page_tables import Footnotes, verdict
from anonbench.report.page_warnings import LEDGER_ROWS, notices
from anonbench.tradeoff import Choices, points
from anonbench.workflow import inputs

NASTY = "<script>alert('x')</script>&.png"
THIN = "7 completed mated comparisons, fewer than 30"
ROUGH = "rough: 4 false matches expected, fewer than 30 (rule of 30)"
PLAN: dict[str, Any] = {
    "datasets": ["drawn", "people"],
    "methods": {
        "original": {"anonymiser": "original", "region": "face"},
        "blank": {"anonymiser": "blank", "region": "face"},
        "blur_face": {"anonymiser": "blur", "region": "face"},
    },
    "recognisers": ["dlib", "dlib_native"],
    "attacks": ["naive", "reverse", "parrot"],
    "policies": ["detected", "aligned"],
    "metrics": {
        "fmr": [0.1, 0.01, 0.001],
        "distance_threshold": 0.575,
        "bootstrap": 1000,
        "confidence": 0.95,
        "minimum_mated": 30,
    },
    "leaks": {"psnr": 40.0, "max_share": 0.01},
    "contrasts": [{"name": "how_much", "methods": ["blur_face"] * 2, "strengths": [50, 5]}],
    "seed": 1,
}
CONDITIONS = [("original", "none"), ("blank", "none"), ("blur_face", "50"), ("blur_face", "5")]
SUCCESS = {"naive": 0.25, "reverse": 0.5, "parrot": 0.75}
"""Of the attackers at FMR 1 %, whatever the method."""


def metric_rows() -> Iterator[dict[str, Any]]:
    for dataset in PLAN["datasets"]:
        for method, strength in CONDITIONS:
            keys = {"dataset": dataset, "method": method, "strength": strength}
            yield from ({**keys, **r} for r in condition_rows(method, strength))


def condition_rows(method: str, strength: str) -> Iterator[dict[str, Any]]:
    yield row("detection", "detected", 0.9, system="haar", n=40)
    yield row("quality", "ssim_inside", 0.4321, n=40)
    yield row("quality", "ssim_outside", np.nan, n=0, note="no image to measure")
    yield row("leak", "leak_share", 0.1 if strength == "5" else 0.0, n=40)
    yield row("ledger", "fail_closed", 0.0, n=40)
    attacks = ["naive", "reverse", "parrot"]
    for attack in ["baseline", *attacks] if method == "original" else attacks:
        for system in PLAN["recognisers"]:
            for policy in PLAN["policies"]:
                yield from verification_rows(attack, system, policy, strength == "50")


def verification_rows(
    attack: str, system: str, policy: str, thin: bool
) -> Iterator[dict[str, Any]]:
    own = {"attack": attack, "system": system, "policy": policy}
    few = thin and policy == "detected"
    yield row(
        "verification", "eer", np.nan if few else 0.2, n=7 if few else 100,
        note=THIN if few else "", **own,
    )  # fmt: skip
    miss = 1 - SUCCESS.get(attack, 0.75) * (0.5 if policy == "aligned" else 1)
    yield row("verification", "gfrr_at_gfar_0.1", 0.125, **own)
    yield row("verification", "gfrr_at_gfar_0.01", miss, note=ROUGH, **own)
    yield row("verification", "gfrr_at_gfar_0.001", np.nan, note="400 pairs, too few", **own)
    for metric in ("fta", "fte", "mated_accepted_at_0.575", "nonmated_accepted_at_0.575"):
        yield row("verification", metric, 0.5, **own)


def row(
    task: str, metric: str, value: float, *, attack: str = "", system: str = "",
    policy: str = "", n: int = 100, note: str = "",
) -> dict[str, Any]:  # fmt: skip
    span = (value - 0.05, value + 0.05)
    return {
        "task": task, "attack": attack, "system": system, "policy": policy, "metric": metric,
        "value": value, "low": span[0], "high": span[1], "n": n, "note": note,
    }  # fmt: skip


def curve_and_histogram() -> tuple[pd.DataFrame, pd.DataFrame]:
    keys = {
        "dataset": "people", "method": "blur_face", "strength": "5",
        "attack": "naive", "system": "dlib", "policy": "aligned",
    }  # fmt: skip
    matches, misses = np.array([400, 40, 4, 0]), np.array([0, 10, 50, 100])
    curve = pd.DataFrame({
        **keys, "threshold": [-0.9, -0.7, -0.5, -0.3], "fmr": matches / 400, "fnmr": misses / 100,
        "false_matches": matches, "false_nonmatches": misses,
    })  # fmt: skip
    curves = pd.concat([curve.assign(kind=k) for k in ("completed", "generalised")])
    bins = {"left": [0.0, 0.02, 0.04, 0.06], "right": [0.02, 0.04, 0.06, 0.08]}
    histogram = pd.DataFrame({**keys, **bins, "mated": True, "count": [0, 3, 0, 0]})
    return curves, histogram


def replicates() -> pd.DataFrame:
    """Replicates that put the strong blur on the front three times of four."""
    keys = {"dataset": "people", "method": "blur_face", "attack": "", "policy": ""}
    keys |= {"system": "haar", "metric": "detected", "paired": True}
    strengths = {"5": [0.9, 0.9, 0.9, 0.9], "50": [0.9, 0.9, 0.9, 0.8]}
    return pd.DataFrame([{**keys, "strength": s, "values": v} for s, v in strengths.items()])


def write_pictures(folder: Path) -> None:
    """Write two pictures of one subject and one of another, by every method and strength."""
    labels = pd.DataFrame({"image_id": ["a/1", "a/2", "b/1"], "subject": list("aab")})
    write_table(labels, folder / "manifest.parquet")
    for method in PLAN["methods"]:
        with ArchiveWriter(folder / f"{method}.tar") as archive:
            for image_id in labels["image_id"]:
                for own, strength in CONDITIONS:
                    if own == method:
                        shade = {"original": 200, "blank": 0}.get(method, 50)
                        archive.add(
                            member(strength, image_id), np.full((20, 30, 3), shade, np.uint8)
                        )


@dataclass
class Tables:
    folder: Path
    files: dict[str, Path]

    @property
    def pictures(self) -> dict[str, Any]:
        """What the pictures beside the trade-off are made of."""
        names = [(d, m) for d in PLAN["datasets"] for m in PLAN["methods"]]
        return {
            "manifests": dict.fromkeys(PLAN["datasets"], self.folder / "manifest.parquet"),
            "archives": {(d, m): self.folder / f"{m}.tar" for d, m in names},
        }

    def write(self, out: str = "index.html", figures: tuple[Path, ...] = ()) -> str:
        write_report(
            plan=PLAN, figures=figures, out=self.folder / out, **self.files, **self.pictures
        )
        return (self.folder / out).read_text("utf-8")

    def run(self) -> Run:
        return Run.read(PLAN, self.files)


def make(folder: Path, *, passed: bool = True, ledger: int = 1, leaks: bool = False) -> Tables:
    curves, histograms = curve_and_histogram()
    failed = {
        "dataset": "people", "method": "blur_face", "strength": "5", "path": "p",
        "stage": "anonymise", "status": "no_face", "detail": "",
    }  # fmt: skip
    names = [NASTY, *(f"image {k}" for k in range(1, ledger))][:ledger]
    leak = {"dataset": "people", "method": "blur_face", "strength": "5", "image_id": NASTY}
    leaking = pd.DataFrame([{**leak, "kind": "near_identical", "psnr": 47.25}])
    tables = {
        "metrics": pd.DataFrame(metric_rows())[list(METRIC_COLUMNS)],
        "ledger": pd.DataFrame([{**failed, "image_id": n} for n in names]),
        "leaks": leaking if leaks else leaking.iloc[:0],
    }
    tables["pareto"] = points(tables["metrics"], replicates(), Choices.of(PLAN))
    tables["contrasts"] = contrasts(tables["metrics"], replicates(), PLAN["contrasts"])
    write_pictures(folder)
    files = {name: folder / f"{name}.csv" for name in tables}
    for name, table in tables.items():
        write_table(table, files[name])
    for name, table in (("curves", curves), ("histograms", histograms)):
        files[name] = folder / f"{name}.parquet"
        write_table(table, files[name])
    files |= {name: folder / f"{name}.json" for name in ("checks", "environment")}
    checks = [{"name": "blank is at chance", "passed": passed, "detail": "0.9 is not <b>0.5</b>"}]
    write_json({"checks": checks}, files["checks"])
    datasets = {
        "drawn": {"path": "data/drawn/", "faces": "largest", "enrolment": "session"},
        "people": {"path": "data/people", "faces": "largest", "enrolment": "first"},
    }
    content = {"versions": {"numpy": "1.26.4"}, "parameters": {"datasets": datasets}}
    write_json(content, files["environment"])
    return Tables(folder, files)


class Parsed(HTMLParser):
    """What a page would load, which ids it has and points to, and its text without scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.quiet = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.quiet = tag in ("script", "style")
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and (value or "").startswith("#"):
                self.targets.append((value or "")[1:])
            elif name in ("src", "href", "srcset", "data", "action", "poster"):
                self.loads.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.quiet = False

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return make(tmp_path)


def test_page_loads_nothing_and_its_links_lead_somewhere(tables: Tables) -> None:
    sheet = tables.folder / "people" / "contact_sheet.png"
    sheet.parent.mkdir()
    Image.new("RGB", (8, 8)).save(sheet)
    page = tables.write(figures=(sheet, tables.folder / "drawn" / "contact_sheet.png"))
    parsed = Parsed(page)
    assert [load[:22] for load in parsed.loads] == ["data:image/png;base64,"]
    assert "link" not in parsed.tags and "iframe" not in parsed.tags
    assert "@import" not in page.split("</style>")[0]
    assert "default-src 'none'" in page
    assert set(parsed.targets) <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))


def test_chart_buttons_are_listed_so_that_none_uploads(tables: Tables) -> None:
    assert 'plotlyServerURL: ""' in tables.write()
    assert "modeBarButtons: [[" in tables.write()


def test_same_tables_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    pages = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        pages.append(make(tmp_path / name, leaks=True).write())
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]


def test_missing_values_are_named_and_never_zero(tables: Tables) -> None:
    run = tables.run()
    table = verdict(run, "people")
    missing = [
        (head, cell)
        for method, strength, _, cells in table.rows
        for head, cell in zip(table.columns, cells, strict=True)
        if (method.name, strength) == ("blur_face", "50") and head.key.metric == "eer"
        and head.key.policy == "detected"
    ]  # fmt: skip
    assert len(missing) == 6  # two recognisers, three attacks
    assert {(c.text, c.title, c.sort) for _, c in missing} == {("n/a", THIN, None)}
    assert THIN in table.feet
    assert "no image to measure" in table.feet  # SSIM outside
    page = tables.write()
    assert f'<abbr title="{THIN}">n/a</abbr>' in page
    assert f"{THIN}</li>" in page


def test_attack_without_any_number_has_no_worst_case(tables: Tables) -> None:
    table = verdict(tables.run(), "people")
    place = [c.group for c in table.columns].index("Attacker success at FMR 0.1\N{NO-BREAK SPACE}%")
    for _, _, _, cells in table.rows:
        assert table.columns[place].head == "worst"
        assert cells[place].text == "n/a"
        assert "400 pairs, too few" in cells[place].title


def test_worst_attack_is_marked_and_failures_count_as_safe(tables: Tables) -> None:
    table = verdict(tables.run(), "people")
    heads = [(c.group, c.head) for c in table.columns]
    group = "Attacker success at FMR 1\N{NO-BREAK SPACE}%"
    cells = dict(zip(heads, table.rows[0][3], strict=True))
    assert cells[group, "worst"].text == "75.0"
    assert cells[group, "worst"].small == "70 to 80"
    marked = [head for (g, head), c in cells.items() if g == group and c.worst]
    assert marked == ["parrot, detected"]
    assert cells[group, "naive, aligned"].text == "12.5"
    assert cells[group, "naive, aligned"].rough


def test_strengths_go_from_weak_to_strong(tables: Tables) -> None:
    blur = next(m for m in tables.run().methods if m.name == "blur_face")
    assert blur.strengths == ("5", "50")


def test_failed_check_and_leaks_come_first(tmp_path: Path) -> None:
    tables = make(tmp_path, passed=False, leaks=True)
    found = notices(tables.run())
    assert [n.level for n in found[:2]] == ["failure", "failure"]
    assert found[0].title == "Check failed: blank is at chance"
    assert found[1].title == "Leaks: blur_face 5 on people"
    assert found[1].items == [f"{NASTY} (nearly identical, 47.2 dB)"]
    text = Parsed(tables.write()).text
    assert "Check failed: blank is at chance" in text
    assert "0 of 1 checks passed" in text


def test_nothing_failed_nothing_said(tables: Tables) -> None:
    assert "failure" not in {n.level for n in notices(tables.run())}
    assert "Check failed" not in Parsed(tables.write()).text


def test_thin_conditions_and_unmeasurable_rates_are_warned_of(tables: Tables) -> None:
    found = {n.title: n for n in notices(tables.run())}
    thin = found["Too few comparisons: people"]
    # 2 recognisers x 2 policies x (3 attacks x 4 conditions + the baseline); 6 of them thin
    assert "In 6 of 52 conditions" in thin.text
    assert "dlib, naive, detected: blur_face 50" in thin.items
    low = found["Low false match rates: people"].items
    assert [i.split(":")[0].replace("\N{NO-BREAK SPACE}", " ") for i in low] == [
        "FMR 1 %", "FMR 0.1 %",
    ]  # fmt: skip


def test_many_blacked_out_images_are_warned_of(tables: Tables) -> None:
    run = tables.run()
    closed = (run.metrics["metric"] == "fail_closed") & (run.metrics["strength"] == "50")
    run.metrics.loc[closed & (run.metrics["dataset"] == "people"), "value"] = 0.3
    found = {n.title: n for n in notices(run)}
    assert found["Many images blacked out"].items == [
        "people: blur_face 50: 30\N{NO-BREAK SPACE}% of 40 images"
    ]


def test_names_of_images_cannot_become_markup(tmp_path: Path) -> None:
    tables = make(tmp_path, passed=False, leaks=True)
    page = tables.write()
    assert NASTY not in page
    assert "<b>0.5</b>" not in page
    assert page.count("<script") == len(re.findall("</script>", page))
    text = Parsed(page).text
    assert text.count(NASTY) == 2  # the leak and the ledger, as text


def test_cartoons_are_called_cartoons(tables: Tables) -> None:
    text = Parsed(tables.write()).text
    assert "drawn: cartoons, not people" in text
    assert "people: cartoons" not in text
    assert inputs.DRAWN_FOLDER == page_run.DRAWN_FOLDER


def test_rendered_faces_are_called_rendered(tables: Tables, tmp_path: Path) -> None:
    assert "not people" not in Parsed(tables.write()).text.replace("cartoons, not people", "")
    environment = Path(tables.files["environment"])
    environment.write_text(environment.read_text().replace("data/people", "data/faces"))
    text = Parsed(tables.write()).text
    assert "people: rendered faces, not people" in text
    assert "drawn: rendered" not in text


def test_long_ledger_is_cut_and_says_so(tmp_path: Path) -> None:
    page = make(tmp_path, ledger=LEDGER_ROWS + 5).write()
    assert f"the first {LEDGER_ROWS} of {LEDGER_ROWS + 5}" in Parsed(page).text
    assert page.count("<td>image ") == LEDGER_ROWS - 1
    assert f'data-v="{LEDGER_ROWS + 5}"' in page  # the count covers all of it


def test_payload_holds_curves_once_and_counts_of_comparisons(tables: Tables) -> None:
    data = json.loads(payload(tables.run()))
    assert len(data["curves"]["curves"]) == 1
    assert len(data["curves"]["index"]) == 2
    curve = data["curves"]["curves"][0]
    assert (curve["na"], curve["nb"]) == (400, 100)
    assert curve["d"] == [0.9, 0.7, 0.5, 0.3]
    assert curve["x"] == [1, 0.1, 0.01, 0]
    assert list(data["histograms"].values()) == [[0.02, 0.02, [3]]]


def test_missing_numbers_are_null_in_the_payload(tables: Tables) -> None:
    data = json.loads(payload(tables.run()))
    own = data["metrics"]["eer|people|blur_face|50|naive|dlib|detected"]
    assert own == [None, None, None, 7, THIN]
    assert short(float("nan")) is None and short(float("inf")) is None
    assert short(0.0) == 0 and short(1234567.0, 3) == 1230000


def test_script_json_cannot_end_its_element() -> None:
    content = {"a": "</script><!--&\u2028"}
    text = script_json(content)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == content


def test_thinning_keeps_ends_and_follows_the_curve() -> None:
    x = np.linspace(1, 0, 5001)
    kept = thinned(x, 1 - x, 10_000, 10_000, 50)
    assert kept[0] == 0 and kept[-1] == 5000
    assert len(kept) <= 50 and np.all(np.diff(kept) > 0)
    # Even steps in normal deviates put more than an even share into the outer 5 % of rates.
    assert np.mean((x[kept] < 0.05) | (x[kept] > 0.95)) > 0.3
    assert thinned(x[:10], x[:10], 10, 10, 50).tolist() == list(range(10))


def test_footnotes_share_what_differs_in_a_leading_number() -> None:
    feet = Footnotes()
    assert [feet.number(n) for n in (THIN, "other", THIN.replace("7", "29", 1), "other")] == [
        1, 2, 1, 2,
    ]  # fmt: skip
    assert feet.texts() == [
        "N completed mated comparisons, fewer than 30 (N from 7 to 29)", "other",
    ]  # fmt: skip


def test_large_contact_sheet_is_embedded_smaller(tables: Tables) -> None:
    sheet = tables.folder / "people" / "contact_sheet.png"
    sheet.parent.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (300, 2400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(sheet)
    (load,) = Parsed(tables.write(figures=(sheet,))).loads
    assert load.startswith("data:image/jpeg;base64,")
    assert len(load) < sheet.stat().st_size


def test_report_needs_no_network_library() -> None:
    code = "import sys, anonbench.report.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_leaks_that_are_meant_or_few_are_no_failure(tmp_path: Path) -> None:
    run = make(tmp_path, leaks=True).run()
    assert notices(run)[0].level == "failure"
    run.leaks["strength"] = "1"  # a blur of one pixel
    assert "is meant to change nothing" in notices(run)[0].text
    assert notices(run)[0].level == "caution"
    run = make(tmp_path, leaks=True).run()
    run.metrics.loc[run.metrics["metric"] == "leak_share", "value"] = 0.005
    assert notices(run)[0].level == "caution"


# Two methods side by side


def _section(page: str) -> str:
    return page.split('<section id="contrasts">')[1].split("</section>")[0]


def test_differences_stand_in_a_table_with_their_reasons(tables: Tables) -> None:
    page = tables.write()
    text = Parsed(_section(page)).text
    assert "how_much: blur_face 50 minus blur_face 5" in text
    assert "face still found haar 90.0 90.0 +0.0 -9.2 to +0.0 1.000" in text
    assert "contrasts" in Parsed(page).targets
    found = compared(tables.run(), (), str)
    assert [c.dataset for c in found] == ["drawn", "people"]
    (only,) = found[1].comparisons
    eer = next(x for x in only.lines if (x.name, x.where) == ("EER", "naive, dlib, detected"))
    assert (eer.first, eer.second, eer.difference) == ("n/a", "20.0", "n/a")
    assert eer.missing == f"blur_face: {THIN}"
    assert f'<abbr title="blur_face: {THIN}">n/a</abbr>' in _section(page)
    named = {line.name for line in only.lines}
    assert "attacker success at FMR 1\N{NO-BREAK SPACE}%" in named and "blacked out" in named


def test_figures_of_a_comparison_are_part_of_the_page(tables: Tables) -> None:
    folder = tables.folder / "people"
    folder.mkdir()
    for name in ("contrasts.png", "landmarks.png"):
        Image.new("RGB", (8, 8)).save(folder / name)
    page = tables.write(figures=tuple(sorted(folder.iterdir())))
    assert _section(page).count("data:image/png;base64,") == 2
    assert "mind its licence" in _section(page), "people are in the picture of landmarks"


def test_run_that_compares_nothing_has_no_such_section(tables: Tables) -> None:
    write_table(pd.DataFrame(columns=list(CONTRAST_COLUMNS)), tables.files["contrasts"])
    page = tables.write()
    assert 'id="contrasts"' not in page and "#contrasts" not in page
    assert set(Parsed(page).targets) <= set(Parsed(page).ids)
