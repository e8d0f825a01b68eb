"""How CIAGAN is trained: the block `training_ciagan` of the configuration.

Defaults are the published recipe (`train.py` of the official code); what goes beyond it is off.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from anonbench.training.round_settings import Count, Positive, RoundSettings, Share, Weight

LANDMARK_DETECTORS = {"dlib": "dlib_hog", "mediapipe": "mediapipe_mesh"}
"""Who finds which landmarks."""


class CiaganTraining(RoundSettings):
    """Training of CIAGAN on a data set with several images a subject: `snakemake train_ciagan`."""

    landmarks: list[Literal["dlib", "mediapipe"]] = Field(default=["dlib"], min_length=1)
    """Whose landmarks are drawn; if both are named, every image is shown with either."""
    groups: list[str] = Field(default_factory=list)
    """Groups of landmarks that are drawn; empty: contour, nose and mouth for dlib, for MediaPipe
    eyes and brows as well."""
    identities: Positive = 1200
    """Length of the code that says who is to be seen."""
    codes: Count = 0
    """How many subjects have a code, i.e. can be drawn; the others only lend their pictures. 0: all
    that are trained on. At most `identities`."""
    fresh_codes: Literal["no", "random", "looks"] = "no"
    """Whether the layers of codes begin with weights under which codes differ as much as other
    inputs do, in place of what `start` has learnt of them. With PyTorch's, as published, seven
    layers leave next to nothing of a code, and it takes long until it matters. `looks`: subjects
    who look alike have like codes, so that what is learnt of one helps with the others."""
    start: str = ""
    """Key of `training_ciagan`: the training whose generator this one goes on with. Empty: from
    random weights."""
    rounds: Positive = 45_000
    """Steps of the generator. A round shows batches to the critic and to the identity network as
    well; the published code calls it an epoch when the three together have seen as many images as
    there are, and defaults to 100: with 40,000 images, 36,000 rounds. How long the published
    weights were trained is not known."""
    batch: Positive = 16
    """Images a step."""
    rate: Annotated[float, Field(gt=0)] = 1e-4
    """Learning rate of all three networks (Adam, betas 0.5 and 0.999). The paper says 1e-5."""
    critic_steps: Positive = 5
    """Steps of the critic a round."""
    identity_steps: Count = 1
    """Steps of the identity network a round."""
    identity: Weight = 1.0
    """Weight of the identity network's guidance in the generator's loss."""
    margin: float = Field(default=3.0, gt=0)
    """Of the contrastive loss that the identity network learns by."""
    reach: tuple[float, float] = (0.5, 0.75)
    """Least and largest distance of a view's edges from the middle of the crop, in halves of its
    size; each edge is drawn by itself. 36 to 54 of 72 pixels as published."""
    scaling: Literal["published_training", "sharp"] = "published_training"
    """How much of a crop is seen. `sharp`: the view of that name, with edges moved by up to `shift`
    at random instead of drawn from `reach`, grown to hold the whole hole, and cut from the crop
    itself; otherwise crops are brought to 144 x 144 pixels first."""
    shift: Weight = 0.05
    """See `scaling`; in halves of the crop's size."""

    # Beyond the published recipe.
    skips: bool = False
    """Whether the generator has the connections of a U-Net (see `anonbench.models.ciagan`), so that
    what landmarks say need not pass through its narrow middle."""
    window: Literal[0, 64] = 0
    """64: the critic sees a square of so many pixels, somewhere over the hole, at a quarter of the
    cost; 0: the whole view."""
    critic: Literal["published", "patches"] = "published"
    """`patches`: a critic that scores every patch of 70 x 70 pixels by itself (Isola et al. 2017),
    without spectral norm, under which the published one takes long to tell anything apart."""
    critic_width: Positive = 64
    """Channels of the critic's first block; half as many cost a quarter."""
    critic_pace: Weight = 1.0
    """The critic's rate, as a multiple of `rate` (Heusel et al. 2017): one that tells nothing apart
    teaches nothing."""
    same: Share = 0.5
    """Share of pairs of one subject, whose picture is known; the others are of two."""
    warm_up: Count = 0
    """First rounds in which there is no critic and no guidance, only reconstruction of the same
    subject: a third of the cost, and the generator learns to draw faces at all."""
    reconstruction: Weight = 0.0
    """Weight of the mean absolute difference from the true picture inside the hole, for pairs of
    the same subject (whose picture is known)."""
    levels: Annotated[int, Field(ge=1, le=6)] = 1
    """Levels of the Laplacian pyramid on which the reconstruction is compared, so that edges count
    as much as shades; 1: pixels."""
    features: Weight = 0.0
    """How much more mouth, eyes and brows count in the reconstruction than the rest of the face,
    whether they are drawn or not: 3 for four times as much. They are a small part of it, and most
    of an expression."""
    following: Weight = 0.0
    """Weight of the difference between the landmarks that a network, the reader, sees in the drawn
    face and in the picture that it stands for. The reader learns beside the generator, on true
    pictures, to draw the groups that the generator is shown."""
    surroundings: Weight = 0.0
    """Weight of the mean absolute difference from the picture within 8 pixels around the hole, so
    that a drawn face goes over into what is around it."""
    matching: Weight = 0.0
    """Weight of the mean absolute difference of the critic's inner features between the true and
    the drawn picture, for pairs of the same subject (Wang et al. 2018, pix2pixHD)."""
    r1: Weight = 0.0
    """Weight of the critic's squared gradient at true pictures (Mescheder et al. 2018)."""
    dropout: Share = 0.0
    """Probability that a group of landmarks other than the contour is not drawn, so that the
    network does not fail where groups are left out."""
    guide: Literal["published", "classifier"] = "published"
    """Who guides by `identity`. `classifier`: instead of the identity network, which learns beside
    the generator, a small one that has learnt before, on true faces, to tell the subjects with a
    code apart; it wants to see the one whose code was given."""
    guide_steps: Positive = 1500
    """Batches of 64 faces from which the classifier learns, after the warm-up."""
    identity_size: Positive = 128
    """Width to which pictures are reduced for the identity network."""
    identity_every: Positive = 1
    """Rounds between those in which the identity network learns and guides."""
    lean: bool = False
    """Whether a round takes one batch for all networks instead of a batch of its own for every
    step; the critic then compares true and drawn pictures of the same landmarks."""

    def decisive(self) -> dict[str, Any]:
        """Return the settings that a round depends on; see `RoundSettings`."""
        found = super().decisive()
        if self.warm_up >= self.rounds:
            found["warm_up"] = "all"
        return found
