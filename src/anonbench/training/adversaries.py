"""Who is still told apart: the classifier that a transform was trained against, and a fresh one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from anonbench.io import atomic, read_table, write_table
from anonbench.metrics.intervals import rate_interval, replicate_share, subject_weights
from anonbench.progress import progress
from anonbench.seeds import generator
from anonbench.strengths import strength_label
from anonbench.training.adversarial_faces import Batch, Faces
from anonbench.training.adversarial_networks import (
    Classifier,
    classifier,
    classifier_network,
    transform,
)
from anonbench.training.adversarial_settings import EASING, AdversarialTraining, room
from anonbench.training.devices import autocast, device
from anonbench.training.rounds import RoundTrainer, train_by_rounds
from anonbench.training.sheets import write_sheet
from anonbench.weight_formats import below

AT_ONCE, ROWS = 32, 6
"""Faces at a time; faces on a sample sheet."""
REPLICATES = 1000
"""Behind each interval."""
COLUMNS = ["training", "strength", "classifier", "pictures", "subjects_n", "n", "right_n", "value",
           "low", "high", "chance_value"]  # fmt: skip


def fresh_classifier_files(
    *,
    crops: Path | str,
    labels: Path | str,
    weights: Path | str,
    settings: AdversarialTraining,
    name: str,
    seed: int,
    threads: int,
    folder: Path | str,
    fresh: Path | str,
    curves: Path | str,
    figure: Path | str,
    samples: Path | str,
) -> None:
    """Teach a classifier from nothing who is who in pictures that a transform has modified.

    It goes on from a checkpoint of the same training if there is one.

    Parameters
    ----------
    crops, labels : path
        As `adversarial_crop_files` wrote them.
    weights : path
        The transform, as `train_adversarial_files` wrote it.
    settings : AdversarialTraining
        The recipe of the transform.
    name : str
        Key of its training.
    seed : int
        Of the experiment.
    threads : int
        For PyTorch, on a processor.
    fresh : path
        To write: the classifier, ``.safetensors``, half precision.
    folder, curves, figure, samples : path
        See `anonbench.training.rounds.train_by_rounds`.
    """
    torch.set_num_threads(threads)
    own = fresh_settings(settings)
    stored = np.load(crops, mmap_mode="r")
    seen = pictures_after(weights, settings, stored)
    faces = Faces(seen, read_table(labels), own, seed, f"{name} fresh")
    train_by_rounds(
        FreshTrainer(faces, own, seed, f"{name} fresh"), inputs=(labels, weights), metadata={},
        folder=folder, weights=fresh, curves=curves, figure=figure, samples=samples,
    )  # fmt: skip


def fresh_settings(settings: AdversarialTraining) -> AdversarialTraining:
    """Return the recipe of the classifier that learns from nothing, by that of a transform.

    Its angular loss is eased from the start, even if the transform's opponent began as a trained
    one and needed no easing.
    """
    return settings.model_copy(
        update={"rounds": settings.fresh_rounds, "batch": settings.fresh_batch, "ema": 0.0,
                "rate": settings.fresh_rate, "fall": 0.5, "easing": EASING}
    )  # fmt: skip


def pictures_after(
    weights: Path | str, settings: AdversarialTraining, crops: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return what a transform makes of crops as the anonymiser cuts them, of the same shape.

    In the room around is what is at the edge: classifiers that see the whole of a crop should not
    be shown it moved.

    Parameters
    ----------
    weights : path
        The transform, as `train_adversarial_files` wrote it.
    settings : AdversarialTraining
        Its recipe.
    crops : ndarray of shape (N, width, width, 3), uint8
        As `adversarial_crop_files` wrote them.
    """
    network = transform(settings)
    network.load_state_dict({k: v.float() for k, v in load_file(weights).items()})
    where = device(settings.device)
    network.eval().to(where)
    made, around = np.empty(crops.shape, np.uint8), room(settings.size)
    inner, edges = slice(around, -around), ((0, 0), (around, around), (around, around), (0, 0))
    for start in progress(range(0, len(crops), AT_ONCE), "modify"):
        rows = slice(start, start + AT_ONCE)
        cut = torch.from_numpy(np.array(crops[rows, inner, inner]))
        given = cut.permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode(), autocast(where, settings.precision):
            out = network(given.to(where)).float().cpu()
        pixels = ((out + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        made[rows] = np.pad(pixels, edges, "edge")
    return made


class FreshTrainer(RoundTrainer[AdversarialTraining]):
    """A classifier that learns who is who in pictures, and nothing besides it.

    Parameters
    ----------
    faces : Faces
        Modified ones.
    settings : AdversarialTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training.
    """

    def __init__(self, faces: Faces, settings: AdversarialTraining, seed: int, name: str) -> None:
        self.faces = faces
        super().__init__(settings, seed, name)
        self._classifier = classifier(self.networks["classifier"], settings)

    def built(self) -> dict[str, nn.Module]:
        """Return the classifier."""
        return {"classifier": classifier_network(self.settings, self.faces.count)}

    def learn(self, k: int) -> None:
        """Learn from the faces of a round."""
        torch.manual_seed(int(generator(self._seed, "left out", self._name, k).integers(2**31)))
        batch = self.faces.batch(k, self.settings.batch).to(self.device)
        with self.autocast():
            losses = self._classifier.losses(batch.pictures, batch.people, k)
        self.note(classifier=losses.mean())
        self.descend("classifier", losses.mean())

    def measured(self) -> dict[str, float]:
        """Return the share of pictures held back that are told right."""
        return {"right_modified": float(told(self._classifier, self.faces).mean())}

    def sheet(self, path: Path | str) -> None:
        """Write a sample sheet of what it is shown."""
        pictures = self.faces.shown(self.faces.looked_at(ROWS)).pictures
        write_sheet([(pictures + 1) / 2], path)


@torch.inference_mode()
def told(asked: Classifier, faces: Faces) -> NDArray[np.bool_]:
    """Return of which pictures that are held back the classifier says who it is."""
    asked.network.eval()
    where = next(asked.network.parameters()).device
    right = []
    for start in range(0, len(faces.held_back), AT_ONCE):
        batch: Batch = faces.shown(faces.held_back[start : start + AT_ONCE]).to(where)
        right.append((asked.found(batch.pictures) == batch.people).cpu().numpy())
    return np.concatenate(right)


def adversaries_file(
    *,
    crops: Path | str,
    labels: Path | str,
    weights: Path | str,
    networks: Path | str,
    fresh: Path | str | None,
    settings: AdversarialTraining,
    name: str,
    seed: int,
    threads: int,
    out: Path | str,
) -> None:
    """Count whom two classifiers tell, in pictures of training subjects that nobody learnt from.

    Parameters
    ----------
    crops, labels : path
        As `adversarial_crop_files` wrote them.
    weights, networks : path
        The transform, and all networks, as `train_adversarial_files` wrote them.
    fresh : path or None
        The classifier that learnt from modified pictures alone; see `fresh_classifier_files`.
    settings : AdversarialTraining
        The recipe.
    name : str
        Key of the training.
    seed : int
        Of the experiment.
    threads : int
        For PyTorch, on a processor.
    out : path
        To write: ``.csv``, a row for every classifier and kind of picture. Intervals (95 %)
        resample subjects.
    """
    torch.set_num_threads(threads)
    stored, table = np.load(crops, mmap_mode="r"), read_table(labels)
    clear = Faces(stored, table, settings, seed, name)
    # Only those that are held back are asked about; the others stay empty.
    modified, rows = np.zeros(stored.shape, np.uint8), clear.held_back
    modified[rows] = pictures_after(weights, settings, stored[rows])
    shown = {"original": clear, "modified": Faces(modified, table, settings, seed, name)}
    count = clear.count
    asked = {"adversary": below("classifier.", load_file(networks))}
    if fresh is not None:
        asked["fresh"] = load_file(fresh)
    lines = []
    for who, state in asked.items():
        network = classifier_network(settings, count)
        network.load_state_dict({k: v.float() if v.is_floating_point() else v
                                 for k, v in state.items()})  # fmt: skip
        for kind, faces in shown.items():
            right = told(classifier(network, settings), faces)
            people = faces.people[faces.held_back]
            lines.append([name, strength_label(settings.strength), who, kind, count,
                          *shares(right, people, seed), 1 / count])  # fmt: skip
    write_table(pd.DataFrame(lines, columns=COLUMNS), out)


def shares(
    right: NDArray[np.bool_], people: NDArray[np.int64], seed: int
) -> tuple[int, int, float, float, float]:
    """Return how many pictures, how many right, their share, and its interval (95 %)."""
    count = int(people.max()) + 1
    share = float(right.mean())
    weights = subject_weights(count, REPLICATES, generator(seed, "adversaries"))
    interval = rate_interval(share, replicate_share(weights, right, people), count)
    return len(right), int(right.sum()), share, interval.low, interval.high


def gather_adversaries(
    tables: Sequence[Path | str], csv: Path | str, json: Path | str, markdown: Path | str
) -> None:
    """Put the tables of several trainings together.

    Parameters
    ----------
    tables : sequence of path
        As `adversaries_file` wrote them.
    csv, json, markdown : path
        To write: the same rows, in the last one in per cent.
    """
    rows = pd.concat([read_table(path) for path in tables], ignore_index=True)
    write_table(rows, csv)
    with atomic(json) as partial:
        partial.write_text(rows.to_json(orient="records", indent=1) + "\n", encoding="utf-8")
    heads = ("training", "strength", "classifier", "pictures", "right", "95 % interval", "chance")
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---|---|---:|---:|---:|"]
    lines += [
        f"| `{r.training}` | {r.strength} | {r.classifier} | {r.pictures} | "
        f"{r.right_n:.0f} of {r.n:.0f}, {r.value:.1%} | {r.low:.1%} to {r.high:.1%} | "
        f"{r.chance_value:.2%} |".replace("%", " %")
        for r in rows.itertuples()
    ]
    with atomic(markdown) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
