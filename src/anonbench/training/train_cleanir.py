"""Training of CLEANIR: a variational autoencoder with a half of its code for who is seen."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from anonbench.anonymisers._cleanir_crop import SIZE
from anonbench.io import read_table
from anonbench.metrics.feature_distance import kid
from anonbench.models.cleanir import HALF, Decoder, Encoder, halves, rotated
from anonbench.seeds import generator
from anonbench.training import ciagan_losses
from anonbench.training.cleanir_crops import ROOM
from anonbench.training.cleanir_settings import CleanirTraining
from anonbench.training.face_features import FaceFeatures
from anonbench.training.held_out import evenly, split
from anonbench.training.patch_critic import PatchCritic
from anonbench.training.rounds import RoundTrainer, train_by_rounds
from anonbench.training.sheets import write_sheet

MOST, AT_ONCE = 256, 64
"""At most so many faces are looked at for the curves; so many at a time."""
ANGLE = 90.0
"""By which they are turned for KID."""
ROWS, ANGLES = 8, (0.0, 45.0, 90.0, 135.0, 180.0)
"""Faces on a sample sheet, and what is drawn of each."""


def train_cleanir_files(
    *,
    crops: Path | str,
    embeddings: Path | str,
    labels: Path | str,
    settings: CleanirTraining,
    name: str,
    seed: int,
    threads: int,
    folder: Path | str,
    weights: Path | str,
    curves: Path | str,
    figure: Path | str,
    samples: Path | str,
) -> None:
    """Train encoder and decoder, going on from a checkpoint of the same training if there is one.

    Parameters
    ----------
    crops, embeddings, labels : path
        As `cleanir_crops` wrote them.
    settings : CleanirTraining
        The recipe.
    name : str
        Key of the training.
    seed : int
        Of the experiment: batches, noise and first weights derive from it. On one machine and
        number of threads, the same settings give the same weights.
    threads : int
        For PyTorch, on a processor.
    folder : path
        For ``checkpoint.pt`` and a sample sheet at every report. A checkpoint of other data or
        settings is ignored; more rounds may be asked for, unless the rate falls towards the last.
    weights : path
        To write: ``.safetensors``, half precision (see `anonbench.training.export`), both networks
        under ``encoder.`` and ``decoder.``.
    curves : path
        To write: losses and quality by round, ``.csv``.
    figure : path
        To write: the same as a picture, ``.svg`` or ``.png``.
    samples : path
        To write: the last sample sheet, ``.png``.
    """
    torch.set_num_threads(threads)
    faces = Faces(np.load(crops, mmap_mode="r"), np.load(embeddings), read_table(labels),
                  settings, seed, name)  # fmt: skip
    metadata = {"architecture": "CLEANIR", "identity_length": str(faces.length),
                "recogniser": settings.recogniser}  # fmt: skip
    train_by_rounds(
        Trainer(faces, settings, seed, name), inputs=(labels, embeddings), metadata=metadata,
        folder=folder, weights=weights, curves=curves, figure=figure, samples=samples,
    )  # fmt: skip


class Faces:
    """The faces to train on, and who they are.

    Parameters
    ----------
    crops : ndarray of shape (N, 80, 80, 3), uint8
        The faces, with room around them.
    embeddings : ndarray of shape (N, D)
        Who a recogniser takes them for; D is at most 512.
    labels : DataFrame
        Their subjects.
    settings : CleanirTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training.
    """

    def __init__(
        self, crops: NDArray[np.uint8], embeddings: NDArray[np.float32], labels: pd.DataFrame,
        settings: CleanirTraining, seed: int, name: str,
    ) -> None:  # fmt: skip
        self._crops, self._settings, self._seed, self._name = crops, settings, seed, name
        subjects, draw = labels["subject"].to_numpy(), generator(seed, "cleanir subjects", name)
        self._rows, self.validation = split(subjects, settings.validation, draw)
        self.length = embeddings.shape[1]
        # Embeddings of all people share a direction that says nothing of who they are.
        centred = embeddings - embeddings[self._rows].mean(axis=0)
        self._targets = np.zeros((len(embeddings), HALF), np.float32)
        self._targets[:, : self.length] = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    def batch(self, k: int) -> tuple[Tensor, Tensor]:
        """Return pictures (N, 3, 64, 64), -1..1, of a round and who is seen, (N, 512)."""
        settings = self._settings
        draw = generator(self._seed, "cleanir batch", self._name, k)
        rows = draw.choice(self._rows, settings.batch)
        moves = draw.integers(-settings.shift, settings.shift + 1, (settings.batch, 2))
        mirrored = draw.random(settings.batch) < settings.flip
        pictures = np.stack([self._cut(r, *move) for r, move in zip(rows, moves, strict=True)])
        pictures[mirrored] = pictures[mirrored, :, ::-1]
        return _scaled(pictures), torch.from_numpy(self._targets[rows])

    def shown(self, rows: NDArray[np.int64]) -> Tensor:
        """Return pictures as the anonymiser sees them."""
        return _scaled(np.stack([self._cut(r, 0, 0) for r in rows]))

    def looked_at(self, most: int) -> NDArray[np.int64]:
        """Return evenly spaced faces of held-out subjects, or of all where none is held out."""
        return evenly(self.validation if len(self.validation) else self._rows, most)

    def _cut(self, row: int, down: int, right: int) -> NDArray[np.uint8]:
        top, left = ROOM + down, ROOM + right
        return np.asarray(self._crops[row, top : top + SIZE, left : left + SIZE])


def _scaled(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


class Trainer(RoundTrainer[CleanirTraining]):
    """Encoder and decoder while they are trained.

    Parameters
    ----------
    faces : Faces
        What they are shown.
    settings : CleanirTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training.
    """

    def __init__(self, faces: Faces, settings: CleanirTraining, seed: int, name: str) -> None:
        super().__init__(settings, seed, name)
        self.faces = faces
        self._features = FaceFeatures(settings.quality) if settings.quality else None

    def built(self) -> dict[str, nn.Module]:
        """Return both networks as one, and the critic where there is one."""
        both: dict[str, nn.Module] = {
            "both": nn.ModuleDict({"encoder": Encoder(), "decoder": Decoder()})
        }
        if not self.settings.adversarial:
            return both
        return both | {"critic": PatchCritic(3, self.settings.critic_width)}

    def betas(self, network: str) -> tuple[float, float]:
        """Return those of a network's Adam."""
        return (0.5, 0.999) if network == "critic" else super().betas(network)

    def rate_at(self, k: int) -> float:
        """Return the learning rate of round `k`."""
        return super().rate_at(k) / (1 + self.settings.decay * k)

    def learn(self, k: int) -> None:
        """Learn from the pictures of a round."""
        settings = self.settings
        pictures, targets = (part.to(self.device) for part in self.faces.batch(k))
        noise = generator(self._seed, "cleanir noise", self._name, k)
        drawn = noise.standard_normal((len(pictures), 2 * HALF), np.float32)
        encoder, decoder = _parts(self.networks["both"])
        with self.autocast():
            mean, spread = (part.float() for part in encoder(pictures))
            added = (0.5 * spread).exp() * torch.from_numpy(drawn).to(self.device)
            if settings.sure:
                added = torch.cat([torch.zeros_like(added[:, :HALF]), added[:, HALF:]], dim=1)
            who, rest = halves(mean + added)
            out = decoder(who, rest).float()
        terms = {
            "reconstruction": settings.reconstruction * _cross_entropy(out, pictures),
            "divergence": settings.divergence * _divergence(mean, spread).mean(),
            "identity": settings.identity * (1 - (who * targets).sum(dim=1)).sum(),
        }
        if settings.sharpness:
            everywhere = torch.ones_like(out[:, :1])
            found = ciagan_losses.pyramid_difference(out, pictures, everywhere, settings.levels)
            terms["sharpness"] = settings.sharpness * len(out) * found
        if settings.adversarial and k >= settings.warm_up:
            terms |= self._judgement(pictures, out)
        for name, value in terms.items():
            # By face, so that curves do not depend on the batch.
            shared = 1 if name == "divergence" else len(pictures)
            self.note(**{name: value / shared})
        self.descend("both", torch.stack(list(terms.values())).sum())

    def _judgement(self, pictures: Tensor, out: Tensor) -> dict[str, Tensor]:
        """Teach the critic; return what it adds to the loss of the other two."""
        settings, critic = self.settings, cast("PatchCritic", self.networks["critic"])
        critic.requires_grad_(True)
        with self.autocast():
            real, fake = critic(pictures).float(), critic(out.detach()).float()
        found = ciagan_losses.told_apart(fake, real)
        self.note(critic=found)
        self.descend("critic", found)
        critic.requires_grad_(False)
        with self.autocast():
            scores, inner = critic.judged(out)
        weight = settings.adversarial * len(out)
        terms = {"adversarial": weight * ciagan_losses.adversarial(scores.float(), True)}
        if settings.matching:
            with torch.no_grad(), self.autocast():
                known = critic.judged(pictures)[1]
            apart = ciagan_losses.matching(inner, known, out.new_ones(len(out)))
            terms["matching"] = settings.matching * len(out) * apart
        return terms

    @torch.inference_mode()
    def turned(self, pictures: Tensor, degrees: float) -> Tensor:
        """Return what becomes of pictures (N, 3, 64, 64), -1..1: 0..1, in ordinary memory."""
        encoder, decoder = _parts(self.kept().eval())
        who, rest = halves(encoder(pictures.to(self.device))[0])
        draw = generator(self._seed, "cleanir direction", self._name)
        towards = torch.zeros_like(who)
        direction = torch.from_numpy(draw.standard_normal(self.faces.length, np.float32))
        towards[:, : self.faces.length] = functional.normalize(direction, dim=0).to(self.device)
        out: Tensor = decoder(rotated(who, towards, degrees), rest)
        return (out.cpu() + 1) / 2

    def measured(self) -> dict[str, float]:
        """Return the KID of turned faces, or nothing."""
        if self._features is None:
            return {}
        rows = self.faces.looked_at(MOST)
        true, drawn = [], []
        for start in range(0, len(rows), AT_ONCE):
            pictures = self.faces.shown(rows[start : start + AT_ONCE])
            true.append(self._features.of((pictures + 1) / 2))
            drawn.append(self._features.of(self.turned(pictures, ANGLE)))
        draw = generator(self._seed, "cleanir kid")
        return {"kid": kid(np.concatenate(true), np.concatenate(drawn), draw)}

    def sheet(self, path: Path | str) -> None:
        """Write a sample sheet: faces, and the same turned by a few angles."""
        pictures = self.faces.shown(self.faces.looked_at(ROWS))
        columns = [(pictures + 1) / 2, *(self.turned(pictures, angle) for angle in ANGLES)]
        write_sheet(columns, path)


def _parts(both: nn.Module) -> tuple[nn.Module, nn.Module]:
    return both.get_submodule("encoder"), both.get_submodule("decoder")


def _cross_entropy(drawn: Tensor, true: Tensor) -> Tensor:
    """Return the cross-entropy of pictures, -1..1, taken as probabilities, over all pixels."""
    # Keras' margin, without which a pixel that is surely wrong would cost infinitely much.
    chance = ((drawn + 1) / 2).clamp(1e-7, 1 - 1e-7)
    return functional.binary_cross_entropy(chance, (true + 1) / 2, reduction="sum")


def _divergence(mean: Tensor, spread: Tensor) -> Tensor:
    """Return the divergence of each code from the standard normal distribution (N,)."""
    return 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(dim=1)
