"""The table of distances to the own original and among outputs, as part of the page."""

from __future__ import annotations

from collections.abc import Iterator

from anonbench.report.page_run import Key, Run
from anonbench.report.page_tables import Column, Verdict
from anonbench.report.page_utility import table_of

_COLUMNS = (
    ("same_image", "lower_quartile_distance", "own original, lower quartile",
     "A quarter of the images is at most this far from its own anonymised version"),
    ("same_image", "median_distance", "own original, median",
     "Median distance between an image and its own anonymised version"),
    ("same_image", "upper_quartile_distance", "own original, upper quartile",
     "Three quarters of the images are at most this far from their own anonymised versions"),
    ("same_image", "not_compared", "own original, failed %",
     "Share of the images of which, or of whose anonymised version, there is no embedding"),
    ("same_subject", "median_distance", "one subject, median",
     "Median distance between the outputs of two images of one subject"),
    ("same_subject", "not_compared", "one subject, failed %",
     "Share of such pairs without a distance"),
    ("different_subjects", "median_distance", "two subjects, median",
     "Median distance between the outputs of images of two subjects"),
    ("different_subjects", "not_compared", "two subjects, failed %",
     "Share of such pairs without a distance"),
)  # fmt: skip


def closeness_table(run: Run, dataset: str) -> Verdict:
    """Return one row a method and strength, a group of columns a recogniser and policy."""
    systems = [(s, p) for s in run.plan["recognisers"] for p in run.plan["policies"]]
    return table_of(run, dataset, [c for s, p in systems for c in _columns(s, p)])


def _columns(system: str, policy: str) -> Iterator[Column]:
    for attack, metric, head, text in _COLUMNS:
        share = metric == "not_compared"
        yield Column(
            f"{system}, {policy}", head, text, "", Key(metric, attack, system, policy),
            scale=100.0 if share else 1.0, digits=1 if share else 2,
            interval=metric == "median_distance",
        )  # fmt: skip
