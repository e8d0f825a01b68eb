"""What several kinds of tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ARCHIVE = Path(__file__).parents[2] / "shared" / "synthetic" / "makehuman-cc0.tar.xz"


@pytest.fixture(scope="session")
def makehuman() -> Path:
    """Where MakeHuman's assets are: they are too large to be part of the repository."""
    named = os.environ.get("ANONBENCH_MAKEHUMAN", "")
    path = Path(named) if named else ARCHIVE
    if not path.exists():
        # A path that is named but wrong is a mistake, not a machine without the assets.
        assert not named, f"ANONBENCH_MAKEHUMAN is {named}, which does not exist"
        pytest.skip(
            "MakeHuman's assets are not here: set ANONBENCH_MAKEHUMAN to their folder or archive"
        )
    return path
