"""Trainings that go round by round: their reports, their checkpoints, and what is kept of them."""

from __future__ import annotations

import copy
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from anonbench.hashing import sha256
from anonbench.io import write_table
from anonbench.progress import LOGGER, progress
from anonbench.seeds import generator
from anonbench.training.checkpoints import read_checkpoint, write_checkpoint
from anonbench.training.curves import write_rounds
from anonbench.training.devices import autocast, device
from anonbench.training.export import write_half
from anonbench.training.round_settings import RoundSettings

Settings = TypeVar("Settings", bound=RoundSettings)


class RoundTrainer(ABC, Generic[Settings]):
    """Networks with all that changes while they are trained.

    Parameters
    ----------
    settings : RoundSettings
        The recipe.
    seed : int
        Of the experiment. On one machine and number of threads, the same settings give the same
        weights.
    name : str
        Of the training.
    """

    def __init__(self, settings: Settings, seed: int, name: str) -> None:
        self.settings, self._seed, self._name = settings, seed, name
        self.device = device(settings.device)
        torch.manual_seed(int(generator(seed, "first weights", name).integers(2**31)))
        self.networks = {key: n.to(self.device) for key, n in self.built().items()}
        self._trained = next(iter(self.networks.values()))
        self._average = copy.deepcopy(self._trained) if settings.ema else None
        self._optimisers = {
            key: torch.optim.Adam(n.parameters(), settings.rate, betas=self.betas(key), fused=True)
            for key, n in self.networks.items()
        }
        self.round = 0
        self.curves: list[dict[str, float]] = []
        self._sums: dict[str, list[float]] = {}

    def betas(self, network: str) -> tuple[float, float]:
        """Return those of a network's Adam."""
        return 0.9, 0.999

    @abstractmethod
    def built(self) -> dict[str, nn.Module]:
        """Return the networks with their first weights; the first one is what is trained for."""

    @abstractmethod
    def learn(self, k: int) -> None:
        """Learn from round `k`'s pictures: `descend` each network and `note` the losses."""

    @abstractmethod
    def measured(self) -> dict[str, float]:
        """Return how good what is kept is, for the curves."""

    @abstractmethod
    def sheet(self, path: Path | str) -> None:
        """Write a sample sheet of what is kept: ``.png``."""

    def kept(self) -> nn.Module:
        """Return the network that is kept: the average, if there is one."""
        return self._average or self._trained

    def run(self, checkpoint: Path, identity: str) -> None:
        """Train up to the last round; report and write a checkpoint every so many."""
        began, first = time.monotonic(), self.round
        rounds = range(first, self.settings.rounds)
        for k in progress(rounds, f"train {self._name} from round {first}"):
            self.step(k)
            if self.round % self.settings.report_every and self.round != self.settings.rounds:
                continue
            self.report()
            self.sheet(checkpoint.with_name(f"sheet-{self.round:06d}.png"))
            self.save(checkpoint, identity)
            seconds = (time.monotonic() - began) / (self.round - first)
            shares = ", ".join(f"{n} {v:.4f}" for n, v in self.curves[-1].items() if n != "round")
            LOGGER.info("round %d: %s, %.2f s a round", self.round, shares, seconds)

    def step(self, k: int) -> None:
        """Do round `k`, at its rate, and let the average follow."""
        rate = self.rate_at(k)
        for name, optimiser in self._optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = rate * self.pace(name)
        for network in self.networks.values():
            network.train()
        self.learn(k)
        self._follow()
        self.round = k + 1

    def rate_at(self, k: int) -> float:
        """Return the learning rate of round `k`."""
        settings = self.settings
        left = (settings.rounds - k) / max(settings.fall * settings.rounds, 1e-9)
        return settings.rate * min(1.0, left)

    def pace(self, network: str) -> float:
        """Return at how many times the rate a network learns."""
        return 1.0

    def descend(self, name: str, loss: Tensor, *more: str) -> None:
        """Change a network's parameters by the gradient of a loss.

        Parameters
        ----------
        name : str
            The network.
        loss : Tensor
            A number.
        more : str
            Networks that learn from the same loss.

        Raises
        ------
        FloatingPointError
            If the loss is not a number any more.
        """
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"{name}: the loss is no longer a number: lower the rate, or use float32"
            )
        learning = (name, *more)
        for each in learning:
            self._optimisers[each].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for each in learning:
            if self.settings.clip:
                nn.utils.clip_grad_norm_(self.networks[each].parameters(), self.settings.clip)
            self._optimisers[each].step()

    def note(self, **losses: Tensor) -> None:
        """Keep losses of a round for the next report."""
        for name, value in losses.items():
            self._sums.setdefault(name, []).append(float(value.detach()))

    def autocast(self) -> torch.autocast:
        """Return the context in which networks run."""
        return autocast(self.device, self.settings.precision)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; what is no parameter (vectors of spectral norms) is as it is now."""
        if self._average is None:
            return
        # At first the average is over as many rounds as there were.
        decay = min(self.settings.ema, (1 + self.round) / (10 + self.round))
        kept, new = self._average, self._trained
        torch._foreach_lerp_(list(kept.parameters()), list(new.parameters()), 1 - decay)
        for old, current in zip(kept.buffers(), new.buffers(), strict=True):
            old.copy_(current)

    def report(self) -> None:
        """Add a point to the curves: mean losses since the last one, and the quality now."""
        means = {name: float(np.mean(values)) for name, values in self._sums.items()}
        self._sums = {}
        self.curves.append({"round": self.round, **means, **self.measured()})

    def resume(self, path: Path, identity: str) -> None:
        """Go on where a checkpoint of the same training ended, if there is one."""
        state = read_checkpoint(path, identity, self.device)
        if state is None:
            return
        for name, network in self.networks.items():
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
            **{name: network.state_dict() for name, network in self.networks.items()},
            **{f"{name} optimiser": o.state_dict() for name, o in self._optimisers.items()},
        }  # fmt: skip
        if self._average is not None:
            state["average"] = self._average.state_dict()
        write_checkpoint(path, identity, state)


def train_by_rounds(
    trainer: RoundTrainer[Any],
    *,
    inputs: Sequence[Path | str],
    metadata: Mapping[str, str],
    folder: Path | str,
    weights: Path | str,
    curves: Path | str,
    figure: Path | str,
    samples: Path | str,
) -> None:
    """Train to the last round, going on from a checkpoint of the same training if there is one.

    Parameters
    ----------
    trainer : RoundTrainer
        What is trained.
    inputs : sequence of path
        Files whose contents decide what comes out: a checkpoint of others is ignored.
    metadata : mapping of str to str
        What the weights' file says of itself.
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
    identity = json.dumps(
        {
            "settings": trainer.settings.decisive(), "name": trainer._name, "seed": trainer._seed,
            "files": [sha256(Path(file)) for file in inputs],
        },
        sort_keys=True,
    )  # fmt: skip
    checkpoint = Path(folder) / "checkpoint.pt"
    trainer.resume(checkpoint, identity)
    trainer.run(checkpoint, identity)
    table = pd.DataFrame(trainer.curves)
    write_table(table, curves)
    write_rounds(table, figure, f"Training of {trainer._name}")
    trainer.sheet(samples)
    write_half(trainer.kept().state_dict(), weights, metadata)
