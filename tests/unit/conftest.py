"""What several unit tests share."""

from __future__ import annotations

from pathlib import Path
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
