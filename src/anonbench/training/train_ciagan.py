"""Training of CIAGAN, by the published recipe or one that goes beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from anonbench.models.ciagan import Discriminator, Generator, SiameseNetwork
from anonbench.seeds import generator
from anonbench.training import ciagan_losses as loss
from anonbench.training.ciagan_batches import Batch, Pairs, read_faces_to_train_on
from anonbench.training.ciagan_codes import make_codes_differ
from anonbench.training.ciagan_looks import components, mean_faces
from anonbench.training.ciagan_quality import Quality, sheet
from anonbench.training.ciagan_settings import CiaganTraining
from anonbench.training.face_classifier import FaceClassifier, comparable, taught
from anonbench.training.landmark_reader import LandmarkReader, reading_loss, unlikeness
from anonbench.training.patch_critic import PatchCritic
from anonbench.training.rounds import RoundTrainer, train_by_rounds
from anonbench.weight_formats import read

READER_PACE = 5.0
"""The reader starts from nothing while the generator already draws."""
RIM = 8
"""Width in pixels of the surroundings that a drawn face has to go over into."""


def train_ciagan_files(
    *,
    crops: Sequence[Path | str],
    points: Sequence[Path | str],
    labels: Sequence[Path | str],
    start: Path | str | None,
    settings: CiaganTraining,
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
    crops, points, labels : sequence of path
        As `ciagan_crops` wrote them, in the order of ``settings.landmarks``.
    start : path or None
        Weights of the generator to begin with; None for random ones.
    settings : CiaganTraining
        The recipe.
    name : str
        Key of the training.
    seed : int
        Of the experiment: pairs, views and first weights derive from it. On one machine and number
        of threads, the same settings give the same weights.
    threads : int
        For PyTorch, on a processor.
    folder : path
        For ``checkpoint.pt`` and a sample sheet at every report. A checkpoint of other data or
        settings is ignored; more rounds may be asked for, unless the rate falls towards the last.
    weights : path
        To write: ``.safetensors``, half precision (see `anonbench.training.export`).
    curves : path
        To write: losses and quality by round, ``.csv``.
    figure : path
        To write: the same as a picture, ``.svg`` or ``.png``.
    samples : path
        To write: the last sample sheet, ``.png``.
    """
    torch.set_num_threads(threads)
    faces = [
        read_faces_to_train_on(*files)
        for files in zip(settings.landmarks, crops, points, labels, strict=True)
    ]
    pairs = Pairs(faces, settings, seed, name)
    groups = settings.groups or pairs.faces[0].scheme.shown
    metadata = {
        "architecture": "CIAGAN", "landmarks": ",".join(settings.landmarks),
        "groups": ",".join(groups), "scaling": settings.scaling,
        "codes": str(pairs.codes), "skips": str(settings.skips).lower(),
    }  # fmt: skip
    train_by_rounds(
        Trainer(pairs, settings, seed, name, start),
        inputs=(*labels, *points, *([start] if start else [])), metadata=metadata,
        folder=folder, weights=weights, curves=curves, figure=figure, samples=samples,
    )  # fmt: skip


class Trainer(RoundTrainer[CiaganTraining]):
    """The three networks with all that changes while they are trained.

    Parameters
    ----------
    pairs : Pairs
        What they are shown.
    settings : CiaganTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training.
    start : path or None
        Weights of the generator to begin with.
    """

    def __init__(
        self, pairs: Pairs, settings: CiaganTraining, seed: int, name: str,
        start: Path | str | None = None,
    ) -> None:  # fmt: skip
        self.pairs, self._start = pairs, start
        super().__init__(settings, seed, name)
        self._quality = Quality(settings, pairs, seed)

    def betas(self, network: str) -> tuple[float, float]:
        """Return those of a network's Adam."""
        return 0.5, 0.999

    def built(self) -> dict[str, nn.Module]:
        """Return generator, critic, and identity network or classifier."""
        settings = self.settings
        drawer = Generator(identities=settings.identities, skips=settings.skips)
        identity: nn.Module = SiameseNetwork()
        if settings.guide == "classifier":
            identity = FaceClassifier(self.pairs.codes)
        if self._start:
            arrays = {k: torch.from_numpy(np.array(v)) for k, v in read(Path(self._start)).items()}
            drawer.load_state_dict(arrays)
        if settings.fresh_codes != "no":
            alike = settings.fresh_codes == "looks"
            make_codes_differ(drawer, components(mean_faces(self.pairs)) if alike else None)
        networks = {"generator": drawer, "critic": _critic(settings), "identity": identity}
        return networks | ({"reader": LandmarkReader()} if settings.following else {})

    @property
    def critic(self) -> Discriminator | PatchCritic:
        """The critic."""
        return cast("Discriminator | PatchCritic", self.networks["critic"])

    def pace(self, network: str) -> float:
        """Return at how many times the rate a network learns."""
        return {"reader": READER_PACE, "critic": self.settings.critic_pace}.get(network, 1.0)

    def learn(self, k: int) -> None:
        """Learn from the pictures of a round."""
        settings = self.settings
        warm = k < settings.warm_up
        guided = not warm and settings.identity > 0 and k % settings.identity_every == 0
        classified = settings.guide == "classifier"
        if classified:
            self._classify(k)
        if not warm and not settings.lean:
            for n in range(0 if classified else settings.identity_steps):
                self._identity_step(self._batch(k, f"identity {n}"))
            for n in range(settings.critic_steps):
                true = self._batch(k, f"true {n}")
                other = self._batch(k, f"drawn {n}")
                with torch.no_grad():
                    drawn = self._drawn(other)[1]
                self._critic_step(true, other, drawn, k)
        batch = self._batch(k, "generator", same_only=warm)
        raw, drawn = self._drawn(batch)
        if not warm and settings.lean:
            if guided and not classified:
                self._identity_step(batch)
            self._critic_step(batch, batch, drawn.detach(), k)
        if settings.following:
            self._reader_step(batch)
        self._generator_step(batch, raw, drawn, warm, guided, k)

    def _batch(self, k: int, part: str, same_only: bool = False) -> Batch:
        return self.pairs.batch(k, part, same_only).to(self.device)

    def _drawn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return what the generator draws, and the picture with it in its hole."""
        code = functional.one_hot(batch.code, self.settings.identities).float()
        with self.autocast():
            raw = self.networks["generator"](batch.shown, code).float()
        return raw, batch.pasted(raw)

    def _critic_step(self, true: Batch, other: Batch, drawn: Tensor, k: int) -> None:
        pictures = true.picture.clone()
        if self.settings.r1:
            pictures.requires_grad_()
        with self.autocast():
            real = self.critic(self._judged(pictures, true, k, "true")).float()
            # In a lean round both show the same place, so that they differ in what is drawn alone.
            place = "true" if true is other else "drawn"
            fake = self.critic(self._judged(drawn, other, k, place)).float()
        found = loss.told_apart(fake, real)
        self.note(critic=found)
        if self.settings.r1:
            found = found + self.settings.r1 * loss.squared_gradient(real, pictures)
        self.descend("critic", found)

    def _identity_step(self, batch: Batch) -> None:
        n = len(batch.code)
        both = self._embedded(torch.cat([batch.picture, batch.other]))
        found = loss.contrastive(both[:n], both[n:], batch.same, self.settings.margin)
        self.note(identity=found)
        self.descend("identity", found)

    def _reader_step(self, batch: Batch) -> None:
        with self.autocast():
            read = self.networks["reader"](batch.picture)
        found = reading_loss(read.float(), batch.landmarks)
        self.note(reader=found)
        self.descend("reader", found)

    def _generator_step(
        self, batch: Batch, raw: Tensor, drawn: Tensor, warm: bool, guided: bool, k: int
    ) -> None:
        settings = self.settings
        terms: dict[str, tuple[float, Tensor]] = {}
        others = [n for name, n in self.networks.items() if name != "generator"]
        for network in others:
            network.requires_grad_(False)
        if settings.reconstruction:
            inside = batch.hole * batch.same[:, None, None, None]
            inside = inside * (1 + settings.features * batch.features)
            terms["reconstruction"] = (
                settings.reconstruction,
                loss.pyramid_difference(raw, batch.picture, inside, settings.levels),
            )
        if settings.surroundings:
            terms["surroundings"] = (
                settings.surroundings, loss.difference(raw, batch.picture, _around(batch.hole))
            )  # fmt: skip
        if settings.following:
            with self.autocast():
                pictures = torch.cat([drawn, batch.picture])
                new, own = self.networks["reader"](pictures).float().chunk(2)
            where = batch.features if settings.features else batch.hole
            terms["following"] = (settings.following, unlikeness(new, own, where))
        if not warm:
            with self.autocast():
                scores, inner = self.critic.judged(self._judged(drawn, batch, k, "true"))
            terms["adversarial"] = (1.0, loss.adversarial(scores.float(), True))
            if settings.matching:
                with torch.no_grad(), self.autocast():
                    known = self.critic.judged(self._judged(batch.picture, batch, k, "true"))[1]
                terms["matching"] = (settings.matching, loss.matching(inner, known, batch.same))
        if guided:
            terms["guidance"] = (settings.identity, self._guidance(batch, drawn))
        if not terms:
            raise ValueError(
                f"training_ciagan.{self._name}: nothing to learn in the warm-up: set reconstruction"
            )
        self.note(**{name: value for name, (_, value) in terms.items()})
        weighed = [weight * value for weight, value in terms.values()]
        self.descend("generator", torch.stack(weighed).sum())
        for network in others:
            network.requires_grad_(True)

    def _guidance(self, batch: Batch, drawn: Tensor) -> Tensor:
        """Return how little the drawn faces show whom they should."""
        if self.settings.guide == "classifier":
            faces = comparable(drawn, batch.hole)
            with self.autocast():
                logits = self.networks["identity"](faces).float()
            return functional.cross_entropy(logits, batch.code)
        with torch.no_grad():
            whom = self._embedded(batch.other)
        alike = torch.ones_like(batch.same)
        return loss.contrastive(self._embedded(drawn), whom, alike, self.settings.margin)

    def _classify(self, k: int) -> None:
        """Have the classifier ready: it learns once, and guides as it is then."""
        if k == self.settings.warm_up and self.settings.identity:
            draw = generator(self._seed, "face classifier", self._name)
            learnt, _ = taught(self.pairs, self.settings.guide_steps, draw, self.autocast)
            self.networks["identity"].load_state_dict(learnt.state_dict())
        self.networks["identity"].eval()

    def _judged(self, pictures: Tensor, batch: Batch, k: int, part: str) -> Tensor:
        """Return the critic's input: pictures, then landmarks, or a window of them."""
        both = torch.cat([pictures, batch.landmarks], dim=1)
        width = self.settings.window
        if not width:
            return both
        draw = generator(self._seed, "ciagan windows", self._name, k, part)
        cut = []
        for one, where in zip(both, batch.hole[:, 0].cpu().numpy(), strict=True):
            y, x = _over(where, width, draw)
            cut.append(one[:, y : y + width, x : x + width])
        return torch.stack(cut)

    def _embedded(self, pictures: Tensor) -> Tensor:
        size = self.settings.identity_size
        if size != pictures.shape[-1]:
            pictures = functional.interpolate(pictures, size=(size, size), mode="area")
        with self.autocast():
            embedded: Tensor = self.networks["identity"](pictures)
        return embedded.float()

    def measured(self) -> dict[str, float]:
        """Return the KID of drawn faces, or nothing."""
        return self._quality.measure(self._drawer(), self.device)

    def sheet(self, path: Path | str) -> None:
        """Write a sample sheet; see `anonbench.training.ciagan_quality.sheet`."""
        sheet(self._drawer(), self.pairs, path)

    def _drawer(self) -> Generator:
        return cast(Generator, self.kept())


def _critic(settings: CiaganTraining) -> nn.Module:
    if settings.critic == "patches":
        return PatchCritic(width=settings.critic_width)
    return Discriminator(size=settings.window or 128, width=settings.critic_width)


def _around(hole: Tensor) -> Tensor:
    """Return where a mask (N, 1, h, w) is 0, but 1 within `RIM` pixels."""
    return functional.max_pool2d(hole, 2 * RIM + 1, stride=1, padding=RIM) - hole


def _over(hole: Any, width: int, draw: np.random.Generator) -> tuple[int, int]:
    """Return the top left corner of a window whose middle lies over the hole, as far as it fits."""
    rows, columns = np.nonzero(hole)
    n = draw.integers(max(len(rows), 1))
    y, x = (rows[n], columns[n]) if len(rows) else (s // 2 for s in hole.shape)
    high, wide = hole.shape
    return (
        int(np.clip(y - width // 2, 0, high - width)), int(np.clip(x - width // 2, 0, wide - width))
    )  # fmt: skip
