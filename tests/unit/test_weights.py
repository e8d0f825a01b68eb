"""The registry of weights: nothing is loaded that is not what it should be."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from anonbench import provenance, validate, weights
from anonbench.cli import app
from anonbench.expressions import EXPRESSIONS
from anonbench.registry import UnknownNameError
from anonbench.used_weights import used_weights, uses
from anonbench.weight_formats import read
from anonbench.weight_models import hash_list
from anonbench.weights import Verdict, WeightsError

ROOT = Path(__file__).parents[2]
ZIP = b"PK\x03\x04"
"""How PyTorch's files begin."""
BUNDLED = [name for name, entry in weights.MODELS.items() if entry.bundled]
RAFDB = "rafdb_epoch21_acc0.897_bacc0.8275.pth"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "weights"
    place.mkdir()
    monkeypatch.setenv(weights.VARIABLE, str(place))
    return place


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["weights", *arguments])


def known(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Let the registry expect this content of mini_xception's file."""
    entry = weights.Model(**{**vars(weights.MODELS["mini_xception"]), "known": digest(content)})
    monkeypatch.setitem(weights.MODELS, "mini_xception", entry)


def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> None:
    """Let the list of hashes expect this content of every bundled file."""
    listed = tmp_path / f"{digest(content)}.sha256"
    lines = [f"{digest(content)}  {weights.MODELS[name].file}" for name in BUNDLED]
    listed.write_text("\n".join(["# note", *lines, ""]))
    monkeypatch.setattr("anonbench.weight_models.HASH_LIST", listed)


def untrained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("anonbench.weight_models.HASH_LIST", tmp_path / "none.sha256")


# What is known of each model


def test_orders_of_classes_are_those_that_the_networks_were_trained_with() -> None:
    # RAF-DB's labels 1..7; the list of DAN's demonstration for AffectNet; FER2013's 0..6.
    orders = {
        "dan_rafdb": "surprise fear disgust happiness sadness anger neutral",
        "dan_affectnet7": "neutral happiness sadness surprise fear disgust anger",
        "dan_affectnet8": "neutral happiness sadness surprise fear disgust anger contempt",
        "mini_xception": "anger disgust fear happiness sadness surprise neutral",
        "dan_rendered": " ".join(EXPRESSIONS),
        **dict.fromkeys(
            [
                "resnet18_msceleb",
                "ciagan_dlib",
                "ciagan_mediapipe",
                "ciagan_celeba",
                "deepprivacy_rendered",
                "deepprivacy_fdf128",
                "deepprivacy_v1",
                "cleanir_rendered",
                "cleanir_vggface2",
                "ren_rendered_2",
                "ren_rendered_10",
                "ren_rendered_50",
                "ren_casia",
                "narula_rendered_1",
                "narula_rendered_3",
                "mmda_rendered",
                "proxies_rendered",
                "keypointrcnn_coco",
                "dsfd_widerface",
            ],
            "",
        ),
    }
    assert {n: " ".join(m.classes) for n, m in weights.MODELS.items()} == orders


@pytest.mark.parametrize("name", weights.MODELS)
def test_everything_is_said_of_a_model(name: str) -> None:
    entry = weights.model(name)
    for text in (entry.file, entry.licence, entry.home, entry.how, entry.citation):
        assert text
    assert len(entry.input.mean) == len(entry.input.deviation)
    assert len(entry.input.mean) == {"RGB": 3, "grey": 1}[entry.input.colour]
    assert entry.sha256 is None or len(bytes.fromhex(entry.sha256)) == 32
    assert weights.file(name).parent == weights.folder()


def test_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'dan_rafdb'"):
        weights.path("dan_raf_db")


def test_hash_lists_are_those_of_sha256sum(tmp_path: Path) -> None:
    place = tmp_path / "list"
    place.write_text("# note\nab  one\ncd *two\n\n")
    assert hash_list(place) == {"one": "ab", "two": "cd"}


def test_folder_is_the_projects_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights.VARIABLE)
    assert weights.path.__doc__ and weights.folder() == Path("data/weights")


def test_registry_needs_no_numerical_library() -> None:
    code = (
        "import sys; from anonbench import weights; weights.state('mini_xception')\n"
        "assert not {'numpy', 'pandas', 'torch', 'h5py', 'safetensors'} & set(sys.modules)"
    )
    env = {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)


# Missing and wrong files


@pytest.mark.parametrize("name", sorted(set(weights.MODELS) - set(BUNDLED)))
def test_missing_file_says_how_to_get_it(name: str, folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"missing; .*download") as error:
        weights.path(name)
    for part in (str(weights.file(name)), f"fetch {name} --from FILE", "https://"):
        assert part in str(error.value)
    assert list(folder.iterdir()) == [], "looking for a file records nothing"


def test_file_with_a_known_hash(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    known(monkeypatch, b"right")
    place = weights.file("mini_xception")
    place.write_bytes(b"right")
    assert weights.path("mini_xception") == place
    assert weights.state("mini_xception").verdict == Verdict.VERIFIED
    place.write_bytes(b"wrong")
    with pytest.raises(WeightsError, match=f"{digest(b'wrong')}, expected {digest(b'right')}"):
        weights.path("mini_xception")
    with pytest.raises(WeightsError, match="delete it"):
        weights.arrays("mini_xception")
    assert not (folder / weights.RECORD).exists()


def test_bundled_file_that_nobody_has_trained_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    untrained(monkeypatch, tmp_path)
    weights.file("dan_rendered").write_bytes(b"anything")
    for attempt in (weights.path, weights.arrays, weights.fetch):
        with pytest.raises(WeightsError, match="comes without these weights"):
            attempt("dan_rendered")
    with pytest.raises(WeightsError, match="comes without these weights"):
        weights.install("dan_rendered", weights.file("dan_rendered"))
    assert not (folder / weights.RECORD).exists()


def test_bundled_file_must_have_the_hash_of_the_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trained(monkeypatch, tmp_path, b"trained")
    with pytest.raises(WeightsError, match=r"missing; `make weights` or `anonbench weights fetch"):
        weights.path("dan_rendered")
    weights.file("dan_rendered").write_bytes(b"other")
    with pytest.raises(WeightsError, match="expected"):
        weights.path("dan_rendered")
    weights.file("dan_rendered").write_bytes(b"trained")
    assert weights.path("dan_rendered") == weights.file("dan_rendered")


# Files whose hash nobody published


def test_first_use_is_recorded_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = folder / RAFDB
    place.write_bytes(ZIP + b"first")
    assert weights.state("dan_rafdb").verdict == Verdict.NEW
    assert not (folder / weights.RECORD).exists(), "looking is not using"
    assert weights.path("dan_rafdb") == place
    assert digest(ZIP + b"first") in caplog.text and "any other is an error" in caplog.text
    assert json.loads((folder / weights.RECORD).read_text()) == {
        "dan_rafdb": digest(ZIP + b"first")
    }
    caplog.clear()
    weights.path("dan_rafdb")
    assert caplog.text == "" and weights.state("dan_rafdb").verdict == Verdict.RECORDED
    place.write_bytes(ZIP + b"second")
    with pytest.raises(WeightsError, match=f"was {digest(ZIP + b'first')} when it was first used"):
        weights.path("dan_rafdb")
    assert json.loads((folder / weights.RECORD).read_text()) == {
        "dan_rafdb": digest(ZIP + b"first")
    }


def test_first_digits_of_a_hash_are_checked_where_no_more_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    # 32 of 256 bits: enough to tell a wrong file, so the rest is recorded as of any other.
    right, wrong = ZIP + b"right", ZIP + b"wrong"
    entry = weights.Model(**{**vars(weights.MODELS["dan_rafdb"]), "begins": digest(right)[:8]})
    monkeypatch.setitem(weights.MODELS, "dan_rafdb", entry)
    expected = f"expected one that begins with {digest(right)[:8]}; .*delete it"
    (folder / RAFDB).write_bytes(wrong)
    assert weights.state("dan_rafdb").verdict == Verdict.WRONG
    with pytest.raises(WeightsError, match=expected):
        weights.path("dan_rafdb")
    (folder / RAFDB).unlink()
    mine = tmp_path / "mine.pth"
    mine.write_bytes(wrong)
    with pytest.raises(WeightsError, match=expected):
        weights.install("dan_rafdb", mine)
    assert list(folder.iterdir()) == []
    mine.write_bytes(right)
    assert weights.install("dan_rafdb", mine).verdict == Verdict.RECORDED


def test_another_jobs_record_counts(folder: Path) -> None:
    (folder / RAFDB).write_bytes(ZIP + b"mine")
    assert weights._record("dan_rafdb", digest(ZIP + b"theirs")) == digest(ZIP + b"theirs")
    assert weights._record("dan_rafdb", digest(ZIP + b"mine")) == digest(ZIP + b"theirs"), (
        "the first stays"
    )
    with pytest.raises(WeightsError, match="first used"):
        weights.path("dan_rafdb")


def test_jobs_that_use_files_first_at_once_lose_no_record(folder: Path) -> None:
    names = ("dan_rafdb", "dan_affectnet7", "dan_affectnet8", "resnet18_msceleb")
    for name in names:
        weights.file(name).write_bytes(ZIP + name.encode() * 1000)
    code = (
        "import sys, pathlib, time\nfrom anonbench import weights\n"
        "go = pathlib.Path(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "while not go.exists(): time.sleep(0.001)\n"
        "for name in sys.argv[2:]: weights.path(name)\n"
    )
    go = folder / "go"
    env = {"PYTHONPATH": str(ROOT / "src"), weights.VARIABLE: str(folder)}
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(go), *names[k:], *names[:k]], env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for k in range(len(names))
    ]  # fmt: skip
    for job in jobs:
        assert job.stdout is not None and job.stdout.readline() == "ready\n"
    go.touch()
    said = "".join(job.communicate()[1] for job in jobs)
    assert [job.returncode for job in jobs] == [0] * len(jobs), said
    expected = {name: digest(ZIP + name.encode() * 1000) for name in names}
    assert json.loads((folder / weights.RECORD).read_text()) == expected
    assert said.count("any other is an error") == len(names), "each is said once, by one job"
    assert [p.name for p in folder.glob(".*.tmp")] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"<!DOCTYPE html>", "a web page"), (b"\n <html>", "a web page"), (b"", "no PyTorch file")],
)
def test_what_cannot_be_weights_is_not_recorded(
    tmp_path: Path, folder: Path, content: bytes, message: str
) -> None:
    (folder / RAFDB).write_bytes(content)
    with pytest.raises(WeightsError, match=f"{RAFDB}: {message}.*delete it, then download"):
        weights.path("dan_rafdb")
    (folder / RAFDB).unlink()
    mine = tmp_path / "download.pth"
    mine.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"download\.pth: {message}"):
        weights.install("dan_rafdb", mine)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"dan_rafdb": 1}'])
def test_broken_record_is_an_error(folder: Path, content: str) -> None:
    (folder / RAFDB).write_bytes(b"x")
    (folder / weights.RECORD).write_text(content)
    with pytest.raises(WeightsError, match=r"recorded\.json.*repair or delete"):
        weights.path("dan_rafdb")


# Files as arrays


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    values = np.array([[1.5, -2.25]], np.float16)
    save_file({"module.w": values, "module.n": np.array([7])}, tmp_path / "w.safetensors")
    found = read(tmp_path / "w.safetensors")
    assert found["w"].dtype == np.float32 and found["n"].dtype == np.int64
    np.testing.assert_array_equal(found["w"], [[1.5, -2.25]])


@pytest.mark.parametrize(
    "around",
    [
        lambda s: s,
        lambda s: {"state_dict": s},
        lambda s: {"iter": 3, "model_state_dict": s, "optimizer_state_dict": {"state": {}}},
        lambda s: {"model_state_dict": s, "state_dict": {"w": torch.zeros(1)}},
        lambda s: {f"module.{k}": v for k, v in s.items()},
    ],
)
def test_checkpoints_of_pytorch(tmp_path: Path, around: Any) -> None:
    state = {"w": torch.tensor([1.5, 2.0], dtype=torch.bfloat16), "n": torch.tensor(3)}
    torch.save(around(state), tmp_path / "w.pth")
    found = read(tmp_path / "w.pth")
    assert set(found) == {"w", "n"} and found["w"].dtype == np.float32 and found["n"] == 3
    np.testing.assert_array_equal(found["w"], [1.5, 2.0])


def test_the_prefix_of_some_names_only_stays(tmp_path: Path) -> None:
    torch.save({"module.w": torch.zeros(1), "v": torch.zeros(1)}, tmp_path / "w.pth")
    assert set(read(tmp_path / "w.pth")) == {"module.w", "v"}


def test_optimiser_state_of_training_does_no_harm(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 1)
    optimiser = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    content = {
        "iter": 6, "model_state_dict": layer.state_dict(),
        "optimizer_state_dict": optimiser.state_dict(),
    }  # fmt: skip
    torch.save(content, tmp_path / "w.pth")
    found = read(tmp_path / "w.pth")
    np.testing.assert_array_equal(found["weight"], layer.weight.detach().numpy())


class Malice:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "pickle"])
def test_pickle_that_would_run_code_is_refused(tmp_path: Path, new: bool) -> None:
    mark, path = tmp_path / "ran", tmp_path / "w.pth"
    content = {"model_state_dict": {"w": torch.zeros(1)}, "more": Malice(mark)}
    torch.save(content, path, _use_new_zipfile_serialization=new)
    with pytest.raises(WeightsError, match=r"w\.pth: holds more than tensors.*refused"):
        read(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "it would have run"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "weights": {"w": torch.zeros(1)}}, "neither a state dict nor.*epoch"),
        ({"model_state_dict": {}}, "no state dict but dict"),
        ([torch.zeros(1)], "no state dict but list"),
    ],
)
def test_files_without_a_state_dict_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=message):
        read(tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".hdf5"])
@pytest.mark.parametrize("content", [b"", b"not weights" * 10, pickle.dumps(3)[:-1]])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"w{suffix}: (not a readable|holds more)"):
        read(path)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"must be one of \.safetensors"):
        read(tmp_path / "w.pkl")


def test_arrays_are_those_of_the_verified_file(folder: Path) -> None:
    torch.save({"model_state_dict": {"w": torch.ones(2)}}, folder / RAFDB)
    np.testing.assert_array_equal(weights.arrays("dan_rafdb")["w"], [1, 1])
    torch.save({"model_state_dict": {"w": torch.zeros(3)}}, folder / RAFDB)
    with pytest.raises(WeightsError, match="first used"):
        weights.arrays("dan_rafdb")


# The commands


def test_list_names_all_models_and_dlibs_files(folder: Path) -> None:
    (folder / RAFDB).write_bytes(ZIP + b"x" * 2_000_000)
    result = run("list")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert set(weights.MODELS) <= set(lines) and "shape_predictor_5_face_landmarks.dat" in lines
    assert (
        "not used yet  " in lines["dan_rafdb"]
        and " 2.0 " in lines["dan_rafdb"]
        and "RAF-DB" in lines["dan_rafdb"]
    )
    assert "absent" in lines["mini_xception"] and "MIT" in lines["mini_xception"]


def test_verify_fails_on_a_wrong_file_and_only_then(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    known(monkeypatch, b"right")
    result = run("verify")
    assert result.exit_code == 0 and f"0 of {len(weights.MODELS)} files" in result.output
    weights.file("mini_xception").write_bytes(b"right")
    result = run("verify")
    assert result.exit_code == 0 and "mini_xception: verified" in result.output
    weights.file("mini_xception").write_bytes(b"wrong")
    result = run("verify")
    assert result.exit_code == 1 and f"1 of {len(weights.MODELS)} files" in result.output
    assert digest(b"right") in result.output


def test_fetch_says_how_where_it_may_not_download(folder: Path) -> None:
    result = run("fetch", "dan_affectnet8")
    assert result.exit_code == 1
    assert "1uHNADViICyJEjJljv747nfvrGu12kjtu" in result.output and "--from FILE" in result.output
    assert list(folder.iterdir()) == []


def test_fetch_copies_a_file_in_and_records_it(tmp_path: Path, folder: Path) -> None:
    mine = tmp_path / "rafdb_of_mine.pth"
    mine.write_bytes(ZIP + b"weights")
    result = run("fetch", "dan_rafdb", "--from", str(mine))
    assert result.exit_code == 0 and digest(ZIP + b"weights") in result.output
    assert (folder / RAFDB).read_bytes() == ZIP + b"weights" and mine.exists()
    assert json.loads((folder / weights.RECORD).read_text()) == {
        "dan_rafdb": digest(ZIP + b"weights")
    }
    mine.write_bytes(ZIP + b"others")
    result = run("fetch", "dan_rafdb", "--from", str(mine))
    assert result.exit_code == 1 and "first used" in result.output
    assert (folder / RAFDB).read_bytes() == ZIP + b"weights", "the file stays as it was"


def test_fetch_takes_only_the_file_with_the_known_hash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known(monkeypatch, b"right")
    mine = tmp_path / "mine"
    mine.write_bytes(b"wrong")
    result = run("fetch", "mini_xception", "--from", str(mine))
    assert result.exit_code == 1 and not weights.file("mini_xception").exists()
    mine.write_bytes(b"right")
    assert run("fetch", "mini_xception", "--from", str(mine)).exit_code == 0
    assert "verified" in run("fetch", "mini_xception").output
    assert run("fetch", "mini_xception", "--from", str(tmp_path / "no")).exit_code == 1


def test_fetch_all_says_how_and_fails_only_where_it_should_have_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    untrained(monkeypatch, tmp_path)
    result = run("fetch", "--all")
    assert result.exit_code == 1
    assert all(name in result.output for name in weights.MODELS)
    trained(monkeypatch, tmp_path, b"t")
    for name in BUNDLED:
        weights.file(name).write_bytes(b"t")
    assert run("fetch", "--all").exit_code == 0
    weights.file("mini_xception").write_bytes(b"wrong")
    assert run("fetch", "--all").exit_code == 1


@pytest.mark.parametrize("arguments", [(), ("dan_rafdb", "--all"), ("--all", "--from", "x")])
def test_fetch_takes_one_name_or_all(arguments: tuple[str, ...]) -> None:
    result = run("fetch", *arguments)
    assert result.exit_code == 1 and "one model" in result.output


def test_fetch_outside_a_checkout_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trained(monkeypatch, tmp_path, b"t")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"dan_rendered\.safetensors\.dvc: missing; run this in"):
        weights.fetch("dan_rendered")


# What a run records


USING = {
    "run": {"expressions": ["raf", "fer"]},
    "expressions": {
        "raf": {"type": "mini_xception", "options": {"weights": "dan_rafdb"}},
        "fer": {"type": "mini_xception", "options": {}},
        "unused": {"type": "mini_xception", "options": {"weights": "dan_affectnet7"}},
    },
}


def test_used_weights_are_those_of_the_runs_networks() -> None:
    assert used_weights(USING) == ("dan_rafdb", "mini_xception")
    assert used_weights({"run": {}}) == ()
    methods = {"anew": {"anonymiser": "ciagan", "options": {"weights": "ciagan_dlib"}}, "soft": {}}
    run = {"expressions": ["raf"], "methods": ["soft", "anew"]}
    assert used_weights({**USING, "run": run, "methods": methods}) == ("ciagan_dlib", "dan_rafdb")


def test_used_weights_are_those_of_the_runs_detectors_too() -> None:
    used = {
        "run": {"methods": ["anew"], "recognisers": ["dlib"], "expressions": []},
        "methods": {
            "anew": {"detectors": ["torchvision_keypoints"]}, "unused": {"detectors": ["haar"]},
        },
        "recognisers": {"dlib": {"detector": "dlib_hog"}},
        "detection": {"subject": ["haar"], "utility": [], "options": {}},
    }  # fmt: skip
    assert used_weights(used) == ("keypointrcnn_coco",)
    (use,) = uses(used)
    assert use.message.startswith("detection.torchvision_keypoints: ")
    assert use.message.endswith("take it out of methods.anew.detectors")
    own = {"torchvision_keypoints": {"weights": "mine.pth"}}
    assert used_weights({**used, "detection": {"options": own}}) == ("mine.pth",)
    for where in ({"methods": []}, {"methods": ["unused"]}):
        assert used_weights({**used, "run": {**used["run"], **where}}) == ()
    alone = {"run": {}, "detection": {"subject": ["haar", "torchvision_keypoints"]}}
    assert used_weights(alone) == ("keypointrcnn_coco",)
    attacker = {"run": {"recognisers": ["r"]}, "recognisers": {"r": {"detector": "dlib_hog"}}}
    assert used_weights(attacker) == ()
    attacker["recognisers"]["r"]["detector"] = "torchvision_keypoints"
    assert used_weights(attacker) == ("keypointrcnn_coco",)


def test_provenance_holds_their_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, b"fer")
    weights.file("mini_xception").write_bytes(b"fer")
    out = tmp_path / "environment.json"
    with pytest.raises(WeightsError, match="missing"):
        provenance.provenance_file(inputs={}, parameters=USING, code={}, out=out)
    (weights.folder() / RAFDB).write_bytes(ZIP + b"raf")
    provenance.provenance_file(inputs={}, parameters=USING, code={}, out=out)
    found = json.loads(out.read_text())["weights"]
    assert found[RAFDB] == digest(ZIP + b"raf")
    assert found["fer2013_mini_XCEPTION.102-0.66.hdf5"] == digest(b"fer")


def test_doctor_checks_the_weights_of_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(validate, "check_environment", list)
    monkeypatch.chdir(ROOT)
    layer = tmp_path / "mine.yaml"
    chosen = "{datasets: [drawn], methods: [blur_face], expressions: [dan_rafdb, mini_xception]}"
    layer.write_text(f"run: {chosen}\n")
    asked = ["doctor", "-c", str(layer)]
    known(monkeypatch, b"fer")
    weights.file("mini_xception").write_bytes(b"fer")
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 1 and "ok   weights mini_xception" in result.output
    assert "FAIL weights dan_rafdb" in result.output and "missing" in result.output
    (weights.folder() / RAFDB).write_bytes(ZIP + b"raf")
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert not (weights.folder() / weights.RECORD).exists(), "a check is no use"
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["doctor"]).output == "", "no params.yaml, nothing to check"


def test_a_file_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    place = tmp_path / "mine.safetensors"
    missing = weights.state(str(place))
    assert missing.verdict == Verdict.ABSENT and "is the path right?" in missing.problem
    with pytest.raises(WeightsError, match="is the path right"):
        weights.path(str(place))
    save_file({"a": np.ones(3, np.float16)}, place)
    seen = weights.state(str(place))
    assert seen.verdict == Verdict.OWN and not seen.problem
    assert seen.digest == hashlib.sha256(place.read_bytes()).hexdigest()
    assert (weights.arrays(str(place))["a"] == 1).all()
    # It may be trained again: nothing is recorded, and nothing has to stay.
    save_file({"a": np.zeros(3, np.float16)}, place)
    assert (weights.arrays(str(place))["a"] == 0).all()


def test_a_file_of_ones_own_does_not_say_its_classes(tmp_path: Path) -> None:
    from anonbench.expressions.dan import Dan

    with pytest.raises(WeightsError, match="in which order its classes are"):
        Dan(weights=str(tmp_path / "mine.safetensors"))
