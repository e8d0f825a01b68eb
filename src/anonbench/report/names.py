"""File names of the figures, known from the configuration alone: the workflow lists them."""

from __future__ import annotations

from collections.abc import Sequence

SUFFIXES = (".svg", ".png")


def figure_stems(
    recognisers: Sequence[str],
    attacks: Sequence[str],
    policies: Sequence[str],
    expressions: Sequence[str] = (),
) -> list[str]:
    """Return the figures of one data set, without suffix.

    Parameters
    ----------
    recognisers, attacks, policies, expressions : sequence of str
        Those of the run; `expressions` are its expression networks.

    Returns
    -------
    list of str
        ``det.ATTACK.RECOGNISER.POLICY`` (a panel a method, a line a strength),
        ``det_methods.ATTACK.RECOGNISER.POLICY`` (all methods in one picture),
        ``strengths.RECOGNISER.POLICY`` (EER and FTA against strength),
        ``distances.RECOGNISER.POLICY`` (histograms), ``expressions.NETWORK.POLICY`` (what is left
        of the expressions), ``confusion.NETWORK.POLICY`` (what they turn into), ``tradeoff`` (the
        main one), ``tradeoff_grid`` (all axes), ``tradeoff_details`` (faces by detector, SSIM)
        and ``contact_sheet``.
    """
    systems = [f"{r}.{p}" for r in recognisers for p in policies]
    stems = [f"{kind}.{a}.{s}" for kind in ("det", "det_methods") for a in attacks for s in systems]
    stems += [f"{kind}.{s}" for kind in ("strengths", "distances") for s in systems]
    networks = [f"{n}.{p}" for n in expressions for p in policies]
    stems += [f"{kind}.{n}" for kind in ("expressions", "confusion") for n in networks]
    return [*stems, "tradeoff", "tradeoff_grid", "tradeoff_details", "contact_sheet"]


def figure_names(
    recognisers: Sequence[str],
    attacks: Sequence[str],
    policies: Sequence[str],
    expressions: Sequence[str] = (),
) -> list[str]:
    """Return the file names of the figures of one data set: each as SVG and as PNG."""
    stems = figure_stems(recognisers, attacks, policies, expressions)
    return [stem + suffix for stem in stems for suffix in SUFFIXES]
