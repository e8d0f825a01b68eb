"""What an entry of the catalogue may say to methods of the k-Same family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonbench.anonymisers._entry import check_choice, check_feather, check_known

BACKGROUNDS = ("replaced", "kept")
LABELS = ("expression", "gender")


@dataclass(frozen=True)
class Options:
    """Settings of an entry.

    Attributes
    ----------
    background : {"replaced", "kept"}
        Whether the whole image becomes the picture that the group shares, or the mean face is set
        into each image. Only the former can be k-Same: what is kept of an image is its own.
    feather : float
        With `kept`, the width of the rim over which the face fades into what is around it, as a
        share of the face's width.
    variance : float
        Share of the variance that principal components hold, (0, 1]; for methods that have them.
    by : {"expression", "gender", ""}
        Label that all of a group share; for k-Same-Select.
    """

    background: str = "replaced"
    feather: float = 0.08
    variance: float = 0.95
    by: str = ""


def parse(given: Mapping[str, Any], components: bool, select: bool) -> Options:
    """Return the settings of an entry.

    Parameters
    ----------
    given : mapping
        Its options.
    components : bool
        Whether the method has principal components.
    select : bool
        Whether it groups by a label.

    Raises
    ------
    ValueError
        For an option that does not exist, or a wrong value.
    """
    known = ["background", "feather"]
    known += ["variance"] * components + ["by"] * select
    check_known(given, known)
    check_choice("background", given.get("background", "replaced"), BACKGROUNDS)
    check_feather({k: v for k, v in given.items() if k == "feather"})
    if "feather" in given and given.get("background") != "kept":
        raise ValueError("feather: only `background: kept` has a rim")
    share = given.get("variance", 0.95)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"variance: {share!r} is no share above 0 and up to 1")
    by = given.get("by", "expression" if select else "")
    if select:
        check_choice("by", by, LABELS)
    return Options(**{**given, "by": by})
