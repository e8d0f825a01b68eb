"""What a rendered set was made from and by: so that a folder never mixes two sets."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anonbench import sources
from anonbench.hashing import sha256
from anonbench.io import write_json
from anonbench.synthetic.faceset import FaceSetError
from anonbench.synthetic.plan import LABELS, PLAN_FILE, FacePlan

LIBRARIES = ("numpy", "scipy", "numba", "opencv-contrib-python", "pillow")
"""What the pixels pass through; another version may round otherwise."""

MANIFEST = Path(__file__).with_name("makehuman.sha256")
"""Digests of the assets. They are checked when read, so that the list stands for its files."""


def record(plan: FacePlan) -> dict[str, Any]:
    """Return a plan with the digests of code and assets and the versions behind its images."""
    modules = [f"anonbench.synthetic.{name}" for name in ("faceset", "render", "assets")]
    code = sources.closure([], modules)
    return {
        "plan": plan.model_dump(include=set(FacePlan.model_fields)),
        "code": sources.digest(code, sources.ROOT),
        "assets": sha256(MANIFEST),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def write_record(plan: FacePlan, out: Path) -> None:
    """Write the record of a set into its folder."""
    write_json(record(plan), out / PLAN_FILE)


def claim(plan: FacePlan, out: Path) -> None:
    """Make a folder the plan's, or see that it is already.

    Raises
    ------
    FaceSetError
        If the folder holds another set or parts of an unknown one; the message names what differs.
    """
    path = out / PLAN_FILE
    if not path.exists():
        left = sorted(p.name for p in [*out.glob("faces-*.tar"), *out.glob(LABELS)])
        if left:
            raise FaceSetError(
                f"{out} holds {left[0]} but no {PLAN_FILE} that tells what it belongs to: "
                "choose another folder"
            )
        write_record(plan, out)
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        differences = _differences(there, record(plan))
    except (ValueError, TypeError, AttributeError) as error:
        raise FaceSetError(f"{path}: not a record of a rendered set: {error}") from None
    if differences:
        raise FaceSetError(
            f"{out} holds another set ({'; '.join(differences)}): "
            "choose another folder or delete this one"
        )


def _differences(there: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """Name what differs between two records, one text a difference."""
    found = [
        f"{key} is {old.get(key, 'unknown')} there and {new.get(key, 'unknown')} here"
        for block in ("plan", "libraries")
        for old, new in [(there.get(block, {}), asked[block])]
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    if there.get("assets") != asked["assets"]:
        found.append("it was made from other assets")
    if there.get("code") != asked["code"]:
        found.append("it was made by other code")
    return found
