"""RAF-DB, single-label subset: expressions without identities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonbench.datasets._base import DataError, Dataset, DatasetType, Info, choice
from anonbench.datasets._tables import first_existing, read_fields, record_table

LABELS = {
    "1": "surprise", "2": "fear", "3": "disgust", "4": "happiness", "5": "sadness", "6": "anger",
    "7": "neutral",
}  # fmt: skip
"""Numbers of the label file; other sets order their classes differently."""

# The published file is misspelt; people rename it.
_LISTS = ("EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt")


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read the label list; the subject is the image's own name."""
    partition = choice(options, "partition", ("all", "train", "test"))
    aligned = choice(options, "images", ("aligned", "original")) == "aligned"
    source = first_existing(root, _LISTS)
    columns: dict[str, list[str]] = {"path": [], "subject": [], "expression": [], "split": []}
    lines = []
    for line, (name, label) in read_fields(source, 2):
        part, stem = name.split("_")[0], Path(name).stem
        if part not in ("train", "test") or label not in LABELS:
            raise DataError(
                f"{source}, line {line}: expected a line such as 'train_00001.jpg 5' with a label "
                f"from 1 to 7, found '{name} {label}'"
            )
        if partition not in ("all", part):
            continue
        folder, file = ("aligned", f"{stem}_aligned.jpg") if aligned else ("original", name)
        lines.append(line)
        columns["path"].append(f"Image/{folder}/{file}")
        columns["subject"].append(stem)
        columns["expression"].append(LABELS[label])
        columns["split"].append(part)

    def where(row: int) -> str:
        return f"{source}, line {lines[row]}" if lines else f"{source}, partition {partition}"

    return Dataset(record_table(columns, where), None, has_subjects=False, sources=(source,))


PLUGIN = DatasetType(
    name="rafdb",
    info=Info(
        label="RAF-DB",
        homepage="http://www.whdeng.cn/RAF/model1.html",
        terms="Given by its authors on request for non-commercial research; images from the "
        "Internet, not to be passed on.",
        citation="S. Li, W. Deng, J. Du: Reliable crowdsourcing and deep locality-preserving "
        "learning for expression recognition in the wild. CVPR 2017.",
    ),
    option_names=("partition", "images"),
    read=_read,
)
