"""The tables of what is left: expressions, and the rest of the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from anonbench.report.gates import Gate, gate
from anonbench.report.page_run import Key, Run
from anonbench.report.page_tables import Cell, Column, Footnotes, Verdict, cell

CROPS = {
    "detected": "faces found anew (detected)",
    "aligned": "faces cut out as on the original (aligned)",
}
"""What the policies mean for an expression network."""

_EXPRESSIONS = (
    ("preservation", "preserved", 100.0, 1, True,
     "Share of the images classified in the original whose predicted class is unchanged; no face "
     "counts as changed"),
    ("preservation_found", "where found", 100.0, 1, False,
     "The same among images in which the face was found"),
    ("uar_retention", "UAR kept", 100.0, 1, True,
     "Balanced accuracy on the anonymised images over that on the clear ones"),
    ("uar", "UAR", 100.0, 1, True, "Balanced accuracy: mean recall of the classes; no face counts "
     "as an error"),
    ("accuracy", "accuracy", 100.0, 1, True, "Share of images classified as they are labelled"),
    ("kappa", "kappa", 1.0, 2, False,
     "Cohen's kappa of the predictions before and after: agreement beyond chance; 1: always"),
    ("divergence_found", "divergence", 1.0, 3, False,
     "Jensen-Shannon divergence of the posteriors before and after, in bits, of the images found "
     "in both; 0: the same"),
    ("not_found", "no face", 100.0, 1, False, "Share of images without a face to classify"),
)  # fmt: skip

_PICTURE = (
    ("detected", "Face found, %", "{s}", 100.0, 1, "Share of the subjects' faces that it finds"),
    ("detected_given_clear", "Found again, %", "{s}", 100.0, 1,
     "The same among the images in whose original it finds the subject"),
    ("extra_faces", "Other faces", "{s}", 1.0, 2, "Faces found besides the subject's, an image"),
    ("ssim_inside", "SSIM", "inside", 1.0, 3, "Structural similarity inside the subject's box"),
    ("ssim_outside", "SSIM", "outside", 1.0, 3, "Structural similarity outside that box"),
    ("psnr_inside", "PSNR, dB", "inside", 1.0, 1, "Of the mean squared error inside the box"),
    ("psnr_outside", "PSNR, dB", "outside", 1.0, 1, "Of the mean squared error outside the box"),
    ("gmsd_inside", "GMSD", "inside", 1.0, 3,
     "Gradient magnitude similarity deviation inside the box; 0: unchanged"),
    ("unchanged_outside", "Outside, %", "untouched", 100.0, 1,
     "Share of images untouched to the bit outside the regions to change"),
    ("landmark_failure", "Landmarks, %", "failed", 100.0, 1,
     "Share of images without the face, or with an error above 10 %, by {s}"),
    ("nme", "Landmarks, %", "error", 100.0, 1,
     "Mean error of all landmarks of {s}, in % of the distance of the eyes' outer corners"),
    ("landmark_auc", "Landmarks, %", "area", 100.0, 1,
     "Area under the cumulative error up to 10 %, over all images; 100 %: unchanged"),
    *(
        (f"nme_{g}", "Landmarks, %", g, 100.0, 1, f"The same of the landmarks of the {g}")
        for g in ("eyes", "brows", "nose", "mouth", "contour")
    ),
    ("yaw_error", "Head pose, °", "yaw", 1.0, 1, "Mean absolute change, from landmarks of {s}"),
    ("pitch_error", "Head pose, °", "pitch", 1.0, 1, "Mean absolute change, as above"),
    ("roll_error", "Head pose, °", "roll", 1.0, 1, "Mean absolute change, as above"),
    ("kid_found", "Features of {s}", "KID, {p}", 1.0, 4,
     "Kernel distance between the features of original and anonymised faces; 0: the same"),
    ("fid_found", "Features of {s}", "FID, {p}", 1.0, 1,
     "Fréchet distance between these features; grows as images get fewer"),
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What one expression network says of one data set.

    Attributes
    ----------
    network : str
        Entry of the configuration.
    gates : list of Gate
        One a policy.
    table : Verdict
        One row a method and strength.
    """

    network: str
    gates: list[Gate]
    table: Verdict


def expression_tables(run: Run, dataset: str) -> list[Judged]:
    """Return one table an expression network; none where the run has no network."""
    found = []
    for network in run.networks:
        gates = [gate(run.metrics, run.plan, dataset, network, p) for p in run.plan["policies"]]
        columns = [c for g in gates for c in _expression_columns(g)]
        found.append(Judged(network, gates, table_of(run, dataset, columns)))
    return found


def _expression_columns(verdict: Gate) -> Iterator[Column]:
    """Yield the columns of a policy; below the gate they are greyed by their style."""
    style = _style(verdict)
    for metric, head, scale, digits, interval, text in _EXPRESSIONS:
        key = Key(metric, "", verdict.network, verdict.policy)
        group = CROPS.get(verdict.policy, verdict.policy)
        yield Column(group, head, text, style, key, scale=scale, digits=digits, interval=interval)


def _style(verdict: Gate) -> str:
    return "below" if verdict.state == "below" else ""


def picture_table(run: Run, dataset: str) -> Verdict:
    """Return what else is left: detection, similarity, landmarks, pose, feature distances.

    A measure has a column if the run has a row of it, whether or not the row has a value.
    """
    own = run.metrics[run.metrics["dataset"] == dataset]
    known = own.drop_duplicates(["metric", "system", "policy"])
    places: dict[str, list[tuple[str, str]]] = {}
    for metric, system, policy in zip(
        known["metric"], known["system"], known["policy"], strict=True
    ):
        places.setdefault(str(metric), []).append((str(system), str(policy)))
    columns = []
    for metric, group, head, scale, digits, text in _PICTURE:
        for system, policy in places.get(metric, []):
            fill = _filler(system, policy)
            style = _style(gate(own, run.plan, dataset, system, policy))
            columns.append(Column(
                fill(group), fill(head), fill(text), style, Key(metric, "", system, policy),
                scale=scale, digits=digits,
            ))  # fmt: skip
    return table_of(run, dataset, columns)


def _filler(system: str, policy: str) -> Callable[[str], str]:
    return lambda text: text.format(s=system, p=policy)


def table_of(run: Run, dataset: str, columns: Sequence[Column]) -> Verdict:
    """Return a table of one row a method and strength, with footnotes for what is missing."""
    feet = Footnotes()
    lines = []
    for method in run.methods:
        for strength in method.strengths:
            own = run.cells.get((dataset, method.name, strength), {})
            cells: list[Cell] = [cell(own.get(c.key), c, feet) for c in columns]
            lines.append((method, strength, "", cells))
    groups = [
        (name, style, len(list(part)))
        for (name, style), part in groupby(columns, key=lambda c: (c.group, c.style))
    ]
    return Verdict(dataset, list(columns), groups, lines, feet.texts())
