"""torchvision's keypoint R-CNN (He et al. 2017): persons with 17 keypoints of COCO, for inference.

The network is torchvision's; what is here builds it without a download, as its weights of COCO
expect it: normalisation is frozen and nothing is added to its variances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models.detection import KeypointRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d

from anonbench.models.strict_loading import load_strictly
from anonbench.types import Pixels

SIZE = 800
"""Width or height in pixels, whichever is less, to which torchvision brings a photo."""
LONGEST = 1333 / 800
"""How many times as long the other side may become; beyond, the photo is reduced."""
CLASSES, KEYPOINTS = 2, 17
"""Background and person; nose, left and right eye, ear, shoulder, and on to the ankles."""


class People(NamedTuple):
    """N persons of one photo, most certain first.

    Attributes
    ----------
    scores : ndarray of shape (N,), float32
        Probabilities, 0..1; torchvision leaves those below 0.05 out.
    keypoints : ndarray of shape (N, 17, 2), float32
        x and y in pixels of the photo, in the order of COCO, left being the person's own.
    """

    scores: NDArray[np.float32]
    keypoints: NDArray[np.float32]


def network(size: int = SIZE) -> KeypointRCNN:
    """Return the network with arbitrary weights, ready for inference; nothing is downloaded."""
    backbone = resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d
    )
    made = KeypointRCNN(
        backbone, CLASSES, num_keypoints=KEYPOINTS, min_size=size, max_size=int(size * LONGEST)
    )
    for layer in made.modules():
        if isinstance(layer, FrozenBatchNorm2d):
            layer.eps = 0.0
    return made.eval()


def load(arrays: Mapping[str, NDArray[np.generic]], source: str, size: int = SIZE) -> KeypointRCNN:
    """Return the network with weights, all of which it must know and have.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As torchvision's file names them, before or after its version 0.13.
    source : str
        What an error calls them.
    size : int
        See `SIZE`.

    Raises
    ------
    WeightsError
        If they are those of another network, or not finite.
    """
    made = network(size)
    load_strictly(made, arrays, source, "torchvision's keypointrcnn_resnet50_fpn")
    return made


def find_people(made: KeypointRCNN, pixels: Pixels) -> People:
    """Return the persons of a photo (height, width, 3) uint8 RGB."""
    device = next(made.parameters()).device
    scaled = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / np.float32(255)
    with torch.inference_mode():
        (found,) = made([torch.from_numpy(scaled).to(device)])
    scores, keypoints = (found[k].cpu().numpy().astype(np.float32) for k in ("scores", "keypoints"))
    return People(scores, keypoints.reshape(-1, KEYPOINTS, 3)[:, :, :2])
