"""The block `rendered` of the configuration: one set, where it goes and what it is made from."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from anonbench.synthetic.plan import LABELS, PLAN_FILE, FacePlan, Split

ASSETS_VARIABLE = "ANONBENCH_MAKEHUMAN"
"""Environment variable that names the assets where nothing else does."""


class AssetsMissingError(ValueError):
    """Nobody says where the assets are, or they are not there."""


def find_assets(given: str) -> Path:
    """Return where MakeHuman's assets are.

    Parameters
    ----------
    given : str
        Archive or folder; empty: the environment variable ANONBENCH_MAKEHUMAN says.

    Raises
    ------
    AssetsMissingError
        If neither says, or there is nothing at the place; the message tells what to do.
    """
    path = given or os.environ.get(ASSETS_VARIABLE, "")
    if not path:
        raise AssetsMissingError(
            "rendering needs MakeHuman's CC0 assets (docs/faces.md says where to get them): name "
            f"their archive or folder by --assets, rendered.assets or {ASSETS_VARIABLE}"
        )
    if not Path(path).exists():
        where = "" if given else f" (from {ASSETS_VARIABLE})"
        raise AssetsMissingError(f"MakeHuman's assets: there is no {path}{where}")
    return Path(path)


class RenderedFaces(FacePlan):
    """The set that `snakemake render_faces` makes: by default the bundled one again.

    The benchmark itself renders nothing.
    """

    split: Split = "evaluation"
    """Evaluation or training subjects."""
    out: str = Field(default="results/faces", min_length=1)
    """Folder to write to."""
    assets: str = ""
    """MakeHuman's CC0 assets: the archive, or the folder it unpacks to. Empty: where the
    environment variable ANONBENCH_MAKEHUMAN says."""

    def asset_input(self) -> str:
        """Return the assets as an input of a rule.

        Snakemake hides what an input function raises, and shows the name of an input that is not
        there: where nobody names the assets, that name says what to do.
        """
        named = self.assets or os.environ.get(ASSETS_VARIABLE, "")
        return named or f"MakeHuman's CC0 assets: set rendered.assets or {ASSETS_VARIABLE}"

    @property
    def labels(self) -> str:
        """Path of the labels."""
        return f"{self.out}/{LABELS}"

    @property
    def plan_file(self) -> str:
        """Path of the record of the set."""
        return f"{self.out}/{PLAN_FILE}"

    @property
    def plan(self) -> dict[str, Any]:
        """The set alone, as plain values: neither where it goes nor where its assets are."""
        return self.model_dump(include=set(FacePlan.model_fields))

    def archives(self) -> list[str]:
        """Return the paths of all archives."""
        return [f"{self.out}/{shard.archive}" for shard in self.shards()]

    def rows(self) -> list[str]:
        """Return the paths of the label rows of all shards."""
        return [f"{self.out}/{shard.rows}" for shard in self.shards()]

    def shard_values(self, number: str) -> dict[str, Any]:
        """Return a shard as plain values, by its number in a file name."""
        return asdict(self.shard(int(number)))
