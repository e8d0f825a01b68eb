"""The experiment: everything `params.yaml` may say, with its defaults. The only place for both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic.types import StrictFloat, StrictInt, StringConstraints

from anonbench.config_block import Block, Distinct
from anonbench.registry import plugin_names, unknown_name
from anonbench.synthetic.settings import RenderedFaces
from anonbench.training.adversarial_settings import AdversarialTraining
from anonbench.training.ciagan_settings import CiaganTraining
from anonbench.training.cleanir_settings import CleanirTraining
from anonbench.training.deepprivacy_settings import DeepPrivacyTraining
from anonbench.training.mmda_settings import MmdaTraining
from anonbench.training.proxy_settings import ProxyGallery
from anonbench.training.settings import Training

CONTROLS = ("original", "blank")
"""Methods of every run: the untouched and the fully black images."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""A catalogue key; it becomes part of paths and of rule names."""

STARTED = ("training_ciagan", "training_adversarial")
"""Blocks whose trainings may begin with the networks of another."""
BLOCKS_OF_TRAININGS = (
    *STARTED, "training_cleanir", "training_deepprivacy", "training_mmda", "training_proxies",
)  # fmt: skip

Share = Annotated[float, Field(ge=0, le=1)]
Attack = Literal["naive", "reverse", "parrot"]
Policy = Literal["detected", "aligned"]


class ConfigError(ValueError):
    """The configuration cannot be used; the message lists every problem by its key."""


class Run(Block):
    """What a run uses of the catalogues."""

    datasets: Annotated[list[Name], Distinct] = Field(min_length=1)
    """Keys of `datasets`."""
    methods: Annotated[list[Name], Distinct] = Field(min_length=1)
    """Keys of `methods`; the controls `original` and `blank` are always added."""
    recognisers: Annotated[list[Name], Distinct] = Field(min_length=1)
    """Keys of `recognisers`."""
    expressions: Annotated[list[Name], Distinct] = Field(default_factory=list)
    """Keys of `expressions`; may be empty. The trade-off rests on the first."""


class Dataset(Block):
    """A set of labelled photographs."""

    type: str = "folder"
    """How it is laid out: the name of a file in `src/anonbench/datasets`."""
    path: str
    """Its folder; relative paths start at the project's root."""
    faces: Literal["largest", "central", "all"] = "all"
    """Which faces of an image are anonymised."""
    subject: Literal["largest", "central"] = "largest"
    """Which face the label names, where `faces` is `all`."""
    enrolment: Literal["first", "session", "split", "all_pairs", "pairs", "none"] = "first"
    """What is enrolled: each subject's first image, first session, split `gallery`, every image
    (each compared with all others), the data set's own list of pairs, or nothing (a data set
    without identities: recognition is then reported as not computed)."""
    max_pixels: int = Field(default=50_000_000, gt=0)
    """Images with more pixels are not decoded."""
    duplicates: Literal["keep", "drop"] = "keep"
    """What happens to images with the same pixels as an earlier one; they are always reported."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the type."""

    @property
    def subject_policy(self) -> Literal["largest", "central"]:
        """Which face the label names."""
        return self.subject if self.faces == "all" else self.faces


class Method(Block):
    """An anonymiser with its setting."""

    anonymiser: str
    """The name of a file in `src/anonbench/anonymisers`."""
    strengths: Annotated[list[StrictInt | StrictFloat], Distinct] = Field(default_factory=list)
    """Strengths in the anonymiser's unit; empty: its own defaults."""
    region: Literal["face", "eyes", "eyes_glasses"] = "face"
    """What is changed: the face box, or one box around both eyes."""
    detectors: Annotated[list[str], Distinct] = Field(default=["haar"], min_length=1)
    """Who finds the face: the first detector of the list that finds the subject's face and, in
    every face it found, the region."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the anonymiser; `weights` names a model of `anonbench weights list`."""


class Recogniser(Block):
    """A face recognition system in the attacker's hands."""

    type: str
    """The name of a file in `src/anonbench/recognisers`."""
    detector: str = "dlib_hog"
    """Who finds the faces for the attacker `detected`: the name of a file in
    `src/anonbench/detectors`, with its options in `detection.options`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the type."""


class ExpressionNetwork(Block):
    """A network that tells facial expressions, to see whether they are still the same."""

    type: str
    """The name of a file in `src/anonbench/expressions`."""
    detector: str = "dlib_hog"
    """Who finds the faces for the policy `detected`: the name of a file in
    `src/anonbench/detectors`, with its options in `detection.options`."""
    gate: Share = 0.6
    """Balanced accuracy (UAR) on the clear images below which its numbers are marked as not to be
    believed."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the type; `weights` names a model of `anonbench weights list`."""


class Detection(Block):
    """Face detection, on the originals and on what the methods make of them."""

    subject: Annotated[list[str], Distinct] = Field(
        default=["dlib_hog", "mtcnn", "mediapipe_mesh", "haar"], min_length=1
    )
    """Who finds the subject's face, for scoring: the first detector of the list that finds any."""
    utility: Annotated[list[str], Distinct] = Field(
        default=["dlib_hog", "mediapipe_mesh"], min_length=1
    )
    """Detectors whose success on anonymised images is reported."""
    landmarks: Literal["mediapipe_mesh", ""] = "mediapipe_mesh"
    """Whose landmarks and head pose are compared before and after; its success is reported too.
    Empty: nobody's."""
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Options by detector."""

    @property
    def reported(self) -> list[str]:
        """The detectors of `utility`, and the one whose landmarks are compared."""
        return list(dict.fromkeys(d for d in (*self.utility, self.landmarks) if d))


class Protocol(Block):
    """Attacks and attackers."""

    attacks: Annotated[list[Attack], Distinct] = Field(
        default=["naive", "reverse", "parrot"], min_length=1
    )
    """Naive: gallery original, probe anonymised. Reverse: the other way round. Parrot: both
    anonymised."""
    policies: Annotated[list[Policy], Distinct] = Field(
        default=["detected", "aligned"], min_length=1
    )
    """Detected: the attacker finds the face himself. Aligned: he is told box and landmarks."""


class Metrics(Block):
    """How scores become numbers."""

    fmr: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Distinct] = Field(
        default=[0.1, 0.01, 0.001, 0.0001]
    )
    """False match rates at which the false non-match rate is reported."""
    distance_threshold: float = Field(default=0.575, gt=0)
    """Euclidean distance of the confusion matrix (Heimes 2021, Fig. 9)."""
    bootstrap: int = Field(default=1000, ge=10)
    """Subject resamples behind each interval."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Coverage of the intervals."""
    minimum_mated: int = Field(default=30, ge=1)
    """Fewer completed mated comparisons than this, and no error rate is printed."""
    in_memory: int = Field(default=20_000_000, ge=0)
    """Up to so many comparisons of a condition all scores are held in memory (10 to 20 bytes each);
    above, they are counted in one pass in bounded memory."""


class Leaks(Block):
    """When an output counts as unprotected."""

    psnr: float = Field(default=40.0, gt=0)
    """Inside the face, in dB: an output nearer to its original than this leaks."""
    max_share: Share = 0.01
    """Above this share of leaking outputs of a method the run fails. Strengths that are meant to
    leave the image as it is, and the control `original`, are exempt."""


class Contrast(Block):
    """Two methods side by side: every number of the first minus that of the second, in pairs."""

    name: Name
    """What tables and figures call the comparison."""
    methods: list[Name] = Field(min_length=2, max_length=2)
    """Keys of `methods`, or controls. A run that leaves one of them out leaves the contrast out."""
    strengths: list[StrictInt | StrictFloat | None] = Field(default_factory=list, max_length=2)
    """One strength of each, `null` for a method without any. Empty: every strength that both have,
    or the only one of each."""

    @model_validator(mode="after")
    def _two_sides(self) -> Contrast:
        if len(self.strengths) == 1:
            raise ValueError("strengths: name one of each method (null for none), or leave it out")
        if len(set(self.methods)) == 1 and len(set(self.strengths)) < 2:
            raise ValueError("methods: one method is compared at two different strengths only")
        return self


class Params(Block):
    """A whole experiment."""

    seed: int = Field(default=1, ge=0)
    """All randomness derives from it and from the content it is used for."""
    part_size: int = Field(default=20_000, ge=1)
    """Data sets of more images are worked on in parts of about so many, a job a part and stage. No
    result depends on it. At the default, the start of a part's jobs on a cluster (about 8 s each)
    takes less than a tenth of their time, also at one strength alone (docs/planning.md)."""
    run: Run
    datasets: dict[Name, Dataset]
    methods: dict[Name, Method]
    recognisers: dict[Name, Recogniser]
    expressions: dict[Name, ExpressionNetwork] = Field(default_factory=dict)
    """Catalogue of expression networks."""
    detection: Detection = Detection()
    protocol: Protocol = Protocol()
    metrics: Metrics = Metrics()
    leaks: Leaks = Leaks()
    contrasts: list[Contrast] = Field(default_factory=list)
    """Pairs of methods to compare; those whose methods are not both in `run.methods` are left
    out."""
    rendered: RenderedFaces = RenderedFaces()
    training: Training = Training()
    training_ciagan: dict[Name, CiaganTraining] = Field(default_factory=dict)
    """Catalogue of trainings of CIAGAN: `snakemake train_ciagan` does them all."""
    training_cleanir: dict[Name, CleanirTraining] = Field(default_factory=dict)
    """Catalogue of trainings of CLEANIR: `snakemake train_cleanir` does them all."""
    training_deepprivacy: dict[Name, DeepPrivacyTraining] = Field(default_factory=dict)
    """Catalogue of trainings of DeepPrivacy: `snakemake train_deepprivacy` does them all."""
    training_adversarial: dict[Name, AdversarialTraining] = Field(default_factory=dict)
    """Catalogue of trainings against a face classifier, of Ren's modifier and Narula's transform:
    `snakemake train_adversarial` does them all."""
    training_mmda: dict[Name, MmdaTraining] = Field(default_factory=dict)
    """Catalogue of subspaces for MMDA: `snakemake train_mmda` learns them all."""
    training_proxies: dict[Name, ProxyGallery] = Field(default_factory=dict)
    """Catalogue of galleries of proxies: `snakemake train_proxies` makes them all."""

    @model_validator(mode="after")
    def _references(self) -> Params:
        for catalogue in ("datasets", "methods", "recognisers", "expressions"):
            known = getattr(self, catalogue)
            for name in getattr(self.run, catalogue):
                if name not in known and not (catalogue == "methods" and name in CONTROLS):
                    raise ValueError(f"run.{catalogue}: {unknown_name('entry', name, known)}")
        if self.training.dataset and self.training.dataset not in self.datasets:
            wrong = unknown_name("entry", self.training.dataset, self.datasets)
            raise ValueError(f"training.dataset: {wrong}")
        _known_trainings(self)
        for name in CONTROLS:
            if name in self.methods:
                raise ValueError(f"methods.{name}: the name belongs to a control, choose another")
        _known_contrasts(self)
        _known_plugins(self)
        return self

    def method(self, name: str) -> Method:
        """Return the entry of a method, controls included."""
        return Method(anonymiser=name) if name in CONTROLS else self.methods[name]

    @property
    def all_methods(self) -> list[str]:
        """The controls and the methods of the run."""
        return [*CONTROLS, *(m for m in self.run.methods if m not in CONTROLS)]

    @property
    def used_contrasts(self) -> list[Contrast]:
        """The contrasts both of whose methods the run has."""
        return [c for c in self.contrasts if set(c.methods) <= set(self.all_methods)]

    @property
    def detectors(self) -> list[str]:
        """All detectors that look at every original, sorted."""
        chosen = (self.methods[m].detectors for m in self.run.methods if m not in CONTROLS)
        return sorted(
            {
                self.detection.subject[0],
                *self.detection.reported,
                *(d for some in chosen for d in some),
            }
        )

    @property
    def redetectors(self) -> list[str]:
        """All detectors, of utility and of networks, that look at methods' images; sorted."""
        return sorted(
            {
                *self.detection.reported,
                *(self.recognisers[r].detector for r in self.run.recognisers),
                *(self.expressions[e].detector for e in self.run.expressions),
            }
        )


def _known_trainings(params: Params) -> None:
    for block in BLOCKS_OF_TRAININGS:
        trainings = getattr(params, block)
        for name, training in trainings.items():
            if training.dataset not in params.datasets:
                wrong = unknown_name("entry", training.dataset, params.datasets)
                raise ValueError(f"{block}.{name}.dataset: {wrong}")
        if block in STARTED:
            _known_starts(block, trainings)


def _known_starts(block: str, trainings: Mapping[str, Any]) -> None:
    """Raise for a training that begins with one that does not exist, or with itself."""
    for name, training in trainings.items():
        begun, first = {name}, training.start
        while first:
            if first not in trainings:
                wrong = unknown_name("entry", first, trainings)
                raise ValueError(f"{block}.{name}.start: {wrong}")
            if first in begun:
                raise ValueError(f"{block}.{name}.start: begins with itself")
            begun.add(first)
            first = trainings[first].start


def _known_contrasts(params: Params) -> None:
    """Raise for a contrast of a method that does not exist, and for two of one name."""
    known = [*params.methods, *CONTROLS]
    names = [contrast.name for contrast in params.contrasts]
    for k, contrast in enumerate(params.contrasts):
        for method in contrast.methods:
            if method not in known:
                wrong = unknown_name("entry", method, known)
                raise ValueError(f"contrasts.{contrast.name}.methods: {wrong}")
        if contrast.name in names[:k]:
            raise ValueError(f"contrasts: two are called {contrast.name!r}, rename one")


def _known_plugins(params: Params) -> None:
    """Raise for an entry whose plug-in does not exist."""
    used = {
        "datasets": [(f"datasets.{k}.type", d.type) for k, d in params.datasets.items()],
        "anonymisers": [
            (f"methods.{k}.anonymiser", m.anonymiser) for k, m in params.methods.items()
        ],
        "recognisers": [(f"recognisers.{k}.type", r.type) for k, r in params.recognisers.items()],
        "expressions": [(f"expressions.{k}.type", e.type) for k, e in params.expressions.items()],
        "detectors": [
            *(
                (f"methods.{k}.detectors", d)
                for k, m in params.methods.items()
                for d in m.detectors
            ),
            *((f"recognisers.{k}.detector", r.detector) for k, r in params.recognisers.items()),
            *((f"expressions.{k}.detector", e.detector) for k, e in params.expressions.items()),
            *(("detection.subject", d) for d in params.detection.subject),
            *(("detection.utility", d) for d in params.detection.utility),
            *(("detection.options", d) for d in params.detection.options),
        ],
    }
    for package, entries in used.items():
        known = plugin_names(package)
        for where, name in entries:
            if name not in known:
                raise ValueError(f"{where}: {unknown_name(package.removesuffix('s'), name, known)}")


def parse(content: Mapping[str, Any], source: str = "params.yaml") -> Params:
    """Validate a configuration.

    Parameters
    ----------
    content : mapping
        As read from YAML.
    source : str
        What the error message calls it.

    Raises
    ------
    ConfigError
        With one line a problem: the key and what is wrong with it.
    """
    try:
        return Params.model_validate(dict(content))
    except ValidationError as error:
        lines = [_line(dict(e)) for e in error.errors()]
        raise ConfigError("\n".join([f"{source} cannot be used:", *lines])) from None


def _line(error: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    message = re.sub(r"^Value error, ", "", error["msg"])
    given = error.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"  {where + ': ' if where else ''}{message}{shown}"


def load(path: Path | str, *layers: Path | str) -> Params:
    """Read a configuration file and layers over it, as ``--configfile`` does.

    Raises
    ------
    ConfigError
        If a file is missing, is no YAML mapping, or its content cannot be used.
    """
    content: dict[str, Any] = {}
    for file in (path, *layers):
        content = merge(content, _read(Path(file)))
    return parse(content, " + ".join(str(f) for f in (path, *layers)))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, found {type(content).__name__}")
    return content


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Layer one configuration over another: mappings merge, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged
