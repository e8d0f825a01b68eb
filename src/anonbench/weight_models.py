"""The models whose weights lie in files of their own: what is known of each.

Nothing heavy is imported: the workflow needs this when it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

HASH_LIST = Path(__file__).with_name("weights.sha256")
"""SHA-256 of the weights that the project makes itself, as ``sha256sum`` writes it. `make
bundle-weights` writes it, so that code and bundled file cannot disagree."""

RENDERED = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
RAFDB = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""Orders of classes; DAN's two differ, and no file says which one it has."""


class WeightsError(RuntimeError):
    """Weights are missing, or not what they should be; the message says what to do."""


@dataclass(frozen=True)
class Input:
    """What a network takes.

    Attributes
    ----------
    size : int
        Width and height in pixels.
    colour : str
        ``RGB`` or ``grey``.
    mean, deviation : tuple of float
        A channel's value, 0 to 1, is reduced by the mean and divided by the deviation.
    """

    size: int
    colour: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True)
class Model:
    """A file of weights.

    Attributes
    ----------
    name : str
        As in the option ``weights``.
    file : str
        Its name in the folder of weights.
    licence : str
        Under what terms it may be used.
    home : str
        Where it comes from.
    how : str
        How to get it.
    input : Input
        What the network takes.
    citation : str
        What to cite.
    classes : tuple of str
        Classes in the order of the network's outputs; empty if it has none of interest.
    known : str or None
        SHA-256, if it is known.
    bundled : bool
        Whether the project made it and comes with it.
    begins : str
        First digits of the SHA-256, where no more is known.
    """

    name: str
    file: str
    licence: str
    home: str
    how: str
    input: Input
    citation: str
    classes: tuple[str, ...] = ()
    known: str | None = None
    bundled: bool = False
    begins: str = ""

    @property
    def sha256(self) -> str | None:
        """The SHA-256 that the file must have; None if that is not known."""
        return hash_list(HASH_LIST).get(self.file) if self.bundled else self.known


@cache
def hash_list(path: Path) -> dict[str, str]:
    """Return hashes by file name from a list as ``sha256sum`` writes it; lines with # are notes."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return {file.lstrip("*"): digest for digest, file in pairs}


def _imagenet(size: int) -> Input:
    return Input(size, "RGB", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


_DAN_HOME = "https://github.com/yaoing/DAN"
_DAN_CITATION = (
    "Wen, Lin, Wang and Xu 2021, Distract your attention: multi-head cross attention network for "
    "facial expression recognition, arXiv:2109.07270"
)
_DAN_LICENCE = "MIT, as its repository; trained on {}, which is for research only"


def _drive(number: str, home: str = _DAN_HOME) -> str:
    address = f"https://drive.google.com/file/d/{number}"
    return f"download it by hand from {address} (linked from {home})"


def _dan(name: str, file: str, data: str, drive: str, classes: tuple[str, ...]) -> Model:
    return Model(
        name, file, _DAN_LICENCE.format(data), _DAN_HOME, _drive(drive), _imagenet(224),
        _DAN_CITATION, classes,
    )  # fmt: skip


_CIAGAN_HOME = "https://github.com/dvl-tum/ciagan"
_CIAGAN_CITATION = (
    "Maximov, Elezi and Leal-Taixé 2020, CIAGAN: conditional identity anonymization generative "
    "adversarial networks, CVPR"
)
_CIAGAN_INPUT = Input(128, "RGB", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


_DEEPPRIVACY_HOME = "https://github.com/hukkelas/DeepPrivacy"
_DEEPPRIVACY_CITATION = (
    "Hukkelås, Mester and Lindseth 2019, DeepPrivacy: a generative adversarial network for face "
    "anonymization, ISVC"
)
_DEEPPRIVACY_INPUT = Input(128, "RGB", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def _deepprivacy(name: str, file: str, md5: str = "") -> Model:
    sure = f"; its MD5 is {md5}" if md5 else ""
    return Model(
        name, file,
        "code MIT; the checkpoints follow the terms of their data set, FDF, which are not for "
        "commercial use",
        _DEEPPRIVACY_HOME,
        f"download {file} by hand: the addresses in {_DEEPPRIVACY_HOME} are reported dead, and its "
        f"issues and those of https://github.com/hukkelas/deep_privacy2 name copies{sure}",
        _DEEPPRIVACY_INPUT, _DEEPPRIVACY_CITATION,
    )  # fmt: skip


_DSFD_HOME = "https://github.com/Tencent/FaceDetection-DSFD"
_CLEANIR_HOME = "https://github.com/chodurkhyun/cleanir"
_CLEANIR_CITATION = (
    "Cho et al. 2020, CLEANIR: controllable attribute-preserving natural identity remover, Applied "
    "Sciences 10(3), 1120"
)
_CLEANIR_INPUT = Input(64, "RGB", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

_REN_HOME = "https://github.com/blacknwhite5/Activity-Preserving-Video-Face-Anonymization"
_REN_CITATION = (
    "Ren, Lee and Ryoo 2018, Learning to anonymize faces for privacy preserving action detection, "
    "ECCV"
)
_NARULA_CITATION = (
    "Narula, Feng and Chaspari 2020, Preserving privacy in image-based emotion recognition through "
    "user anonymization, ICMI"
)
_MODIFIER_INPUT = Input(128, "RGB", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_MMDA_CITATION = (
    "Sim and Zhang 2015, Controllable face privacy, FG workshops; Sim, Zhang, Li and Chen 2009, "
    "Simultaneous and orthogonal decomposition of data using multimodal discriminant analysis, ICCV"
)
_PROXY_CITATION = (
    "Agarwal, Chattopadhyay and Wang 2021, Privacy preservation through facial de-identification "
    "with simultaneous emotion preservation, Signal, Image and Video Processing 15(5)"
)
_FACES_INPUT = Input(0, "RGB", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""Faces of any size, aligned by their landmarks."""


def _ours(name: str, given: Input, citation: str, classes: tuple[str, ...] = ()) -> Model:
    return Model(
        name, f"{name}.safetensors", "MIT, as the project", "this project",
        f"`make weights` or `anonbench weights fetch {name}` brings it out of the repository, "
        "without a network",
        given, citation, classes, bundled=True,
    )  # fmt: skip


def own_file(path: str) -> Model:
    """Return what is known of a file that somebody names by its path: nothing."""
    return Model(
        path, path, "the user's own", "", "is the path right? It counts from the project's root",
        Input(0, "", (), ()), "",
    )  # fmt: skip


_ALL = (
    _ours("dan_rendered", _imagenet(112), _DAN_CITATION, RENDERED),
    _dan(
        "dan_rafdb", "rafdb_epoch21_acc0.897_bacc0.8275.pth", "RAF-DB",
        "1ASabP5wkLUIh4VQc8CEuZbZyLJEFaTMF", RAFDB,
    ),
    _dan(
        "dan_affectnet7", "affecnet7_epoch6_acc0.6569.pth", "AffectNet",
        "1_Z-U7rT5NJ3Vc73aN2ZBmuvCkzUQG4jT", AFFECTNET,
    ),
    _dan(
        "dan_affectnet8", "affecnet8_epoch5_acc0.6209.pth", "AffectNet",
        "1uHNADViICyJEjJljv747nfvrGu12kjtu", (*AFFECTNET, "contempt"),
    ),
    Model(
        "resnet18_msceleb", "resnet18_msceleb.pth",
        "none stated; trained on MS-Celeb-1M, which has been withdrawn", _DAN_HOME,
        "only the official training needs it: " + _drive("1u2NtY-5DVlTunfN4yxfxys5n8uh7sc3n"),
        _imagenet(224), _DAN_CITATION,
    ),
    Model(
        "mini_xception", "fer2013_mini_XCEPTION.102-0.66.hdf5", "MIT",
        "https://github.com/oarriaga/face_classification",
        "download trained_models/emotion_models/fer2013_mini_XCEPTION.102-0.66.hdf5 by hand from "
        "https://github.com/oarriaga/face_classification",
        Input(64, "grey", (0.5,), (0.5,)),
        "Arriaga, Valdenegro-Toro and Ploeger 2017, Real-time convolutional neural networks for "
        "emotion and gender classification, arXiv:1710.07557",
        FER2013,
        known="59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e",
    ),
    _ours("ciagan_dlib", _CIAGAN_INPUT, _CIAGAN_CITATION),
    _ours("ciagan_mediapipe", _CIAGAN_INPUT, _CIAGAN_CITATION),
    Model(
        "ciagan_celeba", "modelG.pth",
        "none stated (its code: MIT); trained on CelebA, which is for research only", _CIAGAN_HOME,
        _drive("1j5iT-SvvbC-JRy7qvY-eEP4sLzvoh8Ut", _CIAGAN_HOME), _CIAGAN_INPUT, _CIAGAN_CITATION,
    ),
    _ours("deepprivacy_rendered", _DEEPPRIVACY_INPUT, _DEEPPRIVACY_CITATION),
    _deepprivacy(
        "deepprivacy_fdf128", "fdf128_rcnn512.ckpt", "6cc8b285bdc1fcdfc64f5db7c521d0a6"
    ),
    _deepprivacy("deepprivacy_v1", "deep_privacy_V1.ckpt"),
    _ours("cleanir_rendered", _CLEANIR_INPUT, _CLEANIR_CITATION),
    _ours("mmda_rendered", _FACES_INPUT, _MMDA_CITATION),
    _ours("proxies_rendered", _FACES_INPUT, _PROXY_CITATION),
    Model(
        "cleanir_vggface2", "cleanir_vggface2.safetensors",
        "GPL-3.0; trained on VGGFace2, which is for research only", _CLEANIR_HOME,
        _drive("1sEVj4hpM2xWEc3E3XWKMCOyv4HQv3zJI", _CLEANIR_HOME)
        + ", unpack it, `anonbench weights convert-cleanir encoder.h5 decoder.h5 FILE.safetensors`",
        _CLEANIR_INPUT, _CLEANIR_CITATION,
    ),
    *(_ours(f"ren_rendered_{s}", _MODIFIER_INPUT, _REN_CITATION) for s in (2, 10, 50)),
    Model(
        "ren_casia", "model_1.pth",
        "academic and not commercial, and what derives from it is the licensor's; trained on "
        "photographs of CASIA-WebFace", _REN_HOME,
        _drive("1GMouJutcJwlEIxYF_xhG_6ZtDYCrKJwp", _REN_HOME),
        Input(256, "RGB", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), _REN_CITATION,
    ),
    *(_ours(f"narula_rendered_{s}", _MODIFIER_INPUT, _NARULA_CITATION) for s in (1, 3)),
    Model(
        "keypointrcnn_coco", "keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
        "BSD-3-Clause, as torchvision; trained on COCO, whose photographs have terms of their own",
        "https://github.com/pytorch/vision",
        "download it by hand from "
        "https://download.pytorch.org/models/keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
        _imagenet(800),
        "He, Gkioxari, Dollár and Girshick 2017, Mask R-CNN, ICCV",
        begins="fc266e95",
    ),
    Model(
        "dsfd_widerface", "WIDERFace_DSFD_RES152.pth",
        "none stated; trained on WIDER FACE, whose photographs have terms of their own", _DSFD_HOME,
        _drive("1WeXlNYsM6dMP3xQQELI-4gxhwKUQxc3-", _DSFD_HOME),
        Input(1080, "RGB", tuple(v / 255 for v in (123, 117, 104)), (1 / 255,) * 3),
        "Li et al. 2019, DSFD: dual shot face detector, CVPR",
        # That of the copy which DeepPrivacy's authors kept (DSFD-Pytorch-Inference, in Git LFS).
        known="76ea889083f2dddaa87cbaf4cff6bb70e3e34c83fb0ab8de7b2df15eaf78caf1",
    ),
)  # fmt: skip

MODELS = {model.name: model for model in _ALL}
"""All models by name."""
