"""The numbers of a face set as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Number = dict[str, Any]


def percent(number: Number) -> str:
    """Return a share as percent with its interval, or why there is none."""
    return _with_interval(number, lambda v: f"{100 * v:.2f}", " %")


def plain(number: Number) -> str:
    """Return a number with its interval."""
    return _with_interval(number, _short, "")


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _with_interval(number: Number, text: Callable[[float], str], unit: str) -> str:
    if math.isnan(number["value"]):
        return f"not measured: {number.get('reason') or 'not defined'}"
    value = text(number["value"]) + unit
    if math.isnan(number["low"]):
        return value
    return f"{value} ({text(number['low'])} to {text(number['high'])})"


def _bare(value: float, digits: int) -> str:
    return "not defined" if math.isnan(value) else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def markdown(numbers: dict[str, Any]) -> str:
    """Return all numbers of `measure_faces` as Markdown."""
    about = numbers["set"]
    parts = [
        "# Measured face set\n",
        f"{about['subjects']} subjects, {about['images']} images. In brackets: 95 % bootstrap "
        f"intervals over subjects, {about['replicates']} replicates.\n",
    ]
    if numbers["goals"]:
        parts.append(_goals(numbers["goals"]))
    parts += [
        _detection(numbers["detection"]),
        _recognition(numbers["recognition"]),
        *(_expression(k, v) for k, v in numbers["expression"].items()),
        _image(numbers["image"], about),
        "## Who is in it\n",
        table(
            ("What", "Counts"),
            [
                (name, ", ".join(f"{k or 'none'} {v}" for k, v in counts.items()))
                for name, counts in numbers["attributes"].items()
            ],
        ),
    ]
    return "\n".join(parts)


def _goals(goals: list[dict[str, Any]]) -> str:
    rows = [
        (
            g["goal"],
            percent(g["measured"]),
            f"{'≥' if g['at_least'] else '≤'} {100 * g['bound']:g} %",
            "met" if g["met"] else "**missed**",
        )
        for g in goals
    ]
    return "## Goals\n\n" + table(("What", "Measured", "Goal", ""), rows)


def _detection(numbers: dict[str, Any]) -> str:
    anywhere = numbers["found_anywhere"]
    rows = [
        (name, percent(found), percent(anywhere[name]) if name in anywhere else "")
        for name, found in numbers["found"].items()
    ]
    text = "## Faces found\n\n" + table(("Detector", "True face", "Any face"), rows)
    by_group = numbers["found_by_group"]
    names = list(by_group)
    lines = [
        (group, *(percent(by_group[name][group]) for name in names)) for group in by_group["all"]
    ]
    text += "\n" + table(("Group", *names), lines)
    misses = numbers["misses"]
    text += f"\nMisses: {len(misses)}"
    text += "\n\n"
    for miss in misses:
        where = "another place found" if miss["elsewhere"] else "nothing found"
        text += f"- {miss['path']}: {miss['detector']} ({where})\n"
    return text


def _recognition(numbers: dict[str, Any]) -> str:
    failures = numbers["failures_to_acquire"]
    rows = [
        ("EER, all pairs", percent(numbers["eer"])),
        ("Largest distance accepted there", _bare(numbers["eer_distance"], 4)),
        ("EER, neutral against neutral", percent(numbers["eer_neutral"])),
        ("EER, without neutral images", percent(numbers["eer_not_neutral"])),
        *((f"EER, {group}", percent(e)) for group, e in numbers["eer_by_group"].items()),
        ("FMR at distance 0.6", percent(numbers["fmr_at_usual_threshold"])),
        ("FNMR at distance 0.6", percent(numbers["fnmr_at_usual_threshold"])),
        ("Rank 1, all probes against one neutral", percent(numbers["rank_1"])),
        ("Rank 1, neutral probes", percent(numbers["rank_1_neutral"])),
        ("Rank 1, other probes", percent(numbers["rank_1_not_neutral"])),
        *((f"Mated distance, quantile {q}", plain(e)) for q, e in numbers["mated"].items()),
        *((f"Non-mated distance, quantile {q}", plain(e)) for q, e in numbers["nonmated"].items()),
        ("Aligned by", ", ".join(f"{k} {v}" for k, v in numbers["aligned_by"].items())),
        ("Failures to acquire", ", ".join([str(len(failures)), *failures])),
    ]
    return "## Recognition (dlib)\n\n" + table(("What", "Measured"), rows)


def _expression(name: str, numbers: dict[str, Any]) -> str:
    text = f"## Expression by {name}\n\nAccuracy {percent(numbers['accuracy'])}"
    text += f"; {numbers['without_features']} images without features, counted as wrong.\n"
    if "recall" not in numbers:
        return text
    order, counts = numbers["confusion"]["order"], numbers["confusion"]["counts"]
    rows = [
        (true, *row, percent(numbers["recall"][true]))
        for true, row in zip(order, counts, strict=True)
        if true in numbers["recall"]
    ]
    return text + "\n" + table(("True \\ taken for", *order, "Recall"), rows)


def _image(numbers: dict[str, Any], about: dict[str, Any]) -> str:
    labels = {
        "luma_mean": "Luma, mean of an image (0 to 255)",
        "luma_sd": "Luma, standard deviation within an image",
        "share_black": "Share of pixels with a channel at 0",
        "share_white": "Share of pixels with a channel at 255",
        "cheek_luma": "Luma of the cheeks",
        "bytes": "Bytes an image",
    }
    rows = [
        (text, plain(numbers[key]), " to ".join(map(_short, numbers["range"][key])))
        for key, text in labels.items()
    ]
    for group, found in numbers["cheek_luma_by_ancestry"].items():
        rows.append((f"Luma of the cheeks, {group}", plain(found), ""))
    correlation = numbers["tone_luma_rank_correlation"]
    rows.append(("Rank correlation of skin tone and cheeks", _bare(correlation, 3), ""))
    rows.append(("Bytes of all archives", about.get("archive_bytes", ""), ""))
    return "## Pixels\n\n" + table(("What", "Mean", "Range over images"), rows)
