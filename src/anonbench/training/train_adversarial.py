"""Training of a transform against a face classifier that learns as well, with a task to serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from anonbench.io import read_table
from anonbench.seeds import generator
from anonbench.strengths import strength_label
from anonbench.training.adversarial_faces import Batch, Faces
from anonbench.training.adversarial_losses import apart, each, fooling
from anonbench.training.adversarial_networks import (
    classifier,
    classifier_network,
    middle,
    task_network,
    transform,
)
from anonbench.training.adversarial_settings import ENLARGED, AdversarialTraining
from anonbench.training.arrays import write_arrays
from anonbench.training.rounds import RoundTrainer, train_by_rounds
from anonbench.training.sheets import write_sheet
from anonbench.weight_formats import below

MOST, AT_ONCE = 256, 32
"""At most so many faces are looked at for the curves; so many at a time."""
ROWS = 6
"""Faces on a sample sheet."""


def train_adversarial_files(
    *,
    crops: Path | str,
    labels: Path | str,
    start: Path | str | None,
    settings: AdversarialTraining,
    name: str,
    seed: int,
    threads: int,
    folder: Path | str,
    weights: Path | str,
    networks: Path | str,
    curves: Path | str,
    figure: Path | str,
    samples: Path | str,
) -> None:
    """Train a transform, going on from a checkpoint of the same training if there is one.

    Parameters
    ----------
    crops, labels : path
        As `adversarial_crop_files` wrote them.
    start : path or None
        Networks of another training to begin with: all of them, as the output `networks`.
    settings : AdversarialTraining
        The recipe.
    name : str
        Key of the training.
    seed : int
        Of the experiment: batches and first weights derive from it.
    threads : int
        For PyTorch, on a processor.
    networks : path
        To write: all networks, the transform as it was in the last round; ``.safetensors``, single
        precision. Their names begin with that of the network.
    folder, weights, curves, figure, samples : path
        See `anonbench.training.rounds.train_by_rounds`; `weights` is the transform.
    """
    torch.set_num_threads(threads)
    faces = Faces(np.load(crops, mmap_mode="r"), read_table(labels), settings, seed, name)
    trainer = Trainer(faces, settings, seed, name)
    if start is not None:
        trainer.begin_with(load_file(start), str(start))
    train_by_rounds(
        trainer, inputs=(labels, *([] if start is None else [start])), metadata=about(settings),
        folder=folder, weights=weights, curves=curves, figure=figure, samples=samples,
    )  # fmt: skip
    whole = {name: value.cpu().numpy() for name, value in trainer.state().items()}
    write_arrays(whole, networks)


def about(settings: AdversarialTraining) -> dict[str, str]:
    """Return what a transform's file says of itself."""
    modifier = settings.transform == "modifier"
    kind = "Modifier" if modifier else "SharedConvolutions"
    own = {"channels": settings.channels}
    own |= {"blocks": settings.blocks} if modifier else {"layers": settings.layers,
                                                         "kernel": settings.kernel}  # fmt: skip
    return {
        "architecture": kind, "size": str(settings.size), "enlarged": f"{ENLARGED:g}",
        "strength": strength_label(settings.strength), **{k: str(v) for k, v in own.items()},
    }  # fmt: skip


class Trainer(RoundTrainer[AdversarialTraining]):
    """Transform, classifier of people and classifier of expressions while they are trained.

    Parameters
    ----------
    faces : Faces
        What they are shown.
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

    def betas(self, network: str) -> tuple[float, float]:
        """Return those of a network's Adam."""
        return 0.5, 0.999

    def built(self) -> dict[str, nn.Module]:
        """Return the transform, who tells people apart, and who tells expressions if anybody."""
        settings = self.settings
        task = {"task": task_network(settings)} if settings.task else {}
        opponent = classifier_network(settings, self.faces.count)
        return {"transform": transform(settings), "classifier": opponent, **task}

    def begin_with(self, state: dict[str, Tensor], source: str) -> None:
        """Take the networks of another training in place of the first weights.

        Raises
        ------
        ValueError
            If they are of other sizes; the message names the file.
        """
        for name, network in self.networks.items():
            try:
                network.load_state_dict(below(f"{name}.", state))
            except RuntimeError as error:
                wrong = str(error).splitlines()[-1].strip()
                raise ValueError(f"{source}: networks of another recipe: {wrong}") from None
        if self._average is not None:
            self._average.load_state_dict(self.networks["transform"].state_dict())

    def state(self) -> dict[str, Tensor]:
        """Return the parameters of all networks."""
        return {f"{name}.{key}": value.detach() for name, network in self.networks.items()
                for key, value in network.state_dict().items()}  # fmt: skip

    def pace(self, network: str) -> float:
        """Return at how many times the rate a network learns."""
        settings = self.settings
        own = {"task": settings.task_rate / settings.rate, "transform": settings.pace}
        return own.get(network, 1.0)

    def learn(self, k: int) -> None:
        """Learn from the faces of a round: first the classifier, then transform and task."""
        settings = self.settings
        # Some features of a classifier are left out at random while it learns.
        torch.manual_seed(int(generator(self._seed, "left out", self._name, k).integers(2**31)))
        batch = self.faces.batch(k, settings.batch).to(self.device)
        with self.autocast():
            modified = self.networks["transform"](batch.pictures).float()
        more = self.faces.batch(k, settings.more_originals, "more").to(self.device)
        self._classifier_step(batch, modified.detach(), more, k)
        self._transform_step(batch, modified, more, k)

    def _classifier_step(self, batch: Batch, modified: Tensor, more: Batch, k: int) -> None:
        """Teach the classifier who is who, in pictures as they are and in modified ones."""
        settings = self.settings
        shown = [(more.pictures, more.people)]
        if settings.originals:
            shown.append((batch.pictures, batch.people))
        if k >= settings.warm_up or not settings.originals:
            shown.append((modified, batch.people))
        pictures, people = (torch.cat(parts) for parts in zip(*shown, strict=True))
        with self.autocast():
            losses = self._classifier.losses(pictures, people, k)
        self.note(classifier=losses.mean())
        self.descend("classifier", losses.mean())

    def _transform_step(self, batch: Batch, modified: Tensor, more: Batch, k: int) -> None:
        """Teach the transform, and the task together with it."""
        settings = self.settings
        difference = apart(modified, batch.pictures)
        self.note(difference=difference)
        losses, learning = [settings.difference * difference], []
        if settings.task:
            with self.autocast():
                seen = middle(torch.cat([modified, more.pictures]), settings)
                logits = self.networks["task"](seen).float()
            told = each(logits, torch.cat([batch.expressions, more.expressions]))
            self.note(expression=told[: len(modified)].mean())
            # Each modified face weighs the same for the transform, however many others there are.
            losses.append(settings.task * told.sum() / len(modified))
            learning.append("task")
        if k >= settings.warm_up and settings.adversarial:
            losses.append(settings.adversarial * self._fooling(batch, modified, k))
        self.descend("transform", torch.stack(losses).sum(), *learning)

    def _fooling(self, batch: Batch, modified: Tensor, k: int) -> Tensor:
        """Return what the transform lowers to raise the loss of a classifier that holds still."""
        # Not in evaluation: there a transform need only move the statistics that were learnt.
        network = self._classifier.network.requires_grad_(False)
        with self.autocast():
            losses = self._classifier.losses(modified, batch.people, k)
        network.requires_grad_(True)
        self.note(fooled=losses.mean())
        return fooling(losses, self.faces.count, self.settings.bounded)

    @torch.inference_mode()
    def modified(self, pictures: Tensor) -> Tensor:
        """Return what the kept transform makes of pictures, -1..1, in ordinary memory."""
        with self.autocast():
            made: Tensor = self.kept().eval()(pictures.to(self.device))
        return made.float().cpu()

    @torch.inference_mode()
    def measured(self) -> dict[str, float]:
        """Return whom and which expressions the networks tell in pictures that are held back."""
        rows = self.faces.held_back
        rows = rows[np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int)]
        right: dict[str, list[Tensor]] = {}
        for network in self.networks.values():
            network.eval()
        for start in range(0, len(rows), AT_ONCE):
            batch = self.faces.shown(rows[start : start + AT_ONCE])
            made = self.modified(batch.pictures)
            for name, pictures in (("originals", batch.pictures), ("modified", made)):
                found = self._classifier.found(pictures.to(self.device)).cpu()
                right.setdefault(f"right_{name}", []).append(found == batch.people)
            if "task" in self.networks:
                seen = middle(made.to(self.device), self.settings)
                told = self.networks["task"](seen).argmax(dim=1).cpu()
                right.setdefault("right_expressions", []).append(told == batch.expressions)
        return {name: float(torch.cat(parts).float().mean()) for name, parts in right.items()}

    def sheet(self, path: Path | str) -> None:
        """Write a sample sheet: faces, what becomes of them, and by how much they differ."""
        pictures = self.faces.shown(self.faces.looked_at(ROWS)).pictures
        made = self.modified(pictures)
        columns = [(pictures + 1) / 2, (made + 1) / 2, ((made - pictures) / 4 + 0.5)]
        write_sheet([column.clamp(0, 1) for column in columns], path)
