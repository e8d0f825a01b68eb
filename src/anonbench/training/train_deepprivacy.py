"""Training of DeepPrivacy: a Wasserstein critic with gradient penalty, and what goes beyond it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from anonbench.anonymisers._deepprivacy_weights import FILL
from anonbench.io import read_table
from anonbench.metrics.feature_distance import kid
from anonbench.models.deepprivacy import (
    KEYPOINTS,
    SIDES,
    DeepPrivacyV1,
    MSGGenerator,
    keypoint_maps,
)
from anonbench.seeds import generator
from anonbench.training import ciagan_losses
from anonbench.training.deepprivacy_batches import Batch, Faces
from anonbench.training.deepprivacy_critic import Critic, gradient_penalty
from anonbench.training.deepprivacy_settings import DeepPrivacyTraining
from anonbench.training.face_features import FaceFeatures
from anonbench.training.patch_critic import PatchCritic
from anonbench.training.rounds import RoundTrainer, train_by_rounds
from anonbench.training.sheets import write_sheet

NETWORKS = {"DeepPrivacyV1": DeepPrivacyV1, "MSGGenerator": MSGGenerator}
MOST, AT_ONCE = 256, 32
"""At most so many faces are looked at for the curves; so many at a time."""
ROWS, NOISES = 6, 3
"""Faces on a sample sheet, and how often each is drawn with noise."""


def train_deepprivacy_files(
    *,
    crops: Path | str,
    places: Path | str,
    labels: Path | str,
    settings: DeepPrivacyTraining,
    name: str,
    seed: int,
    threads: int,
    folder: Path | str,
    weights: Path | str,
    curves: Path | str,
    figure: Path | str,
    samples: Path | str,
) -> None:
    """Train the generator, going on from a checkpoint of the same training if there is one.

    Parameters
    ----------
    crops, places, labels : path
        As `deepprivacy_crop_files` wrote them.
    settings : DeepPrivacyTraining
        The recipe.
    name : str
        Key of the training.
    seed : int
        Of the experiment: batches, noise and first weights derive from it.
    threads : int
        For PyTorch, on a processor.
    folder, weights, curves, figure, samples : path
        See `anonbench.training.rounds.train_by_rounds`.
    """
    torch.set_num_threads(threads)
    faces = Faces(np.load(crops, mmap_mode="r"), np.load(places), read_table(labels),
                  settings, seed, name)  # fmt: skip
    metadata = {
        "architecture": "DeepPrivacy", "network": settings.network,
        "channels": str(settings.channels), "fill": f"{FILL[settings.network]:g}",
    }  # fmt: skip
    train_by_rounds(
        Trainer(faces, settings, seed, name), inputs=(labels, places), metadata=metadata,
        folder=folder, weights=weights, curves=curves, figure=figure, samples=samples,
    )  # fmt: skip


class Trainer(RoundTrainer[DeepPrivacyTraining]):
    """Generator and critic with all that changes while they are trained.

    Parameters
    ----------
    faces : Faces
        What they are shown.
    settings : DeepPrivacyTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training.
    """

    def __init__(self, faces: Faces, settings: DeepPrivacyTraining, seed: int, name: str) -> None:
        super().__init__(settings, seed, name)
        self.faces = faces
        self._features = FaceFeatures(settings.quality) if settings.quality else None

    def betas(self, network: str) -> tuple[float, float]:
        """Return those of a network's Adam."""
        return self.settings.momentum, 0.99

    def built(self) -> dict[str, nn.Module]:
        """Return generator and critic."""
        settings = self.settings
        drawer = NETWORKS[settings.network](settings.channels)
        critic: nn.Module = Critic(settings.critic_channels)
        if settings.critic == "patches":
            # A picture, where its face was, and the keypoints' maps.
            critic = PatchCritic(3 + 1 + KEYPOINTS, settings.critic_channels)
        return {"generator": drawer, "critic": critic}

    def pace(self, network: str) -> float:
        """Return at how many times the rate a network learns."""
        return self.settings.critic_pace if network == "critic" else 1.0

    def learn(self, k: int) -> None:
        """Learn from the faces of a round."""
        batch = self.faces.batch(k).to(self.device)
        raw = self._drawn(self.networks["generator"], batch)
        drawn = batch.pasted(raw)
        if k >= self.settings.warm_up:
            if self.settings.critic == "patches":
                self._patch_critic_step(batch, drawn.detach())
            else:
                self._critic_step(batch, drawn.detach(), k)
        self._generator_step(batch, raw, drawn, k)

    def _drawn(self, network: nn.Module, batch: Batch) -> Tensor:
        with self.autocast():
            raw: Tensor = network(batch.condition, batch.mask, batch.keypoints, batch.z)
        return raw.float()

    def _critic_step(self, batch: Batch, drawn: Tensor, k: int) -> None:
        settings, critic = self.settings, self.networks["critic"]
        rest = (batch.condition, batch.keypoints)
        with self.autocast():
            real, fake = critic(batch.picture, *rest).float(), critic(drawn, *rest).float()
        found = fake.mean() - real.mean()
        self.note(critic=found)
        loss = found + settings.drift * real.square().mean()
        if settings.penalty and k % settings.penalty_every == 0:
            draw = generator(self._seed, "deepprivacy penalty", self._name, k)
            share = torch.from_numpy(draw.random((len(drawn), 1, 1, 1), np.float32)).to(drawn)
            mixed = share * batch.picture + (1 - share) * drawn
            # In single precision: it is a gradient of gradients.
            penalty = gradient_penalty(critic, mixed, *rest)
            self.note(penalty=penalty)
            loss = loss + settings.penalty * settings.penalty_every * penalty
        self.descend("critic", loss)

    def _patch_critic_step(self, batch: Batch, drawn: Tensor) -> None:
        real, fake = self._patches(batch, batch.picture)[0], self._patches(batch, drawn)[0]
        found = ciagan_losses.told_apart(fake, real)
        self.note(critic=found)
        self.descend("critic", found)

    def _patches(self, batch: Batch, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the patches' scores, and what each layer made of pictures in the batch's place."""
        maps = keypoint_maps(batch.keypoints, SIDES[-1])
        critic = cast("PatchCritic", self.networks["critic"])
        with self.autocast():
            scores, inner = critic.judged(torch.cat([picture, batch.mask, maps], dim=1))
        return scores.float(), inner

    def _generator_step(self, batch: Batch, raw: Tensor, drawn: Tensor, k: int) -> None:
        settings, critic = self.settings, self.networks["critic"]
        losses = []
        if settings.reconstruction:
            apart = ciagan_losses.pyramid_difference(
                raw, batch.picture, 1 - batch.mask, settings.levels
            )
            self.note(reconstruction=apart)
            losses.append(settings.reconstruction * apart)
        if k >= settings.warm_up:
            critic.requires_grad_(False)
            losses += self._judgement(batch, drawn)
            critic.requires_grad_(True)
        if not losses:
            raise ValueError(
                f"training_deepprivacy.{self._name}: nothing to learn in the warm-up: set "
                "reconstruction"
            )
        self.descend("generator", torch.stack(losses).sum())

    def _judgement(self, batch: Batch, drawn: Tensor) -> list[Tensor]:
        """Return what the critic adds to the generator's loss."""
        settings = self.settings
        if settings.critic == "published":
            with self.autocast():
                rest = (batch.condition, batch.keypoints)
                score = self.networks["critic"](drawn, *rest).float().mean()
            self.note(adversarial=-score)
            return [-settings.adversarial * score]
        scores, inner = self._patches(batch, drawn)
        found = ciagan_losses.adversarial(scores, True)
        self.note(adversarial=found)
        if not settings.matching:
            return [settings.adversarial * found]
        with torch.no_grad():
            known = self._patches(batch, batch.picture)[1]
        apart = ciagan_losses.matching(inner, known, scores.new_ones(len(drawn)))
        self.note(matching=apart)
        return [settings.adversarial * found, settings.matching * apart]

    @torch.inference_mode()
    def kept_pictures(self, batch: Batch) -> Tensor:
        """Return what the kept generator makes of faces: pictures (N, 3, 128, 128), 0..1."""
        batch = batch.to(self.device)
        raw = self._drawn(self.kept().eval(), batch)
        return ((batch.pasted(raw.clamp(-1, 1)) + 1) / 2).cpu()

    def measured(self) -> dict[str, float]:
        """Return the KID of drawn faces, or nothing."""
        if self._features is None:
            return {}
        rows = self.faces.looked_at(MOST)
        true, drawn = [], []
        for start in range(0, len(rows), AT_ONCE):
            batch = self.faces.shown(rows[start : start + AT_ONCE])
            true.append(self._features.of((batch.picture + 1) / 2))
            drawn.append(self._features.of(self.kept_pictures(batch)))
        draw = generator(self._seed, "deepprivacy kid")
        return {"kid": kid(np.concatenate(true), np.concatenate(drawn), draw)}

    def sheet(self, path: Path | str) -> None:
        """Write a sample sheet: faces, what is shown, drawn without noise, and with it."""
        batch = self.faces.shown(self.faces.looked_at(ROWS))
        columns = [(batch.picture + 1) / 2, (batch.condition + 1) / 2]
        for n in range(1 + NOISES):
            z = torch.zeros_like(batch.z) if n == 0 else batch.z.roll(n, 0)
            columns.append(self.kept_pictures(batch._replace(z=z)))
        write_sheet([column.clamp(0, 1) for column in columns], path)
