"""A small network that tells subjects apart, to guide a generator.

It learns before it guides, on true faces alone, and is thrown away in the end. It shares nothing
with the recognisers of the benchmark: a generator that had learnt to deceive those would look
better than it is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from anonbench.progress import LOGGER, progress
from anonbench.training.ciagan_batches import Pairs
from anonbench.training.ciagan_looks import cut_faces

SEEN, SPARE = 48, 8
"""Width in pixels of what the network sees, and by how much stored faces are wider, to be moved."""
WIDTHS = (1, 32, 64, 128, 192)
EMBEDDED = 128
SCALE = 16.0
"""Cosines are multiplied by it before the softmax (Wang et al. 2018, NormFace)."""
RATE, BATCH, SMOOTHING = 2e-3, 64, 0.1
AT_ONCE = 64


class FaceClassifier(nn.Module):
    """Says which of the subjects with a code a face shows.

    Faces are grey and of one mean and contrast each, so that neither light nor the colour of skin,
    which the surroundings tell a generator anyway, decides; what does is what a face is made of.

    Parameters
    ----------
    codes : int
        Subjects.
    """

    def __init__(self, codes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=2 if k else 1, padding=1, bias=False),
                nn.BatchNorm2d(outputs), nn.ReLU(),
            ]  # fmt: skip
        self.layers = nn.Sequential(*layers)
        self.embed = nn.Linear(WIDTHS[-1] * 9, EMBEDDED)
        self.subjects = nn.Parameter(torch.randn(codes, EMBEDDED))

    def forward(self, faces: Tensor) -> Tensor:
        """Return logits (N, codes) of faces (N, 1, 48, 48), as `comparable` makes them."""
        x = functional.adaptive_avg_pool2d(self.layers(faces), 3).flatten(1)
        cosines = functional.normalize(self.embed(x)) @ functional.normalize(self.subjects).T
        return SCALE * cosines


def comparable(pictures: Tensor, hole: Tensor, size: int = SEEN) -> Tensor:
    """Return the faces in holes, grey, of mean 0 and variance 1, and 0 outside of the hole.

    Parameters
    ----------
    pictures : Tensor of shape (N, 3, h, w)
        Pictures; gradients pass.
    hole : Tensor of shape (N, 1, h, w), 0 or 1
        Where the faces are.
    size : int
        Width and height of what is returned.

    Returns
    -------
    Tensor of shape (N, 1, size, size)
        Faces.
    """
    cut = cut_faces(torch.cat([pictures.mean(dim=1, keepdim=True), hole], dim=1), hole, size)
    grey, inside = cut[:, :1], (cut[:, 1:] > 0.5).float()
    area = inside.sum(dim=(2, 3), keepdim=True).clamp_min(1)
    left = (grey - (grey * inside).sum(dim=(2, 3), keepdim=True) / area) * inside
    spread = (left.square().sum(dim=(2, 3), keepdim=True) / area + 1e-4).sqrt()
    return left / spread


def taught(
    pairs: Pairs, steps: int, draw: np.random.Generator, autocast: Callable[[], torch.autocast]
) -> tuple[FaceClassifier, float]:
    """Return a network that has learnt the subjects with a code, and how well.

    Parameters
    ----------
    pairs : Pairs
        Whose faces. One picture of each subject is held back, to see how well others are told.
    steps : int
        Batches of 64 faces, moved and mirrored, to learn from.
    draw : Generator
        Random numbers.
    autocast : callable
        Returns the context in which the network runs.

    Returns
    -------
    FaceClassifier
        In evaluation mode.
    float
        Share of the pictures held back that are told right, 0..1.
    """
    faces, codes = _stored(pairs)
    first = {int(c): k for k, c in reversed(list(enumerate(codes)))}
    held_back = np.array(sorted(first.values()))
    rest = np.setdiff1d(np.arange(len(codes)), held_back)
    rest = rest if len(rest) else held_back
    torch.manual_seed(int(draw.integers(2**31)))
    network = FaceClassifier(pairs.codes)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)
    slope = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=max(steps, 2))
    for _ in progress(range(steps), "learn who is who"):
        rows = draw.choice(rest, BATCH)
        with autocast():
            logits = network(_changed(faces[rows], draw)).float()
        found = functional.cross_entropy(logits, codes[rows], label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        slope.step()
    network.eval().requires_grad_(False)
    inner = slice(SPARE // 2, SPARE // 2 + SEEN)
    middle = faces[held_back][:, :, inner, inner]
    right = float((network(middle).argmax(dim=1) == codes[held_back]).float().mean())
    LOGGER.info("%.1f %% of pictures held back are told right", 100 * right)
    return network, right


def _stored(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Return all faces of subjects with a code, a little wider than seen, and their codes."""
    faces, codes = [], []
    for start in range(0, len(pairs.coded), AT_ONCE):
        batch = pairs.shown(pairs.coded[start : start + AT_ONCE])
        faces.append(comparable(batch.picture, batch.hole, SEEN + SPARE))
        codes.append(batch.code)
    return torch.cat(faces), torch.cat(codes)


def _changed(faces: Tensor, draw: np.random.Generator) -> Tensor:
    """Return faces moved and mirrored at random, (N, 1, 48, 48)."""
    y, x = draw.integers(0, SPARE + 1, size=2)
    moved = faces[:, :, y : y + SEEN, x : x + SEEN]
    mirrored = torch.from_numpy(draw.random(len(faces)) < 0.5)
    return torch.where(mirrored[:, None, None, None], moved.flip(3), moved)
