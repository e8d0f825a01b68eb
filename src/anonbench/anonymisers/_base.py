"""What an anonymiser is: the contract that every file of this folder fulfils."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from anonbench.types import Box, Face, Pixels

Strength = int | float | None
"""How strongly to anonymise, in the method's own unit; None for methods without strengths."""


@dataclass(frozen=True)
class Info:
    """What a method says of itself; reports and checks rely on it.

    Attributes
    ----------
    label : str
        Name in tables and figures.
    reference : str
        Paper, standard or section that defines the method.
    strength : str
        Meaning and unit of the strength; empty for methods without.
    kind : {"int", "float", "none"}
        Type of the strength.
    minimum, maximum : float
        Allowed strengths, both included. Not used for kind "none".
    identity : float or None
        The strength that leaves the image as it is, if there is one.
    stronger : {"higher", "lower", "none"}
        Which direction of the strength removes more.
    strengths : tuple of float
        Strengths used where the configuration names none.
    control : bool
        True for `original` and `blank`: never judged as anonymisers.
    needs_region : bool
        False for methods that work on the whole image: no face has to be found.
    """

    label: str
    reference: str
    strength: str = ""
    kind: Literal["int", "float", "none"] = "none"
    minimum: float = 0.0
    maximum: float = 0.0
    identity: float | None = None
    stronger: Literal["higher", "lower", "none"] = "none"
    strengths: tuple[int | float, ...] = ()
    control: bool = False
    needs_region: bool = True


@dataclass(frozen=True)
class Region:
    """A part of an image that has to be changed, and the face it belongs to.

    Attributes
    ----------
    left, top, right, bottom : int
        Whole pixels inside the image; right and bottom are exclusive.
    face : Face
        The detected face with its box and landmarks.
    """

    left: int
    top: int
    right: int
    bottom: int
    face: Face

    @property
    def box(self) -> Box:
        """The rectangle."""
        return Box(self.left, self.top, self.right, self.bottom)


@dataclass(frozen=True)
class Photo:
    """An image with what is known of it.

    Attributes
    ----------
    image_id, subject : str
        Names from the manifest.
    pixels : ndarray of shape (height, width, 3), uint8
        RGB; read-only.
    regions : tuple of Region
        What to change; never empty for methods that need regions.
    subject_box : Box or None
        Where the labelled subject's face is, if that is known.
    """

    image_id: str
    subject: str
    pixels: Pixels
    regions: tuple[Region, ...]
    subject_box: Box | None = None


class Anonymiser(Protocol):
    """A ready-made anonymiser.

    ``anonymise`` takes photos and one generator a photo and returns new images of the same shape
    and dtype, in order. It must not change its input, and must raise rather than return an image
    that it could not process: the engine then blacks the image out.
    """

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Anonymise a batch of photos with one strength."""
        ...


class Plugin(Protocol):
    """What a file of this folder exports as ``PLUGIN``."""

    info: Info

    def build(self, options: Mapping[str, Any]) -> Anonymiser:
        """Return an anonymiser with the `options` of its entry in ``methods:``.

        Raises
        ------
        ValueError
            For an option that does not exist or has a wrong value.
        """
        ...


def each_replaced(
    photo: Photo,
    function: Callable[[Pixels, np.random.Generator], Pixels],
    generator: np.random.Generator,
) -> Pixels:
    """Return a photo with every region replaced by what a function makes of it.

    The regions are read from the photo and not from what is done: faces that overlap are not
    changed twice. Everything outside of them stays untouched to the bit.

    Parameters
    ----------
    photo : Photo
        The photo.
    function : callable
        (patch, generator) -> patch of the same shape and dtype. The one that it is shown is not to
        be changed.
    generator : numpy.random.Generator
        The photo's.
    """
    image = photo.pixels.copy()
    for r in photo.regions:
        area = np.s_[r.top : r.bottom, r.left : r.right]
        image[area] = function(photo.pixels[area], generator)
    return image


PatchFunction = Callable[[Pixels, Any, np.random.Generator], Pixels]
"""(patch, strength, generator) -> patch of the same shape and dtype."""


@dataclass(frozen=True)
class PatchMethod:
    """A method that sees nothing but the pixels of a region and puts the result back in place.

    Everything outside the regions stays untouched to the bit.

    Parameters
    ----------
    info : Info
        What the method says of itself.
    function : callable
        (patch, strength, generator) -> patch. The patch is a copy that may be changed.
    """

    info: Info
    function: PatchFunction

    def build(self, options: Mapping[str, Any]) -> PatchMethod:
        """Return the method itself; it takes no options."""
        if options:
            raise ValueError(f"{self.info.label} takes no options, got: {', '.join(options)}")
        return self

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Apply the function to every region of every photo."""
        return [self._one(p, strength, g) for p, g in zip(photos, generators, strict=True)]

    def _one(self, photo: Photo, strength: Strength, generator: np.random.Generator) -> Pixels:
        image = photo.pixels.copy()
        for r in photo.regions:
            patch = image[r.top : r.bottom, r.left : r.right]
            image[r.top : r.bottom, r.left : r.right] = self.function(
                patch.copy(), strength, generator
            )
        return image
