"""Training of CIAGAN, by the published recipe or one that goes beyond it."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from anonbench.hashing import sha256
from anonbench.io import write_table
from anonbench.models.ciagan import Discriminator, Generator, SiameseNetwork
from anonbench.progress import LOGGER, progress
from anonbench.seeds import generator
from anonbench.training import ciagan_losses as loss
from anonbench.training.checkpoints import read_checkpoint, write_checkpoint
from anonbench.training.ciagan_batches import Batch, Pairs, read_faces_to_train_on
from anonbench.training.ciagan_quality import Quality, sheet
from anonbench.training.ciagan_settings import CiaganTraining
from anonbench.training.curves import write_ciagan_curves
from anonbench.training.devices import autocast, device
from anonbench.training.export import write_half
from anonbench.weight_formats import read

BETAS = (0.5, 0.999)
"""Of Adam."""
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
    digests = [sha256(Path(file)) for file in (*labels, *points, *([start] if start else []))]
    identity = json.dumps(
        {"settings": _decisive(settings), "name": name, "seed": seed, "files": digests},
        sort_keys=True,
    )
    faces = [
        read_faces_to_train_on(*files)
        for files in zip(settings.landmarks, crops, points, labels, strict=True)
    ]
    pairs = Pairs(faces, settings, seed, name)
    trainer = Trainer(pairs, settings, seed, name, start)
    checkpoint = Path(folder) / "checkpoint.pt"
    trainer.resume(checkpoint, identity)
    trainer.run(checkpoint, identity)
    table = pd.DataFrame(trainer.curves)
    write_table(table, curves)
    write_ciagan_curves(table, figure, f"Training of {name}")
    sheet(trainer.kept(), pairs, samples)
    groups = settings.groups or pairs.faces[0].scheme.shown
    metadata = {
        "architecture": "CIAGAN", "landmarks": ",".join(settings.landmarks),
        "groups": ",".join(groups), "scaling": settings.scaling,
        "codes": str(pairs.codes),
    }  # fmt: skip
    write_half(trainer.kept().state_dict(), weights, metadata)


def _decisive(settings: CiaganTraining) -> dict[str, Any]:
    """Return the settings that a round depends on: a training may go on for more rounds."""
    found = settings.model_dump(exclude={"report_every"})
    if settings.warm_up >= settings.rounds:
        found["warm_up"] = "all"
    if not settings.fall:
        del found["rounds"]
    return found


class Trainer:
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
        self.pairs, self.settings = pairs, settings
        self._seed, self._name = seed, name
        self.device = device(settings.device)
        torch.manual_seed(int(generator(seed, "first weights", name).integers(2**31)))
        self.generator = Generator(identities=settings.identities).to(self.device)
        critic = Discriminator(size=settings.window or 128, width=settings.critic_width)
        self.critic = critic.to(self.device)
        self.identity = SiameseNetwork().to(self.device)
        if start:
            arrays = {k: torch.from_numpy(np.array(v)) for k, v in read(Path(start)).items()}
            self.generator.load_state_dict(arrays)
        self._average = copy.deepcopy(self.generator) if settings.ema else None
        self._optimisers = {
            name: torch.optim.Adam(network.parameters(), settings.rate, betas=BETAS, fused=True)
            for name, network in self._networks().items()
        }
        self._quality = Quality(settings, pairs, seed)
        self.round = 0
        self.curves: list[dict[str, float]] = []
        self._sums: dict[str, list[float]] = {}

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic, "identity": self.identity}

    def kept(self) -> Generator:
        """Return the generator that is kept: the average, if there is one."""
        return self._average or self.generator

    def run(self, checkpoint: Path, identity: str) -> None:
        """Train up to the last round; report and write a checkpoint every so many."""
        began, first = time.monotonic(), self.round
        rounds = range(first, self.settings.rounds)
        for k in progress(rounds, f"train {self._name} from round {first}"):
            self.step(k)
            if self.round % self.settings.report_every and self.round != self.settings.rounds:
                continue
            self.report()
            sheet(self.kept(), self.pairs, checkpoint.with_name(f"sheet-{self.round:06d}.png"))
            self.save(checkpoint, identity)
            seconds = (time.monotonic() - began) / (self.round - first)
            shares = ", ".join(f"{n} {v:.4f}" for n, v in self.curves[-1].items() if n != "round")
            LOGGER.info("round %d: %s, %.2f s a round", self.round, shares, seconds)

    def step(self, k: int) -> None:
        """Do one round."""
        settings = self.settings
        self._set_rates(k)
        for network in self._networks().values():
            network.train()
        warm = k < settings.warm_up
        guided = not warm and settings.identity > 0 and k % settings.identity_every == 0
        if not warm and not settings.lean:
            for n in range(settings.identity_steps):
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
            if guided:
                self._identity_step(batch)
            self._critic_step(batch, batch, drawn.detach(), k)
        self._generator_step(batch, raw, drawn, warm, guided, k)
        self._follow()
        self.round = k + 1

    def _batch(self, k: int, part: str, same_only: bool = False) -> Batch:
        return self.pairs.batch(k, part, same_only).to(self.device)

    def _drawn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return what the generator draws, and the picture with it in its hole."""
        code = functional.one_hot(batch.code, self.settings.identities).float()
        with self._autocast():
            raw = self.generator(batch.shown, code).float()
        return raw, batch.pasted(raw)

    def _critic_step(self, true: Batch, other: Batch, drawn: Tensor, k: int) -> None:
        pictures = true.picture.clone()
        if self.settings.r1:
            pictures.requires_grad_()
        with self._autocast():
            real = self.critic(self._judged(pictures, true, k, "true")).float()
            # In a lean round both show the same place, so that they differ in what is drawn alone.
            place = "true" if true is other else "drawn"
            fake = self.critic(self._judged(drawn, other, k, place)).float()
        found = loss.adversarial(fake, False) + loss.adversarial(real, True)
        self._note(critic=found)
        if self.settings.r1:
            found = found + self.settings.r1 * loss.squared_gradient(real, pictures)
        self._descend("critic", found)

    def _identity_step(self, batch: Batch) -> None:
        n = len(batch.code)
        both = self._embedded(torch.cat([batch.picture, batch.other]))
        found = loss.contrastive(both[:n], both[n:], batch.same, self.settings.margin)
        self._note(identity=found)
        self._descend("identity", found)

    def _generator_step(
        self, batch: Batch, raw: Tensor, drawn: Tensor, warm: bool, guided: bool, k: int
    ) -> None:
        settings = self.settings
        terms: dict[str, tuple[float, Tensor]] = {}
        for network in (self.critic, self.identity):
            network.requires_grad_(False)
        if settings.reconstruction:
            inside = batch.hole * batch.same[:, None, None, None]
            terms["reconstruction"] = (
                settings.reconstruction,
                loss.pyramid_difference(raw, batch.picture, inside, settings.levels),
            )
        if settings.surroundings:
            terms["surroundings"] = (
                settings.surroundings, loss.difference(raw, batch.picture, _around(batch.hole))
            )  # fmt: skip
        if not warm:
            with self._autocast():
                scores, inner = self.critic.judged(self._judged(drawn, batch, k, "true"))
            terms["adversarial"] = (1.0, loss.adversarial(scores.float(), True))
            if settings.matching:
                with torch.no_grad(), self._autocast():
                    known = self.critic.judged(self._judged(batch.picture, batch, k, "true"))[1]
                terms["matching"] = (settings.matching, loss.matching(inner, known, batch.same))
        if guided:
            with torch.no_grad():
                whom = self._embedded(batch.other)
            near = loss.contrastive(
                self._embedded(drawn), whom, torch.ones_like(batch.same), settings.margin
            )
            terms["guidance"] = (settings.identity, near)
        if not terms:
            raise ValueError(
                f"training_ciagan.{self._name}: nothing to learn in the warm-up: set reconstruction"
            )
        self._note(**{name: value for name, (_, value) in terms.items()})
        self._descend("generator", sum(weight * value for weight, value in terms.values()))
        for network in (self.critic, self.identity):
            network.requires_grad_(True)

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
        with self._autocast():
            embedded: Tensor = self.identity(pictures)
        return embedded.float()

    def _descend(self, name: str, value: Any) -> None:
        if not torch.isfinite(value):
            raise FloatingPointError(
                f"{name}: the loss is no longer a number: lower the rate, or use float32"
            )
        optimiser = self._optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self._networks()[name].parameters(), self.settings.clip)
        optimiser.step()

    def _set_rates(self, k: int) -> None:
        settings = self.settings
        left = (settings.rounds - k) / max(settings.fall * settings.rounds, 1e-9)
        for optimiser in self._optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * min(1.0, left)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the generator; both agree on the vectors of spectral norms."""
        if self._average is None:
            return
        # At first the average is over as many rounds as there were.
        decay = min(self.settings.ema, (1 + self.round) / (10 + self.round))
        kept, new = self._average, self.generator
        torch._foreach_lerp_(list(kept.parameters()), list(new.parameters()), 1 - decay)
        for old, current in zip(kept.buffers(), new.buffers(), strict=True):
            old.copy_(current)

    def _note(self, **values: Tensor) -> None:
        for name, value in values.items():
            self._sums.setdefault(name, []).append(float(value.detach()))

    def report(self) -> None:
        """Add a point to the curves: mean losses since the last one, and the quality now."""
        means = {name: float(np.mean(values)) for name, values in self._sums.items()}
        self._sums = {}
        self.curves.append(
            {"round": self.round, **means, **self._quality.measure(self.kept(), self.device)}
        )

    def _autocast(self) -> torch.autocast:
        return autocast(self.device, self.settings.precision)

    def resume(self, path: Path, identity: str) -> None:
        """Go on where a checkpoint of the same training ended, if there is one."""
        state = read_checkpoint(path, identity, self.device)
        if state is None:
            return
        for name, network in self._networks().items():
            network.load_state_dict(state[name])
            self._optimisers[name].load_state_dict(state[f"{name} optimiser"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.round, self.curves = state["round"], state["curves"]
        LOGGER.info("going on after round %d", self.round)

    def save(self, path: Path, identity: str) -> None:
        """Write a checkpoint."""
        state: dict[str, Any] = {
            "round": self.round, "curves": self.curves,
            **{name: network.state_dict() for name, network in self._networks().items()},
            **{f"{name} optimiser": o.state_dict() for name, o in self._optimisers.items()},
        }  # fmt: skip
        if self._average is not None:
            state["average"] = self._average.state_dict()
        write_checkpoint(path, identity, state)


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
