"""A training that is killed, and run again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anonbench.training.round_settings import RoundSettings

CODE = """
import json, sys
from importlib import import_module

def named(path):
    module, name = path.split(":")
    return getattr(import_module(module), name)

train, recipe, call, settings = sys.argv[1:]
named(train)(**json.loads(call), settings=named(recipe)(**json.loads(settings)))
"""


def assert_it_goes_on_to_the_same_bytes(
    train: Callable[..., None], settings: RoundSettings, files: Mapping[str, Any]
) -> None:
    """Train once; train again, kill that at the second of three reports, and let it go on."""
    recipe = {**settings.model_dump(), "rounds": 3, "report_every": 1}
    call = json.dumps(
        {k: [str(f) for f in v] if isinstance(v, list) else v for k, v in files.items()},
        default=str,
    )
    named = (f"{f.__module__}:{f.__qualname__}" for f in (train, type(settings)))
    command = [sys.executable, "-c", CODE, *named, call, json.dumps(recipe)]
    folder, weights, curves = (Path(files[k]) for k in ("folder", "weights", "curves"))
    subprocess.run(command, check=True, capture_output=True)
    once = weights.read_bytes(), curves.read_text()
    for leftover in (folder / "checkpoint.pt", weights, *folder.glob("sheet-*.png")):
        leftover.unlink()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        while not (folder / "sheet-000002.png").is_file():
            assert job.poll() is None, "ended before it could be killed"
            time.sleep(0.01)
        job.kill()
    assert not weights.is_file()
    subprocess.run(command, check=True, capture_output=True)
    assert (weights.read_bytes(), curves.read_text()) == once
