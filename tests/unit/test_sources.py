"""Which code a script needs: everything it imports, and the plug-ins that are chosen by name."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest

from anonbench import sources
from anonbench.config import Params, load
from anonbench.workflow import Plan

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
PLAN = Plan(load(ROOT / "params.yaml"), ROOT)


def names(files: list[Path], root: Path = sources.ROOT) -> set[str]:
    return {f.relative_to(root).as_posix() for f in files}


@pytest.fixture()
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in place of the library."""
    files = {
        "__init__.py": "",
        "a.py": "from anonbench.b import x\n",
        "b.py": "def f():\n    import anonbench.c.d\n",
        "c/__init__.py": "from anonbench import e\n",
        "c/d.py": "import numpy\n",
        "c/plug.py": "from anonbench.f import x\n",
        "e.py": "from typing import TYPE_CHECKING\n",
        "f.py": "",
        "lonely.py": "from anonbench import a\n",
        "page.py": "",
        "templates/page.html": "<p>",
    }
    root = tmp_path / "anonbench"
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (tmp_path / "script.py").write_text("from anonbench.a import y\nimport json\n")
    monkeypatch.setattr(sources, "ROOT", root)
    sources.imports.cache_clear()
    yield tmp_path
    sources.imports.cache_clear()


def test_closure_follows_imports_of_imports(package: Path) -> None:
    found = names(sources.closure([package / "script.py"]), package / "anonbench")
    code = {"__init__.py", "a.py", "b.py", "c/__init__.py", "c/d.py", "e.py"}
    assert found == {*code, "templates/page.html"}, "also those inside functions and packages"


def test_plugin_chosen_by_name_is_followed_too(package: Path) -> None:
    found = names(
        sources.closure([package / "script.py"], ["anonbench.c.plug"]), package / "anonbench"
    )
    assert {"c/plug.py", "f.py"} <= found and "lonely.py" not in found


def test_circular_imports_end(package: Path) -> None:
    (package / "anonbench/e.py").write_text("import anonbench.a\n")
    assert "a.py" in names(sources.closure([package / "script.py"]), package / "anonbench")


def test_digest_depends_on_names_and_content_only(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1")
    b.write_text("2")
    first = sources.digest([a, b], tmp_path)
    assert first == sources.digest([b, a, a], tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy")
    copy = tmp_path / "copy"
    assert first == sources.digest([copy / "a", copy / "b"], copy), "no machine path in it"
    a.write_text("2")
    b.write_text("1")
    assert first != sources.digest([a, b], tmp_path)


def test_no_relative_imports() -> None:
    """The closure reads absolute imports only."""
    for file in sources.ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), file.name


# The library itself


@pytest.fixture()
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of a copy of the project, whose code a test may edit."""
    shutil.copytree(sources.ROOT, tmp_path / "src" / "anonbench")
    shutil.copytree(SCRIPTS, tmp_path / "workflow" / "scripts")
    monkeypatch.setattr(sources, "ROOT", tmp_path / "src" / "anonbench")
    sources.imports.cache_clear()
    yield Plan(PLAN.params, tmp_path)
    sources.imports.cache_clear()


@pytest.mark.parametrize(
    ("file", "methods", "stages", "datasets"),
    [
        ("anonymisers/blur.py", {"blur_face", "blur_eyes"}, {"summarise", "report"}, set()),
        ("recognisers/_dlib_network.py", "all", set(), set()),
        ("recognisers/dlib_native.py", set(), set(), set()),
        ("detectors/mtcnn.py", set(), {"detect"}, set()),
        ("detectors/dlib_hog.py", "all", {"detect"}, set()),
        ("datasets/shards.py", set(), set(), {"faces"}),
        ("datasets/lfw.py", set(), set(), set()),
        ("io.py", "all", {"detect", "summarise", "report", "check"}, {"faces"}),
        ("metrics/verification.py", "all", set(), set()),
        ("subjects.py", "all", {"detect"}, set()),
    ],
)
def test_comment_changes_the_digest_of_what_depends_on_it_only(
    copied: Plan, file: str, methods: set[str] | str, stages: set[str], datasets: set[str]
) -> None:
    before = copied.code()
    edited = sources.ROOT / file
    edited.write_text(edited.read_text() + "# a comment\n")
    after = copied.code()
    changed = {k: {n for n in before[k] if before[k][n] != after[k][n]} for k in before}
    expected = set(copied.methods) if methods == "all" else set(methods)
    places = {"method": expected, "stage": stages, "dataset": datasets}
    assert changed == {**places, "weights": set()}


def rules() -> dict[str, list[str]]:
    """The texts of all rules that run a script, by script."""
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for text in re.split(r"^\s*rule[ :]", file.read_text(), flags=re.MULTILINE)[1:]:
            if script := re.search(r'script:\s+"\.\./scripts/(\w+)\.py"', text):
                found.setdefault(script[1], []).append(text)
    return found


def test_every_script_has_a_rule() -> None:
    assert set(rules()) == {p.stem for p in SCRIPTS.glob("*.py")}


@pytest.mark.parametrize("script", sorted(p.stem for p in SCRIPTS.glob("*.py")))
def test_imports_of_every_script_are_inputs_of_its_rule(script: str) -> None:
    given = {Path(f).resolve() for f in PLAN.library(script)}
    for text in rules()[script]:
        if script == "write_sources":
            assert "PLAN.all_sources()" in text
            given = {(ROOT / f).resolve() for f in PLAN.all_sources()}
            continue
        call = re.search(r'library=(?:lambda wildcards: )?PLAN\.library\(\s*"(\w+)"', text)
        assert call and call[1] == script, f"rule of {script} names the library of another script"
    tree = ast.parse((SCRIPTS / f"{script}.py").read_text())
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    modules |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    own = {m for m in modules if m.startswith("anonbench")}
    assert own
    for module in own:
        stem = ROOT.joinpath("src", *module.split("."))
        assert {stem.with_suffix(".py"), stem / "__init__.py"} & given, module


@pytest.mark.parametrize(
    ("package", "call"), [("datasets", "dataset="), ("anonymisers", "method"),
                          ("recognisers", "recogniser="), ("detectors", "detector=")],
)  # fmt: skip
def test_rules_whose_scripts_choose_plugins_by_name_say_which(package: str, call: str) -> None:
    """`datasets.get(...)` in the closure needs `dataset=` in the rule, and so on."""
    chooses = re.compile(
        rf"\b(?:{package}|{'plugins' if package == 'detectors' else package})\.get\("
    )
    for script, text in ((s, t) for s, texts in rules().items() for t in texts):
        direct = sources.imports(SCRIPTS / f"{script}.py")
        files = [sources._path(m) for m in direct]
        if any(chooses.search(f.read_text()) for f in files if f) and script != "locate":
            library = re.search(r"PLAN\.library\((.*?)\)[,\n]", text, re.DOTALL)
            assert library and call in library[1], script


def test_locate_depends_on_the_detectors_it_may_ask() -> None:
    found = {Path(f).name for f in PLAN.library("locate")}
    assert {f"{d}.py" for d in PLAN.params.detection.subject} <= found


def test_measure_depends_on_the_tables_of_detectors_not_on_their_code() -> None:
    found = {Path(f).name for f in PLAN.library("measure")}
    assert not {"haar.py", "dlib_hog.py", "mtcnn.py"} & found
    before = PLAN.code()["method"]["blur_face"]
    assert before != Plan(without_haar(), ROOT).code()["method"]["blur_face"]


def without_haar() -> Params:
    detection = PLAN.params.detection.model_copy(update={"utility": ["dlib_hog"], "landmarks": ""})
    return PLAN.params.model_copy(update={"detection": detection})
