"""What several unit tests share."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from anonbench.synthetic.render import Renderer


@pytest.fixture(scope="session")
def renderer(makehuman: Path) -> Renderer:
    """The renderer of faces; building it takes seconds, and whoever uses it changes nothing."""
    from anonbench.synthetic.assets import load
    from anonbench.synthetic.render import Renderer

    return Renderer(load(makehuman))


@pytest.fixture(scope="session")
def formula() -> ModuleType:
    """The module that defines golden weights and inputs of the official networks."""
    file = Path(__file__).parents[3] / "shared" / "golden" / "fill.py"
    if not file.is_file():
        pytest.skip("the golden outputs of the official networks are not here (../shared/golden)")
    spec = importlib.util.spec_from_file_location("fill", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
