"""File names of the figures, known from the configuration alone: the workflow lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SUFFIXES = (".svg", ".png")
ONLY_PNG = ("landmarks",)
"""Figures that are pictures: no drawing of them would be smaller or sharper."""


def figure_stems(
    recognisers: Sequence[str],
    attacks: Sequence[str],
    policies: Sequence[str],
    expressions: Sequence[str] = (),
    contrasts: Sequence[str] = (),
) -> list[str]:
    """Return the figures of one data set, without suffix.

    Parameters
    ----------
    recognisers, attacks, policies, expressions : sequence of str
        Those of the run; `expressions` are its expression networks.
    contrasts : sequence of str
        Figures of the comparison of methods: those of `contrast_stems`.

    Returns
    -------
    list of str
        ``det.ATTACK.RECOGNISER.POLICY`` (a panel a method, a line a strength),
        ``det_methods.ATTACK.RECOGNISER.POLICY`` (all methods in one picture),
        ``strengths.RECOGNISER.POLICY`` (EER and FTA against strength),
        ``distances.RECOGNISER.POLICY`` (histograms), ``closeness.RECOGNISER.POLICY`` (to the own
        original, and among outputs), ``expressions.NETWORK.POLICY`` (what is left
        of the expressions), ``confusion.NETWORK.POLICY`` (what they turn into), ``tradeoff`` (the
        main one), ``tradeoff_grid`` (all axes), ``tradeoff_details`` (faces by detector, SSIM),
        `contrasts` and ``contact_sheet``.
    """
    systems = [f"{r}.{p}" for r in recognisers for p in policies]
    stems = [f"{kind}.{a}.{s}" for kind in ("det", "det_methods") for a in attacks for s in systems]
    stems += [f"{kind}.{s}" for kind in ("strengths", "distances", "closeness") for s in systems]
    networks = [f"{n}.{p}" for n in expressions for p in policies]
    stems += [f"{kind}.{n}" for kind in ("expressions", "confusion") for n in networks]
    return [*stems, "tradeoff", "tradeoff_grid", "tradeoff_details", *contrasts, "contact_sheet"]


def contrast_stems(plan: Mapping[str, Any]) -> list[str]:
    """Return the figures that compare pairs of methods: none where the run compares none.

    ``contrasts`` (differences with intervals), and ``landmarks`` (what landmarks become) if the
    run looks at landmarks. `plan` is that of `anonbench.workflow.Plan.summary`.
    """
    if not plan.get("contrasts"):
        return []
    return ["contrasts", *(["landmarks"] if plan.get("landmarks") else [])]


def figure_names(
    recognisers: Sequence[str],
    attacks: Sequence[str],
    policies: Sequence[str],
    expressions: Sequence[str] = (),
    contrasts: Sequence[str] = (),
) -> list[str]:
    """Return the file names of the figures of one data set: as SVG and as PNG, but `ONLY_PNG`."""
    stems = figure_stems(recognisers, attacks, policies, expressions, contrasts)
    return [s + x for s in stems for x in SUFFIXES if x == ".png" or s not in ONLY_PNG]
