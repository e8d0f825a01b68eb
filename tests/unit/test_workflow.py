"""The plan: what the rules are told, from the configuration alone."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.exceptions import WorkflowError

from anonbench.config import parse
from anonbench.drawn_names import DRAWN
from anonbench.protocols import DISTANCES
from anonbench.workflow import Plan, folder_fingerprint

ROOT = Path(__file__).parents[2]
CONTENT = {
    "run": {"datasets": ["mine", "drawn"], "methods": ["soft"], "recognisers": ["dlib", "slow"]},
    "datasets": {
        "mine": {"path": "data/mine", "faces": "all", "subject": "central"},
        "drawn": {"path": "data/drawn", "faces": "largest"},
        "unused": {"path": "data/unused"},
    },
    "methods": {
        "soft": {"anonymiser": "blur", "detectors": ["haar", "mtcnn"]},
        "theirs": {"anonymiser": "external", "options": {"path": "theirs/{strength}/x"}},
    },
    "recognisers": {"dlib": {"type": "dlib"}, "slow": {"type": "dlib_native"}},
    "detection": {"subject": ["dlib_hog"], "utility": ["dlib_hog"], "landmarks": ""},
}


@pytest.fixture()
def plan() -> Plan:
    return Plan(parse(CONTENT), ROOT)


def test_detections_are_those_of_the_method(plan: Plan) -> None:
    assert plan.method_detections("soft", "mine") == [
        "results/detect/mine/haar.parquet", "results/detect/mine/mtcnn.parquet",
    ]  # fmt: skip
    assert plan.method_detections("original", "mine") == []
    # Also of a method outside the run: without detections it would black everything out.
    assert plan.method_detections("theirs", "mine") == ["results/detect/mine/haar.parquet"]


def test_faces_of_originals_are_known_where_the_run_looks_for_them(plan: Plan) -> None:
    assert plan.known_faces("haar") == "results/detect/{dataset}/haar.parquet"
    assert plan.known_faces("mediapipe_mesh") == []


def test_only_who_looks_at_everybody_is_prepared() -> None:
    same = {"anonymiser": "ksame_m", "detectors": ["dlib_hog"]}
    content: dict[str, Any] = {
        **CONTENT,
        "run": {**CONTENT["run"], "methods": ["soft", "same"]},  # type: ignore[dict-item]
        "methods": {**CONTENT["methods"], "same": same},  # type: ignore[dict-item]
    }
    plan = Plan(parse(content), ROOT)
    assert plan.prepared("soft", "mine") == plan.prepared("original", "mine") == []
    stem = "results/anonymise/same/mine"
    assert plan.prepared("same", "mine") == [f"{stem}.prepared.tar", f"{stem}.prepared.parquet"]
    assert plan.guarantees(plan.methods) == [
        f"{stem}.guarantee.csv", "results/anonymise/same/drawn.guarantee.csv",
    ]  # fmt: skip
    assert plan.guarantees(["soft"]) == []
    assert [s for s in plan.timed_stages if s in ("prepare", "vouch")] == ["prepare", "vouch"]
    assert plan.job_files("vouch", "{method}/{dataset}") == ["same/mine", "same/drawn"]
    assert plan.job_files("score", "{method}/mine") == [f"{m}/mine" for m in plan.methods]
    # Edited code of grouping reruns what was grouped.
    groups = "src/anonbench/anonymisers/_ksame_groups.py"
    assert groups in plan.library("prepare", method="same")
    assert groups not in plan.library("anonymise", method="soft")


def test_controls_named_in_the_run_wait_for_no_detector() -> None:
    content: dict[str, Any] = {**CONTENT, "run": {**CONTENT["run"], "methods": ["original"]}}  # type: ignore[dict-item]
    plan = Plan(parse(content), ROOT)
    assert plan.methods == ["original", "blank"]
    assert plan.method_detections("original", "mine") == []
    assert plan.params.detectors == ["dlib_hog"]


def with_keypoints(**options: Any) -> dict[str, Any]:
    """The configuration with a detector that needs weights, on the originals only."""
    methods: dict[str, Any] = {
        **CONTENT["methods"],  # type: ignore[dict-item]
        "soft": {"anonymiser": "blur", "detectors": ["torchvision_keypoints"]},
    }
    chosen = {"datasets": ["drawn"], "methods": ["soft"]}
    detection = {**CONTENT["detection"], "options": {"torchvision_keypoints": options}}  # type: ignore[dict-item]
    run = {**CONTENT["run"], **chosen}  # type: ignore[dict-item]
    return {**CONTENT, "run": run, "methods": methods, "detection": detection}


KEYPOINTS = "keypointrcnn_resnet50_fpn_coco-fc266e95.pth"


def test_missing_weights_of_a_detector_stop_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANONBENCH_WEIGHTS", str(tmp_path))
    message = rf"detection\.torchvision_keypoints: .*{KEYPOINTS}: missing.*methods\.soft\.detectors"
    with pytest.raises(WorkflowError, match=message):
        Plan.of(with_keypoints(), ROOT)
    (tmp_path / "mine.pth").write_bytes(b"PK\x03\x04")
    assert Plan.of(with_keypoints(weights=str(tmp_path / "mine.pth")), ROOT).datasets == ["drawn"]


def test_weights_of_a_detector_rerun_detection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANONBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / KEYPOINTS).write_bytes(b"one")
    plan = Plan(parse(with_keypoints()), ROOT)
    assert plan.detector_weights("dlib_hog", "haar") == {}
    assert plan.detector_weights("torchvision_keypoints") == {
        "keypointrcnn_coco": hashlib.sha256(b"one").hexdigest()
    }
    first = plan.code()
    (tmp_path / KEYPOINTS).write_bytes(b"other")
    second = plan.code()
    changed = {k for k, found in first["stage"].items() if second["stage"][k] != found}
    assert changed == {"detect"} and first["method"] == second["method"]
    assert first["weights"] == {}, "no method's images are looked at with it"
    content = with_keypoints()
    content["detection"] = {**content["detection"], "utility": ["torchvision_keypoints"]}
    assert list(Plan(parse(content), ROOT).code()["weights"]) == ["keypointrcnn_coco"]


def test_code_of_who_finds_a_detectors_faces_is_followed() -> None:
    name = "torchvision_keypoints"
    files = Plan(parse(with_keypoints()), ROOT).library("detect", detector=name)
    assert {f"src/anonbench/detectors/{n}.py" for n in (name, "mtcnn")} <= set(files)
    assert "src/anonbench/models/keypoint_rcnn.py" in files
    assert "src/anonbench/detectors/haar.py" not in files
    files = Plan(parse(with_keypoints(faces="haar")), ROOT).library("detect", detector=name)
    assert "src/anonbench/detectors/haar.py" in files
    assert "src/anonbench/detectors/mtcnn.py" not in files


def test_scores_are_listed_by_data_set_method_recogniser(plan: Plan) -> None:
    scores = plan.scores("metrics.csv")
    assert scores[:3] == [
        "results/score/original/mine.dlib.metrics.csv",
        "results/score/original/mine.slow.metrics.csv",
        "results/score/blank/mine.dlib.metrics.csv",
    ]
    assert len(scores) == 2 * 3 * 2
    assert plan.per_method("{dataset}:{method}")[2:4] == ["mine:soft", "drawn:original"]


def with_networks(**more: Any) -> dict[str, Any]:
    """The configuration with mini-Xception in the run, and another in the catalogue."""
    entry = {"type": "mini_xception", "options": {"weights": "mini_xception"}, **more}
    return {
        **CONTENT,
        "run": {**CONTENT["run"], "datasets": ["drawn"], "expressions": ["mini"]},  # type: ignore[dict-item]
        "expressions": {"mini": entry, "unused": {"type": "mini_xception"}},
    }


def test_networks_look_at_every_method_with_their_own_detector() -> None:
    plan = Plan(parse(with_networks(detector="mediapipe_mesh")), ROOT)
    assert plan.expressions("metrics.csv") == [
        f"results/expression/{m}/drawn.mini.metrics.csv" for m in ("original", "blank", "soft")
    ]
    assert plan.network_detections("mini") == (
        "results/redetect/{method}/{dataset}.mediapipe_mesh.parquet"
    )
    assert "mediapipe_mesh" in plan.params.redetectors
    assert plan.no_expressions(plan.methods) == []
    assert plan.pattern("expressions") == "mini|unused"
    assert list(plan.resolved()["expressions"]) == list(plan.summary()["expressions"]) == ["mini"]
    assert plan.fill("{method}.{network}") == [f"{m}.mini" for m in plan.methods]
    assert {"classify", "score_expressions"} < set(plan.timed_stages)
    assert "confusion.mini.aligned.svg" in plan.figure_names()
    labels = plan.figure_labels("confusion.mini.aligned.svg")
    assert labels == {"figure": "confusion", "network": "mini", "policy": "aligned"}
    files = plan.library("classify", network="mini")
    assert "src/anonbench/expressions/mini_xception.py" in files
    assert "src/anonbench/expressions/dan.py" not in files


def test_run_without_networks_says_so_to_dvc(plan: Plan) -> None:
    assert plan.networks == plan.expressions("metrics.csv") == []
    assert plan.no_expressions(["soft"]) == [
        "results/classify/soft/none.json", "results/expression/soft/none.json",
    ]  # fmt: skip
    assert re.fullmatch(plan.pattern("expressions"), "") is None
    assert plan.code()["weights"] == {} and "classify" not in plan.timed_stages


def test_missing_weights_say_what_to_do_unless_nobody_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANONBENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(
        WorkflowError, match=r"expressions\.mini: .*hdf5: missing.*run\.expressions"
    ):
        Plan.of(with_networks(), ROOT)
    (tmp_path / "fer2013_mini_XCEPTION.102-0.66.hdf5").write_bytes(b"other")
    with pytest.raises(WorkflowError, match=r"expressions\.mini: .*SHA-256 is .*expected"):
        Plan.of(with_networks(), ROOT)
    with pytest.raises(WorkflowError, match=r"expressions\.mini: unknown model 'mini_exception'"):
        Plan.of(with_networks(options={"weights": "mini_exception"}), ROOT)
    unused = with_networks()
    unused["run"]["expressions"] = []
    assert Plan.of(unused, ROOT).networks == []


def test_weights_are_known_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANONBENCH_WEIGHTS", str(tmp_path))
    plan = Plan(parse(with_networks(options={"weights": "dan_rafdb"})), ROOT)
    place = tmp_path / "rafdb_epoch21_acc0.897_bacc0.8275.pth"
    assert plan.weights("mini") == {"dan_rafdb": "absent"}
    place.write_bytes(b"one")
    first = plan.weights("mini")["dan_rafdb"]
    os.utime(place, ns=(10, 10))
    assert plan.weights("mini")["dan_rafdb"] == first == hashlib.sha256(b"one").hexdigest()
    assert plan.code()["weights"] == {"dan_rafdb": first}
    place.write_bytes(b"two")
    assert plan.weights("mini")["dan_rafdb"] != first
    # Without the option it is the plug-in that knows which.
    default = Plan(parse(with_networks(options={})), ROOT)
    assert list(default.weights("mini")) == ["mini_xception"]


def test_wildcards_match_entries_only(plan: Plan) -> None:
    assert plan.pattern("datasets") == "drawn|mine|unused"
    assert plan.pattern("methods") == "blank|original|soft|theirs"
    assert plan.pattern("detectors") == "dlib_hog|haar|mtcnn"


def test_patterns_are_filled_with_the_names_of_the_run(plan: Plan) -> None:
    names = [f"{d}/{n}" for d in ("mine", "drawn") for n in ("dlib_hog", "haar", "mtcnn")]
    assert plan.fill("{dataset}/{detector}") == names
    assert plan.fill("{method}.{detector}") == [f"{m}.dlib_hog" for m in plan.methods]
    assert plan.fill("whole") == ["whole"]


def test_whose_landmarks_are_compared_looks_at_originals_and_results() -> None:
    detection = {"subject": ["dlib_hog"], "utility": ["haar"], "landmarks": "mediapipe_mesh"}
    params = parse({**CONTENT, "detection": detection})
    assert params.detection.reported == ["haar", "mediapipe_mesh"]
    assert "mediapipe_mesh" in params.detectors and "mediapipe_mesh" in params.redetectors
    detection["utility"] = ["mediapipe_mesh", "haar"]  # type: ignore[assignment]
    again = parse({**CONTENT, "detection": detection})
    assert again.detection.reported == ["mediapipe_mesh", "haar"], "once, and in order"


def test_attacks_always_hold_baseline_and_distances(plan: Plan) -> None:
    assert plan.attacks == ["baseline", "naive", "reverse", "parrot", *DISTANCES]


def test_resolved_configuration_holds_what_the_run_uses(plan: Plan) -> None:
    resolved = plan.resolved()
    assert set(resolved["datasets"]) == {"mine", "drawn"} and set(resolved["methods"]) == {"soft"}
    assert resolved["metrics"]["bootstrap"] == 1000, "defaults are spelled out"


def test_subject_follows_the_faces_policy(plan: Plan) -> None:
    assert plan.subject_policy("mine") == "central" and plan.subject_policy("drawn") == "largest"


def test_drawn_files_are_outputs_of_the_workflow(plan: Plan) -> None:
    files = plan.drawn_files()
    assert files[0] == "data/drawn/labels.csv"
    assert len(files) == 1 + DRAWN["subjects"] * DRAWN["views"]
    assert plan.is_drawn("drawn") and plan.dataset_inputs("drawn") == files
    assert plan.fingerprint("drawn") == "", "its files are inputs one by one"


def test_missing_data_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkflowError, match=r"'mine'.*data/mine.*datasets\.mine\.path"):
        Plan.of(CONTENT, ROOT)
    (tmp_path / "data" / "mine").mkdir(parents=True)
    assert Plan.of(CONTENT, ROOT).dataset_inputs("mine") == []
    (tmp_path / "data" / "mine" / "labels.csv").write_text("")
    assert Plan.of(CONTENT, ROOT).dataset_inputs("mine") == ["data/mine/labels.csv"]


def test_shards_are_inputs_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So Snakemake sees a changed shard, and pulled files need no more than a touch."""
    monkeypatch.chdir(tmp_path)
    content: dict[str, Any] = {**CONTENT, "datasets": {
        **CONTENT["datasets"], "mine": {"path": "data/mine", "type": "shards"},  # type: ignore[dict-item]
    }}  # fmt: skip
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    for name in ("x-1.tar", "x-0.tar", "labels.csv", "notes.txt"):
        (folder / name).write_text("")
    plan = Plan.of(content, ROOT)
    files = ["labels.csv", "x-0.tar", "x-1.tar"]
    assert plan.dataset_inputs("mine") == [f"data/mine/{name}" for name in files]
    assert plan.fingerprint("mine") == ""


def test_data_that_dvc_knows_is_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.dvc").write_text("")
    with pytest.raises(
        WorkflowError, match=r"'data/mine' is not there yet.*dvc pull data/mine\.dvc"
    ):
        Plan.of(CONTENT, ROOT)
    (tmp_path / "data" / "faces.dvc").write_text("")
    bundled = {"mine": {"path": "data/faces/", "type": "shards"}}
    content: dict[str, Any] = {**CONTENT, "datasets": {**CONTENT["datasets"], **bundled}}  # type: ignore[dict-item]
    with pytest.raises(
        WorkflowError, match=r"bundled faces .*dvc pull data/faces\.dvc.*no network"
    ):
        Plan.of(content, ROOT)


def test_figures_of_every_data_set(plan: Plan) -> None:
    figures = plan.figures()
    assert len(figures) == len(set(figures)) == 2 * len(plan.figure_names())
    assert "results/figures/mine/det.naive.dlib.detected.svg" in figures


def _compared(landmarks: str = "mediapipe_mesh") -> Plan:
    kept = {"name": "kept", "methods": ["soft", "blank"], "strengths": [15, None]}
    gone = {"name": "gone", "methods": ["soft", "theirs"]}
    detection = {**CONTENT["detection"], "landmarks": landmarks}  # type: ignore[dict-item]
    return Plan(parse({**CONTENT, "detection": detection, "contrasts": [gone, kept]}), ROOT)


def test_compared_methods_are_those_of_the_run() -> None:
    summary = _compared().summary()
    assert [c["name"] for c in summary["contrasts"]] == ["kept"]
    assert summary["left_out"] == ["gone"]
    assert yaml.safe_load(yaml.safe_dump(summary)) == summary


def test_figure_of_landmarks_reads_the_methods_own_detectors_and_the_observer() -> None:
    plan = _compared()
    assert plan.pictured() == (["soft", "blank"], ["haar", "mtcnn", "mediapipe_mesh"])
    assert plan.faces_pictured()[0] == "results/detect/{dataset}/haar.parquet"
    assert plan.refound_pictured() == [
        f"results/redetect/{m}/{{dataset}}.mediapipe_mesh.parquet" for m in ("soft", "blank")
    ]
    assert set(plan.pictured()[1]) <= set(plan.params.detectors), "the run makes these tables"
    assert "landmarks.png" in plan.figure_names()
    without = _compared(landmarks="")
    assert without.pictured() == ([], []) and without.refound_pictured() == []
    assert "contrasts.svg" in without.figure_names()
    assert "landmarks.png" not in without.figure_names()


def test_run_that_compares_nothing_has_no_figure_of_it(plan: Plan) -> None:
    assert plan.pictured() == ([], []) and plan.faces_pictured() == []
    assert not {n.split(".")[0] for n in plan.figure_names()} & {"contrasts", "landmarks"}


def test_mistake_becomes_an_error_of_the_workflow() -> None:
    with pytest.raises(WorkflowError, match="did you mean 'blur'"):
        Plan.of({**CONTENT, "methods": {"soft": {"anonymiser": "blurr"}}}, ROOT)
    with pytest.raises(WorkflowError, match=r"methods\.soft\.strengths"):
        Plan.of({**CONTENT, "methods": {"soft": {"anonymiser": "blur", "strengths": [1.5]}}}, ROOT)


def test_fingerprint_notices_every_change(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"x")
    os.utime(tmp_path / "a" / "1.png", ns=(10, 10))
    seen = [folder_fingerprint(tmp_path)]
    assert folder_fingerprint(tmp_path) == seen[0]
    os.utime(tmp_path / "a" / "1.png", ns=(10, 20))
    seen.append(folder_fingerprint(tmp_path))
    (tmp_path / "a" / "1.png").write_bytes(b"xy")
    os.utime(tmp_path / "a" / "1.png", ns=(10, 20))
    seen.append(folder_fingerprint(tmp_path))
    (tmp_path / "a" / "1.png").rename(tmp_path / "a" / "2.png")
    seen.append(folder_fingerprint(tmp_path))
    (tmp_path / "b.png").write_bytes(b"")
    seen.append(folder_fingerprint(tmp_path))
    assert len(set(seen)) == 5


def test_fingerprint_of_finished_images_covers_all_strengths(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan.external_fingerprint("soft") == ""
    before = plan.external_fingerprint("theirs")
    (tmp_path / "theirs" / "5" / "x").mkdir(parents=True)
    (tmp_path / "theirs" / "5" / "x" / "1.png").write_bytes(b"")
    assert plan.external_fingerprint("theirs") != before


def test_params_of_rules_are_plain_values(plan: Plan) -> None:
    """Snakemake compares them between runs as text."""
    for block in (
        plan.summary(),
        plan.dataset("mine"),
        plan.method("soft"),
        plan.recogniser("dlib"),
    ):
        assert yaml.safe_load(yaml.safe_dump(block)) == block


def with_ciagan(**more: Any) -> dict[str, Any]:
    """The configuration with a method that has weights, beside one without."""
    entry = {
        "anonymiser": "ciagan", "detectors": ["dlib_hog"], "options": {"weights": "ciagan_celeba"},
    }  # fmt: skip
    methods: dict[str, Any] = {**CONTENT["methods"], "drawn_anew": {**entry, **more}}  # type: ignore[dict-item]
    chosen = {"datasets": ["drawn"], "methods": ["soft", "drawn_anew"]}
    return {**CONTENT, "run": {**CONTENT["run"], **chosen}, "methods": methods}  # type: ignore[dict-item]


def test_missing_weights_of_a_method_stop_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANONBENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(
        WorkflowError, match=r"methods\.drawn_anew: .*modelG\.pth: missing.*run\.methods"
    ):
        Plan.of(with_ciagan(), ROOT)
    with pytest.raises(WorkflowError, match=r"methods\.drawn_anew: unknown model 'ciagan_celbea'"):
        Plan.of(with_ciagan(options={"weights": "ciagan_celbea", "landmarks": "dlib"}), ROOT)
    (tmp_path / "modelG.pth").write_bytes(b"PK\x03\x04")
    assert Plan.of(with_ciagan(), ROOT).methods[-1] == "drawn_anew"
    with pytest.raises(
        WorkflowError, match=r"methods\.drawn_anew\.detectors: haar: .*`detectors: \[dlib_hog\]`"
    ):
        Plan.of(with_ciagan(detectors=["haar"]), ROOT)


def test_weights_of_a_method_rerun_that_method_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANONBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / "modelG.pth").write_bytes(b"one")
    plan = Plan(parse(with_ciagan()), ROOT)
    assert plan.method_weights("soft") == plan.method_weights("blank") == {}
    assert plan.method_weights("drawn_anew") == {
        "ciagan_celeba": hashlib.sha256(b"one").hexdigest()
    }
    first = plan.code()
    (tmp_path / "modelG.pth").write_bytes(b"other")
    second = plan.code()
    changed = {m for m, found in first["method"].items() if second["method"][m] != found}
    assert changed == {"drawn_anew"} and first["weights"] == second["weights"] == {}
    assert "src/anonbench/models/ciagan.py" in plan.library("anonymise", method="drawn_anew")
