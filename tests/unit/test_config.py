"""The configuration: defaults in one place, mistakes named by their key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from anonbench.config import (
    CONTROLS,
    ConfigError,
    Detection,
    Leaks,
    Metrics,
    Params,
    Protocol,
    load,
    merge,
    parse,
)

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"


def small(**changes: Any) -> dict[str, Any]:
    content = {
        "run": {"datasets": ["mine"], "methods": ["soft"], "recognisers": ["dlib"]},
        "datasets": {"mine": {"path": "data/mine"}},
        "methods": {"soft": {"anonymiser": "blur", "strengths": [5]}},
        "recognisers": {"dlib": {"type": "dlib"}},
    }
    return merge(content, changes)


def problem(content: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        parse(content)
    return str(error.value)


def test_small_configuration_gets_all_defaults() -> None:
    params = parse(small())
    assert params.seed == 1
    assert params.datasets["mine"].type == "folder"
    assert params.datasets["mine"].faces == "all"
    assert params.methods["soft"].detectors == ["haar"]
    assert params.all_methods == ["original", "blank", "soft"]
    assert params.detectors == ["dlib_hog", "haar", "mediapipe_mesh"]
    assert params.run.expressions == [] and params.expressions == {}
    for block in (Detection, Protocol, Metrics, Leaks):
        assert getattr(params, block.__name__.lower()) == block()


# Mistakes


@pytest.mark.parametrize(
    ("changes", "where", "wrong", "right"),
    [
        ({"sede": 1}, "", "sede", "seed"),
        ({"run": {"method": ["soft"]}}, "run", "method", "methods"),
        ({"datasets": {"mine": {"pth": "x"}}}, "datasets.mine", "pth", "path"),
        ({"methods": {"soft": {"strenghts": [5]}}}, "methods.soft", "strenghts", "strengths"),
        ({"recognisers": {"dlib": {"typ": "x"}}}, "recognisers.dlib", "typ", "type"),
        ({"detection": {"subjects": ["haar"]}}, "detection", "subjects", "subject"),
        ({"protocol": {"policy": ["aligned"]}}, "protocol", "policy", "policies"),
        ({"metrics": {"bootstraps": 5}}, "metrics", "bootstraps", "bootstrap"),
        ({"leaks": {"maxshare": 0.5}}, "leaks", "maxshare", "max_share"),
    ],
)
def test_unknown_key_anywhere_names_the_nearest(
    changes: dict[str, Any], where: str, wrong: str, right: str
) -> None:
    message = problem(small(**changes))
    line = next(line for line in message.splitlines() if f"unknown key {wrong!r}" in line)
    assert line.strip().startswith(where) and f"did you mean {right!r}?" in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": {"methods": ["sotf"]}}, ["run.methods", "'sotf'", "'soft'"]),
        ({"run": {"datasets": ["min"]}}, ["run.datasets", "'min'", "'mine'"]),
        ({"run": {"recognisers": ["dlip"]}}, ["run.recognisers", "'dlip'", "'dlib'"]),
        ({"run": {"expressions": ["dna"]}, "expressions": {"dan": {"type": "dan"}}},
         ["run.expressions", "'dna'", "'dan'"]),
        ({"expressions": {"x": {"type": "dna"}}}, ["expressions.x.type", "'dan'"]),
        ({"expressions": {"x": {"type": "dan", "detector": "dlib_hgo"}}},
         ["expressions.x.detector", "'dlib_hog'"]),
        ({"datasets": {"mine": {"type": "foldr"}}}, ["datasets.mine.type", "dataset", "'folder'"]),
        ({"methods": {"soft": {"anonymiser": "pixelise"}}},
         ["methods.soft.anonymiser", "'pixelise'", "'pixelize'"]),
        ({"methods": {"soft": {"detectors": ["hare"]}}}, ["methods.soft.detectors", "'haar'"]),
        ({"recognisers": {"dlib": {"type": "dlib_nativ"}}},
         ["recognisers.dlib.type", "'dlib_native'"]),
        ({"detection": {"subject": ["mtccn"]}}, ["detection.subject", "'mtcnn'"]),
        ({"detection": {"utility": ["mtccn"]}}, ["detection.utility", "'mtcnn'"]),
        ({"detection": {"options": {"mtccn": {}}}}, ["detection.options", "'mtcnn'"]),
        ({"detection": {"landmarks": "haar"}}, ["detection.landmarks", "'mediapipe_mesh'"]),
    ],
)  # fmt: skip
def test_unknown_entry_or_plugin_names_the_nearest(
    changes: dict[str, Any], words: list[str]
) -> None:
    message = problem(small(**changes))
    assert all(w in message for w in words), message


@pytest.mark.parametrize("strength", ["5", "strong", True, None, [5], float("nan")])
def test_strength_of_the_wrong_kind_is_refused(strength: Any) -> None:
    content = small(methods={"soft": {"strengths": [strength]}})
    if isinstance(strength, float):
        # Not-a-number is a number to YAML; the method's own check refuses it.
        from anonbench.validate import check_methods

        with pytest.raises(ConfigError, match=r"methods\.soft\.strengths"):
            check_methods(parse(content))
    else:
        assert "methods.soft.strengths" in problem(content)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"run": {"datasets": ["mine", "mine"]}}, "run.datasets"),
        ({"run": {"methods": ["soft", "soft"]}}, "run.methods"),
        ({"run": {"recognisers": ["dlib", "dlib"]}}, "run.recognisers"),
        ({"methods": {"soft": {"strengths": [5, 5.0]}}}, "methods.soft.strengths"),
        ({"methods": {"soft": {"detectors": ["haar", "haar"]}}}, "methods.soft.detectors"),
        ({"detection": {"subject": ["haar", "haar"]}}, "detection.subject"),
        ({"detection": {"utility": ["haar", "haar"]}}, "detection.utility"),
        ({"protocol": {"attacks": ["naive", "naive"]}}, "protocol.attacks"),
        ({"protocol": {"policies": ["aligned", "aligned"]}}, "protocol.policies"),
        ({"metrics": {"fmr": [0.1, 0.1]}}, "metrics.fmr"),
    ],
)
def test_duplicates_are_refused(changes: dict[str, Any], key: str) -> None:
    message = problem(small(**changes))
    assert f"{key}: listed twice" in message


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"seed": -1}, "seed"),
        ({"run": {"datasets": []}}, "run.datasets"),
        ({"datasets": {"mine": {"max_pixels": 0}}}, "datasets.mine.max_pixels"),
        ({"datasets": {"mine": {"faces": "some"}}}, "datasets.mine.faces"),
        ({"metrics": {"fmr": [0]}}, "metrics.fmr"),
        ({"metrics": {"confidence": 1}}, "metrics.confidence"),
        ({"metrics": {"bootstrap": -1}}, "metrics.bootstrap"),
        ({"leaks": {"max_share": 1.5}}, "leaks.max_share"),
        ({"expressions": {"x": {"type": "dan", "gate": 1.5}}}, "expressions.x.gate"),
        ({"leaks": {"psnr": float("nan")}}, "leaks.psnr"),
        ({"protocol": {"attacks": []}}, "protocol.attacks"),
        ({"methods": {"Soft Face": {"anonymiser": "blur"}}}, "methods.Soft Face"),
        ({"datasets": None}, "datasets"),
    ],
)
def test_values_out_of_range_are_refused_by_key(changes: dict[str, Any], key: str) -> None:
    assert key in problem(small(**changes))


@pytest.mark.parametrize("control", CONTROLS)
def test_names_of_controls_are_taken(control: str) -> None:
    message = problem(small(methods={control: {"anonymiser": "blur"}}))
    assert f"methods.{control}" in message and "control" in message


def test_all_problems_are_listed_at_once() -> None:
    message = problem(small(seed=-1, metrics={"bootstrap": -2}, leaks={"psnr": 0}))
    assert len(message.splitlines()) == 4
    assert "(given: -1)" in message and message.startswith("params.yaml cannot be used:")


def test_controls_may_be_asked_for_and_are_in_every_run() -> None:
    params = parse(small(run={"methods": ["original", "soft"]}))
    assert params.all_methods == ["original", "blank", "soft"]
    assert params.method("blank").anonymiser == "blank"


def test_configuration_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(small()).seed = 2  # type: ignore[misc]


# Layers


def test_mappings_merge_and_lists_are_replaced() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merge(below, {"a": {"y": [3]}, "c": {}}) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": {}}
    assert merge(below, {"a": 5})["a"] == 5 and merge({"a": 5}, {"a": {"x": 1}})["a"] == {"x": 1}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 1}, "the lower layer stays as it was"


def test_later_files_win_and_messages_name_all(tmp_path: Path) -> None:
    files = [tmp_path / f"{k}.yaml" for k in range(3)]
    for file, content in zip(files, (small(), {"seed": 2}, {"seed": 3}), strict=True):
        file.write_text(yaml.safe_dump(content))
    assert load(*files).seed == 3
    files[2].write_text("seed: -1")
    with pytest.raises(ConfigError, match=r"0\.yaml \+ .*2\.yaml cannot be used"):
        load(*files)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("a: [", "not valid YAML"), ("- a", "expected a mapping"),
     ("", "expected a mapping")],
)  # fmt: skip
def test_unusable_files_are_named(content: str | None, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=words) as error:
        load(file)
    assert "mine.yaml" in str(error.value)


# The repository's own files


def test_params_yaml_can_be_used() -> None:
    params = load(PARAMS)
    assert params.run.methods and set(params.run.methods) <= set(params.methods)


@pytest.mark.parametrize("written", ["4:2:0", "4:2:2", "4:4:4"])
def test_subsampling_survives_without_quotes(written: str, tmp_path: Path) -> None:
    """As `dvc exp run -S` leaves it: PyYAML then reads a number to base 60."""
    layer = tmp_path / "layer.yaml"
    layer.write_text(f"rendered: {{subsampling: {written}}}\n")
    assert isinstance(yaml.safe_load(layer.read_text())["rendered"]["subsampling"], int)
    assert load(PARAMS, layer).rendered.subsampling == written


@pytest.mark.parametrize("block", ["seed", "detection", "protocol", "metrics", "leaks", "rendered"])
def test_params_yaml_spells_the_defaults_of_the_code_out(block: str) -> None:
    written = yaml.safe_load(PARAMS.read_text())[block]
    default = Params.model_fields[block].default
    expected = default.model_dump() if hasattr(default, "model_dump") else default
    assert written == expected, f"params.yaml and config.py disagree on the defaults of {block}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda p: p.stem
)
def test_experiments_can_be_used(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonbench.validate import check_methods

    params = load(PARAMS, path)
    monkeypatch.chdir(tmp_path)
    for name in params.run.methods:
        if params.methods[name].anonymiser == "external":
            # What somebody else makes is not here.
            Path(params.methods[name].options["path"]).mkdir(parents=True)
    check_methods(params)


def test_schema_is_in_step() -> None:
    written = json.loads((ROOT / "workflow/schemas/params.schema.json").read_text())
    assert written == Params.model_json_schema(), "run `make schema`"


def test_every_key_is_explained_in_the_schema() -> None:
    definitions = Params.model_json_schema()["$defs"]
    for name, block in definitions.items():
        assert block["description"], name
        for key, entry in block["properties"].items():
            assert entry.get("description"), f"{name}.{key} has no description"
