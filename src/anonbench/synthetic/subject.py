"""A subject, ready to be photographed: shape, skin, hair, glasses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anonbench.synthetic.glasses import Glasses, fit_glasses
from anonbench.synthetic.hair import Hair, grow_beard, grow_hair
from anonbench.synthetic.head import Head
from anonbench.synthetic.shape import morph
from anonbench.synthetic.skin import Skin, paint_skin
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.traits import ANCESTRIES, Traits, draw_traits


@dataclass(frozen=True)
class Subject:
    """A subject; `vertices` is the body with a neutral face, shape (body vertices, 3), in dm."""

    traits: Traits
    vertices: Floats
    skin: Skin
    hair: Hair | None
    beard: Hair | None
    glasses: Glasses | None

    @property
    def attributes(self) -> dict[str, str | int | float]:
        """What the labels of every picture of the subject say."""
        traits = self.traits
        shares = {
            name: round(share, 3) for name, share in zip(ANCESTRIES, traits.ancestries, strict=True)
        }
        return {
            "seed": traits.seed,
            "gender": traits.gender,
            "age": traits.years,
            "ancestry": traits.ancestry,
            **shares,
            "skin_tone": round(traits.tone, 2),
            "hair_style": traits.hair_style,
            "hair_colour": traits.hair_colour,
            "facial_hair": traits.facial_hair,
            "glasses": traits.glasses,
            "makeup": round(traits.makeup, 2),
            "iris": traits.iris_colour,
        }


def build_subject(head: Head, seed: int) -> Subject:
    """Make a subject out of its number."""
    traits = draw_traits(seed)
    vertices = _aligned(morph(head.assets, traits), head)
    smooth = head.refine @ vertices
    skin = paint_skin(traits)
    return Subject(
        traits=traits,
        vertices=vertices,
        skin=skin,
        hair=grow_hair(head, smooth, skin, traits),
        beard=grow_beard(head, smooth, skin, traits),
        glasses=fit_glasses(
            (vertices[head.eyes[0]], vertices[head.eyes[1]]), np.asarray(smooth), traits
        ),
    )


def _aligned(vertices: Floats, head: Head) -> Floats:
    """Move a body so that its eyes are where the base mesh has them: maps of the head then fit."""
    base = head.assets.base.vertices
    shift = np.mean(
        [base[index].mean(axis=0) - vertices[index].mean(axis=0) for index in head.eyes], axis=0
    )
    out: Floats = vertices + shift
    return out
