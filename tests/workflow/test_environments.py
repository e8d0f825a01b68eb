"""The environments: the rules' files agree with the lock, and `--use-conda` is wired right."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import BIN, ROOT, make_clone

RENAMED = {
    "py-opencv": "opencv-contrib-python",
    "matplotlib-base": "matplotlib",
    "snakemake-minimal": "snakemake",
}
"""conda-forge names of packages that PyPI, and so the lock, calls otherwise."""

STANDIN = '''#!{python}
"""Answers the few questions that Snakemake asks of conda; environments are made by uv."""
import json, pathlib, subprocess, sys
import yaml

RENAMED = {renamed!r}
args = sys.argv[1:]


def option(name):
    place = next(k for k, a in enumerate(args) if a.startswith(name))
    return args[place].partition("=")[2] or args[place + 1]


if args[:1] == ["info"]:
    print(json.dumps({{"conda_prefix": {prefix!r}, "platform": "linux-64"}}))
elif args == ["--version"]:
    print("conda 24.11.1")
elif args[:2] == ["config", "--get"]:
    print(json.dumps({{"get": {{"channel_priority": "strict"}}}}))
elif args[:2] == ["env", "create"]:
    content = yaml.safe_load(pathlib.Path(option("--file")).read_text())
    entries = content["dependencies"]
    needs = [n for e in entries for n in (e["pip"] if isinstance(e, dict) else [e])]
    names = [n.partition("=")[0] for n in needs]
    packages = [RENAMED.get(n, n) for n in names if n not in ("python", "pip")]
    prefix = option("--prefix")
    subprocess.run([{uv!r}, "venv", "-q", "-p", {python!r}, prefix], check=True)
    # Versions come from the lock; that the files agree with it is another test's concern.
    install = [{uv!r}, "pip", "install", "-q", "-p", prefix + "/bin/python", "-c", {lock!r}]
    subprocess.run([*install, "--override", {overrides!r}, *packages], check=True)
elif args[:1] != ["clean"]:
    sys.exit("the stand-in for conda does not know: " + " ".join(args))
'''


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9_.-]*)==([^\s\\;]+)", text, re.MULTILINE))


def needs(file: Path) -> list[tuple[str, str]]:
    found = []
    for entry in yaml.safe_load(file.read_text())["dependencies"]:
        for need in entry["pip"] if isinstance(entry, dict) else [entry]:
            name, _, version = need.replace("==", "=").partition("=")
            found.append((RENAMED.get(name, name), version))
    return [(n, v) for n, v in found if n not in ("python", "pip")]


@pytest.mark.parametrize("file", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda p: p.stem)
def test_environment_agrees_with_the_lock(file: Path) -> None:
    lock = locked()
    for name, version in needs(file):
        assert name in lock, f"{name} is not in requirements.lock"
        # conda-forge counts OpenCV's wheel builds otherwise: 4.11.0 against 4.11.0.86.
        assert lock[name] == version or lock[name].startswith(version + "."), name


def test_lock_names_no_index_and_has_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "index-url" not in text and "://" not in text
    assert text.count("--hash=sha256:") >= len(locked())


def test_every_rule_names_an_environment_and_a_log() -> None:
    for file in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for rule in re.split(r"^\s*rule[ :]", file.read_text(), flags=re.MULTILINE)[1:]:
            if "script:" in rule:
                assert "conda:" in rule and "log:" in rule, rule.splitlines()[0]


@pytest.mark.slow
def test_use_conda_runs_every_rule_in_its_own_environment(tmp_path: Path) -> None:
    """A bare Snakemake, and a stand-in for conda that builds each environment from its file."""
    uv = shutil.which("uv", path=str(BIN)) or shutil.which("uv")
    assert uv, "uv is part of requirements.lock"
    prefix = tmp_path / "conda"
    (prefix / "bin").mkdir(parents=True)
    conda = prefix / "bin" / "conda"
    conda.write_text(STANDIN.format(
        python=sys.executable, renamed=RENAMED, prefix=str(prefix), uv=uv,
        lock=str(ROOT / "requirements.lock"), overrides=str(ROOT / "requirements.overrides"),
    ))  # fmt: skip
    conda.chmod(conda.stat().st_mode | stat.S_IEXEC)
    (prefix / "bin" / "activate").write_text(
        'export CONDA_PREFIX="$1"\nexport PATH="$1/bin:$PATH"\nunset PYTHONPATH\n'
    )
    driver_file = ("--file", ROOT / "envs/driver.yaml", "--prefix", tmp_path / "driver")
    subprocess.run([conda, "env", "create", *driver_file], check=True)
    clone = make_clone(tmp_path / "clone")
    clone.edit({"run": {"methods": ["blackout_face"]}})
    path = f"{tmp_path / 'driver' / 'bin'}:{prefix / 'bin'}:/usr/bin:/bin"
    clone.ok("snakemake", "--cores", "2", "--use-conda", PATH=path)
    assert (clone.path / "results/report/index.html").stat().st_size > 100_000
    made = [p for p in (clone.path / ".snakemake/conda").iterdir() if (p / "bin/python").exists()]
    assert len(made) == len(list((ROOT / "envs").glob("*.yaml"))) - 1
    # Had a rule run on the host, it would have found none of these there.
    bare = subprocess.run(
        [tmp_path / "driver/bin/python", "-c", "import cv2"], capture_output=True, check=False
    )
    assert bare.returncode != 0
