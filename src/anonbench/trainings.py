"""Trainings of what anonymisers load, seen by the workflow's rules: recipes, inputs, results.

Imported when Snakemake reads the Snakefile, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonbench.config import Params
from anonbench.config_block import Block
from anonbench.training.adversarial_settings import ADVERSARIAL_DETECTOR
from anonbench.training.ciagan_settings import LANDMARK_DETECTORS
from anonbench.training.cleanir_settings import CLEANIR_DETECTOR
from anonbench.training.deepprivacy_settings import DEEPPRIVACY_DETECTOR
from anonbench.training.mmda_settings import MMDA_DETECTOR
from anonbench.training.proxy_settings import PROXY_DETECTOR

KINDS = ("ciagan", "cleanir", "deepprivacy", "adversarial", "mmda", "proxies")
"""Each has a block ``training_KIND`` of the configuration, and a target ``train_KIND``."""
BLOCKS = {f"training_{kind}" for kind in KINDS}
NONE_TO_TRAIN = "what to train: fill training_{0}, as --configfile experiments/train_{1}.yaml does"
EXAMPLES = {"adversarial": "ren"}
"""Recipes that are not called as their kind."""
CROPS = "results/training/crops"


@dataclass(frozen=True)
class Trainings:
    """The trainings of one configuration.

    Attributes
    ----------
    params : Params
        The validated configuration.
    """

    params: Params

    def of(self, kind: str) -> Mapping[str, Block]:
        """Return the recipes of a kind by name."""
        found: Mapping[str, Block] = getattr(self.params, f"training_{kind}")
        return found

    def recipe(self, kind: str, name: str) -> dict[str, Any]:
        """Return a recipe as plain values that Snakemake can compare between runs."""
        return self.of(kind)[name].model_dump()

    def detectors(self) -> list[str]:
        """Return who finds landmarks for trainings."""
        shown = {s for t in self.params.training_ciagan.values() for s in t.landmarks}
        found = [LANDMARK_DETECTORS[s] for s in shown]
        found += [CLEANIR_DETECTOR] if self.params.training_cleanir else []
        found += [ADVERSARIAL_DETECTOR] if self.params.training_adversarial else []
        found += [MMDA_DETECTOR] if self.params.training_mmda else []
        found += [PROXY_DETECTOR] if self.params.training_proxies else []
        return found + ([DEEPPRIVACY_DETECTOR] if self.params.training_deepprivacy else [])

    def weights(self, kind: str) -> list[str]:
        """Return the weights of all trainings of a kind, or what to do where there is none."""
        files = [f"results/training/{n}/{n}.safetensors" for n in self.of(kind)]
        return files or [NONE_TO_TRAIN.format(kind, EXAMPLES.get(kind, kind))]

    def faces(self, dataset: str, landmarks: str) -> str:
        """Return the detection table that holds landmarks that CIAGAN is trained on."""
        return f"results/detect/{dataset}/{LANDMARK_DETECTORS[landmarks]}.parquet"

    def ciagan_input(self, name: str, file: str) -> list[str]:
        """Return crops, points or labels that a training of CIAGAN reads, by landmarks."""
        settings = self.params.training_ciagan[name]
        return [f"{CROPS}/{settings.dataset}.{which}.{file}" for which in settings.landmarks]

    def ciagan_start(self, name: str) -> list[str]:
        """Return the weights that a training of CIAGAN begins with, if any."""
        first = self.params.training_ciagan[name].start
        return [f"results/training/{first}/{first}.safetensors"] if first else []

    def cleanir_input(self, name: str, file: str) -> str:
        """Return crops, embeddings or labels that a training of CLEANIR reads."""
        settings = self.params.training_cleanir[name]
        return f"{CROPS}/{settings.dataset}.cleanir.{settings.recogniser}.{file}"

    def deepprivacy_input(self, name: str, file: str) -> str:
        """Return crops, places or labels that a training of DeepPrivacy reads."""
        return f"{CROPS}/{self.params.training_deepprivacy[name].dataset}.deepprivacy.{file}"

    def adversarial_input(self, name: str, file: str) -> str:
        """Return crops or labels that a training against a face classifier reads."""
        settings = self.params.training_adversarial[name]
        return f"{CROPS}/{settings.dataset}.adversarial.{settings.size}.{file}"

    def adversarial_start(self, name: str) -> list[str]:
        """Return the networks that such a training begins with, if any."""
        first = self.params.training_adversarial[name].start
        return [f"results/training/{first}/networks.safetensors"] if first else []

    def fresh(self, name: str) -> list[str]:
        """Return the classifier that learns from what a transform made, if one is asked for."""
        asked = self.params.training_adversarial[name].fresh_rounds
        return [f"results/training/{name}/fresh/classifier.safetensors"] if asked else []

    def adversaries(self) -> list[str]:
        """Return who is still told apart, of every training, or what to do where there is none."""
        files = [f"results/training/{n}/adversaries.csv" for n in self.of("adversarial")]
        return files or [NONE_TO_TRAIN.format("adversarial", EXAMPLES["adversarial"])]

    def mmda_input(self, name: str, file: str) -> str:
        """Return textures, shapes or labels that MMDA's subspaces are learnt from."""
        settings = self.params.training_mmda[name]
        return f"{CROPS}/{settings.dataset}.mmda.{settings.width}.{file}"

    def proxy_input(self, name: str, pattern: str) -> str:
        """Return a file of the data set that a gallery of proxies is made of."""
        return pattern.format(dataset=self.params.training_proxies[name].dataset)
