"""Seven expressions told apart by simple classifiers that never saw the subject."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.floating[Any]]

EXPRESSIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
FOLDS = 5
COMPONENTS = 120


def procrustes(shapes: Floats, reference: Floats) -> NDArray[np.float64]:
    """Move, turn and scale shapes (N, K, 3) to `reference` (K, 3), each by least squares.

    Rotations alone, no reflections (Kabsch 1976; Umeyama 1991). The reference is centred and of
    unit size first, and so is every result, up to what it differs in shape.
    """
    target = _unit(np.asarray(reference, np.float64)[None])[0]
    own = _unit(np.asarray(shapes, np.float64))
    u, _, vt = np.linalg.svd(own.transpose(0, 2, 1) @ target)
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, -1] *= sign[:, None]
    turned: NDArray[np.float64] = own @ (u @ vt)
    return turned


def _unit(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    unit: NDArray[np.float64] = centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    return unit


class Frontal(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Flat shapes (N, 3 K) in the pose and size of the training shapes' mean."""

    def fit(self, shapes: Floats, y: object = None) -> Self:
        """Find the mean of the training shapes (generalised Procrustes, three rounds)."""
        solid = shapes.reshape(len(shapes), -1, 3)
        self.mean_ = solid[0]
        for _ in range(3):
            self.mean_ = procrustes(solid, self.mean_).mean(axis=0)
        return self

    def transform(self, shapes: Floats) -> NDArray[np.float64]:
        """Return the shapes in that pose."""
        turned = procrustes(shapes.reshape(len(shapes), -1, 3), self.mean_)
        return turned.reshape(len(shapes), -1)


def classifier(n_training: int, landmarks: bool) -> Pipeline:
    """Return the classifier: 120 principal components of standard scores, logistic regression."""
    steps = [Frontal()] if landmarks else []
    components = PCA(min(COMPONENTS, n_training - 1), svd_solver="randomized", random_state=0)
    # All else as scikit-learn has it: nothing here was tuned on the faces that it judges.
    return make_pipeline(*steps, StandardScaler(), components, LogisticRegression(max_iter=2000))


def predict(
    features: Floats, labels: NDArray[np.str_], subjects: NDArray[np.str_], landmarks: bool = False
) -> NDArray[np.str_]:
    """Return the label that each sample gets from a classifier trained on other subjects.

    Parameters
    ----------
    features : (N, D), finite
    labels, subjects : (N,)
    landmarks : bool
        Whether the features are shapes (x, y, depth), to be turned to the front first.

    Raises
    ------
    ValueError
        If there are fewer than two subjects.
    """
    n_subjects = len(set(subjects))
    if n_subjects < 2:
        raise ValueError("subjects cannot be disjoint: fewer than two of them")
    guessed = np.empty_like(labels)
    folds = GroupKFold(min(FOLDS, n_subjects))
    for train, test in folds.split(features, labels, subjects):
        model = classifier(len(train), landmarks)
        guessed[test] = model.fit(features[train], labels[train]).predict(features[test])
    return guessed


def confusion(
    labels: NDArray[np.str_], guessed: NDArray[np.str_], names: tuple[str, ...] = EXPRESSIONS
) -> list[list[int]]:
    """Return counts with a row for each true and a column for each guessed expression."""
    return [[int(((labels == t) & (guessed == g)).sum()) for g in names] for t in names]
