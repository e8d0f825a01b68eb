"""Training of DAN, by the recipe of its authors or a shorter one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from anonbench.expressions import EXPRESSIONS
from anonbench.hashing import sha256
from anonbench.io import read_table, write_table
from anonbench.models.dan import DAN, FEATURES
from anonbench.models.dan_losses import AffinityLoss, PartitionLoss
from anonbench.progress import LOGGER, progress
from anonbench.seeds import generator
from anonbench.training.augment import augmented, centred, erased, normalised
from anonbench.training.checkpoints import read_checkpoint, write_checkpoint
from anonbench.training.curves import write_curves
from anonbench.training.devices import autocast, device
from anonbench.training.export import write_half
from anonbench.training.recipe import (
    Indices,
    class_weights,
    held_out,
    optimiser,
    order,
    rate_at,
)
from anonbench.training.settings import Training

LOSSES = ("cross_entropy", "affinity", "partition", "auxiliary")


def train_files(
    *,
    crops: Path | str,
    labels: Path | str,
    settings: Training,
    seed: int,
    threads: int,
    checkpoint: Path | str,
    weights: Path | str,
    curves: Path | str,
    figure: Path | str,
) -> None:
    """Train a network, going on from a checkpoint of the same training if there is one.

    Parameters
    ----------
    crops, labels : path
        As `anonbench.training.crops.crop_files` wrote them.
    settings : Training
        The recipe.
    seed : int
        Of the experiment: order, augmentation and first weights derive from it. On one machine and
        number of threads, the same settings give the same weights.
    threads : int
        For PyTorch, on a processor.
    checkpoint : path
        Written after every epoch; ignored if it belongs to other data or settings.
    weights : path
        To write: ``.safetensors``, half precision (see `anonbench.training.export`).
    curves : path
        To write: losses and accuracies by epoch, ``.csv``.
    figure : path
        To write: the same as a picture, ``.svg`` or ``.png``.
    """
    torch.set_num_threads(threads)
    identity = json.dumps(
        {"settings": settings.model_dump(), "seed": seed, "labels": sha256(Path(labels))},
        sort_keys=True,
    )
    trainer = Trainer(np.load(crops, mmap_mode="r"), read_table(labels), settings, seed)
    trainer.resume(Path(checkpoint), identity)
    for epoch in range(trainer.epoch, settings.epochs):
        trainer.train_epoch(epoch)
        trainer.save(Path(checkpoint), identity)
    table = pd.DataFrame(trainer.curves)
    write_table(table, curves)
    write_curves(table, figure, f"Training of {settings.name}")
    metadata = {
        "architecture": "DAN", "classes": ",".join(EXPRESSIONS), "size": str(settings.size),
        "crop": settings.crop, "padding": f"{settings.padding:g}",
    }  # fmt: skip
    write_half(trainer.network.state_dict(), weights, metadata)


class Trainer:
    """A network with all that changes while it is trained.

    Parameters
    ----------
    crops : ndarray of shape (N, width, width, 3), uint8
        Stored crops; may be mapped from a file.
    labels : DataFrame
        Columns subject and expression, one row a crop.
    settings : Training
        The recipe.
    seed : int
        Of the experiment.
    """

    def __init__(
        self, crops: NDArray[np.uint8], labels: pd.DataFrame, settings: Training, seed: int
    ) -> None:
        self.settings, self.seed = settings, seed
        self.device = device(settings.device)
        self._crops = crops
        self._labels = labels["expression"].map(EXPRESSIONS.index).to_numpy(np.int64)
        out = held_out(list(labels["subject"]), settings.validation, seed)
        self._train, self._validate = np.flatnonzero(~out), np.flatnonzero(out)
        if not len(self._train):
            raise ValueError("no subject is left to train on: lower training.validation")
        torch.manual_seed(int(generator(seed, "first weights", settings.name).integers(2**31)))
        self.network = _network(settings).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._affinity = AffinityLoss(len(EXPRESSIONS)).to(self.device)
        self._partition = PartitionLoss()
        self._auxiliary = nn.Linear(FEATURES, len(EXPRESSIONS)).to(self.device)
        modules = (self.network, self._affinity, self._auxiliary)
        parameters = [p for module in modules for p in module.parameters()]
        self._optimiser = optimiser(parameters, settings)
        weights = class_weights(self._labels[self._train], len(EXPRESSIONS), settings)
        self._class_weights = None if weights is None else weights.to(self.device)
        self.epoch = 0
        self.curves: list[dict[str, float]] = []

    def train_epoch(self, epoch: int) -> None:
        """Show every training sample once, then look how the held-out ones do."""
        began = time.monotonic()
        self.network.train()
        sums = dict.fromkeys((*LOSSES, "right"), 0.0)
        shown = order(self._labels[self._train], self.settings, self.seed, epoch)
        steps = np.split(shown, range(self.settings.batch, len(shown), self.settings.batch))
        title = f"epoch {epoch + 1} of {self.settings.epochs}"
        for step, part in enumerate(progress(steps, title)):
            for group in self._optimiser.param_groups:
                group["lr"] = rate_at(self.settings, epoch + step / len(steps))
            draw = generator(self.seed, "augmentation", self.settings.name, epoch, step)
            for name, value in self._step(self._train[part], draw).items():
                sums[name] += value / len(steps)
        row = {"epoch": epoch + 1, "rate": rate_at(self.settings, epoch), **sums}
        row["train_accuracy"] = row.pop("right")
        row |= self.validate()
        self.curves.append(row)
        self.epoch = epoch + 1
        shares = ", ".join(f"{k} {v:.4f}" for k, v in row.items() if k != "epoch")
        LOGGER.info("%s: %s, %.0f s", title, shares, time.monotonic() - began)

    def _step(self, rows: Indices, draw: np.random.Generator) -> dict[str, float]:
        truth = torch.from_numpy(self._labels[rows]).to(self.device)
        settings = self.settings
        images = augmented(self._pixels(rows), settings.size, settings.augmentation, draw)
        images = erased(normalised(images), settings.augmentation, draw)
        with self._autocast():
            output = self.network(images.contiguous(memory_format=torch.channels_last))
        logits = output.logits.float()
        plain = self._auxiliary(output.feature_map.float().mean(dim=(2, 3)))
        losses = {
            "cross_entropy": functional.cross_entropy(logits, truth, self._class_weights),
            "affinity": self._affinity(output.feature_map, truth) * settings.affinity,
            "partition": self._partition(output.heads) * settings.partition,
            "auxiliary": functional.cross_entropy(plain, truth, self._class_weights)
            * settings.auxiliary,
        }
        loss = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                "the loss is no longer a number: lower training.rate, or use precision float32"
            )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        right = (logits.argmax(dim=1) == truth).float().mean()
        return {**{k: float(v.detach()) for k, v in losses.items()}, "right": float(right)}

    def validate(self) -> dict[str, float]:
        """Return accuracy and balanced accuracy on the held-out subjects; NaN if there are none."""
        if not len(self._validate):
            return {"validation_accuracy": float("nan"), "validation_uar": float("nan")}
        predicted = np.concatenate([p.argmax(1) for p in self._posteriors(self._validate)])
        truth = self._labels[self._validate]
        right = predicted == truth
        recalls = [right[truth == c].mean() for c in np.unique(truth)]
        return {
            "validation_accuracy": float(right.mean()),
            "validation_uar": float(np.mean(recalls)),
        }

    def _posteriors(self, rows: Indices) -> Iterator[NDArray[np.float32]]:
        self.network.eval()
        for start in range(0, len(rows), self.settings.batch):
            part = rows[start : start + self.settings.batch]
            images = normalised(centred(self._pixels(part), self.settings.size))
            with torch.inference_mode(), self._autocast():
                yield self.network(images).logits.float().softmax(dim=1).cpu().numpy()

    def _pixels(self, rows: Indices) -> Tensor:
        return torch.from_numpy(self._crops[rows]).to(self.device)

    def _autocast(self) -> torch.autocast:
        return autocast(self.device, self.settings.precision)

    def resume(self, path: Path, identity: str) -> None:
        """Go on where a checkpoint of the same training ended, if there is one."""
        state = read_checkpoint(path, identity, self.device)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self._affinity.load_state_dict(state["centres"])
        self._auxiliary.load_state_dict(state["auxiliary"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.curves = state["epoch"], state["curves"]
        LOGGER.info("going on after epoch %d", self.epoch)

    def save(self, path: Path, identity: str) -> None:
        """Write a checkpoint."""
        state = {
            "network": self.network.state_dict(),
            "centres": self._affinity.state_dict(),
            "auxiliary": self._auxiliary.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "epoch": self.epoch,
            "curves": self.curves,
        }
        write_checkpoint(path, identity, state)


def _network(settings: Training) -> DAN:
    network = DAN(len(EXPRESSIONS), settings.heads)
    if settings.start:
        # Here, as most training starts from nothing and needs no registry.
        from anonbench import weights

        backbone = weights.arrays(settings.start)
        own = network.features.state_dict()
        renamed = _backbone(backbone, own)
        network.features.load_state_dict(renamed)
    return network


RESNET = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
"""Names of ResNet's parts in the order in which DAN counts them."""


def _backbone(arrays: Mapping[str, NDArray[Any]], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters of a ResNet-18 under the names that they have in DAN."""
    numbers = {name: str(k) for k, name in enumerate(RESNET)}
    found = {}
    for key, value in arrays.items():
        part, _, rest = key.partition(".")
        if part in numbers:
            found[f"{numbers[part]}.{rest}"] = torch.from_numpy(np.array(value))
    lacking = sorted(set(own) - set(found))
    if lacking:
        raise ValueError(f"training.start: no ResNet-18, it lacks {lacking[0]}")
    return {key: found[key] for key in own}
