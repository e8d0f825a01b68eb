"""What importing a module drags in: heavy libraries stay out of where they are not needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Block())
"""

NUMERICAL = {
    "numpy", "cv2", "pandas", "pyarrow", "scipy", "skimage", "torch", "dlib", "mediapipe", "PIL",
    "facenet_pytorch", "matplotlib", "onnxruntime", "plotly",
}  # fmt: skip


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


LIGHT = [
    "score", "summarise", "measures", "checks", "protocols", "anonymise", "ingest", "datasets",
    "drawn", "provenance", "cli", "report.figures", "report.page", "classify", "score_expressions",
]  # fmt: skip


def test_what_runs_no_network_loads_none() -> None:
    code = "import sys, importlib\n" + "".join(
        f"importlib.import_module('anonbench.{m}')\n"
        f"bad = {{'torch', 'mediapipe', 'facenet_pytorch'}} & set(sys.modules)\n"
        f"assert not bad, ('{m}', bad)\n"
        for m in LIGHT
    )
    python(code)


def test_listing_plugins_loads_none_of_them() -> None:
    code = (
        "import sys\n"
        "from anonbench import detectors, recognisers\n"
        "assert detectors.names() and recognisers.names()\n"
        "assert not {'torch', 'mediapipe', 'dlib', 'facenet_pytorch'} & set(sys.modules)\n"
    )
    python(code)


@pytest.mark.parametrize("module", ["workflow", "config"])
def test_a_bare_snakemake_can_read_the_workflow(module: str) -> None:
    """None of the numerical libraries, not even NumPy, is there with `--use-conda`."""
    python(BLOCK.format(blocked=NUMERICAL) + f"import anonbench.{module}\n")


def test_a_bare_snakemake_can_plan_the_whole_run() -> None:
    code = BLOCK.format(blocked=NUMERICAL) + (
        "from pathlib import Path\n"
        "import yaml\n"
        "from anonbench.workflow import Plan\n"
        "content = yaml.safe_load(Path('params.yaml').read_text())\n"
        "content['run']['datasets'] = ['drawn']\n"
        # The weights of the default networks need not be here; any other kind of entry is alike.
        "content['run'] |= {'expressions': [], 'methods': ['blur_face', 'mask_eyes']}\n"
        "plan = Plan.of(content, Path.cwd())\n"
        "assert plan.code()['method'] and plan.figures() and plan.summary() and plan.resolved()\n"
        "assert plan.library('anonymise', method='blur_face') and plan.drawn_files()\n"
        "assert plan.dataset_inputs('drawn') and plan.fingerprint('drawn') == ''\n"
    )
    python(code)
