"""Compare `anonbench.metrics.verification` with `sklearn.metrics.det_curve` on 10 million scores.

Prints how long each takes in this one run and whether they agree:
``python benchmarks/det_curve.py [--mated N] [--nonmated N]``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.metrics import det_curve

from anonbench.metrics.verification import equal_error_rate, error_rates


def measure(n_mated: int, n_nonmated: int) -> dict[str, float]:
    """Time both once on the same scores and compare their rates.

    Parameters
    ----------
    n_mated, n_nonmated : int
        Scores, normally distributed, float32.

    Returns
    -------
    dict
        Seconds ``ours`` and ``sklearn``, and ``eer_seconds``; ``points`` and ``sklearn_points`` of
        the curves; ``shared`` thresholds with the largest differences there, ``fmr`` and ``fnmr``;
        ``eer``, and ``eer_gap`` to the nearest point of scikit-learn's curve.
    """
    generator = np.random.default_rng(0)
    mated = generator.normal(2.0, 1.0, n_mated).astype(np.float32)
    nonmated = generator.normal(0.0, 1.0, n_nonmated).astype(np.float32)
    labels = np.repeat(np.array([1, 0], dtype=np.int8), [n_mated, n_nonmated])
    scores = np.concatenate([mated, nonmated])

    start = time.perf_counter()
    rates = error_rates(mated, nonmated)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    fpr, fnr, thresholds = det_curve(labels, scores)
    theirs = time.perf_counter() - start
    start = time.perf_counter()
    eer = equal_error_rate(mated, nonmated)
    eer_time = time.perf_counter() - start

    # scikit-learn leaves out the part of the curve where both error counts are at their ends.
    shared = np.isin(rates.thresholds, thresholds)
    index = np.searchsorted(thresholds, rates.thresholds[shared])
    crossing = np.argmin(np.abs(fpr - fnr))
    return {
        "ours": ours,
        "sklearn": theirs,
        "eer_seconds": eer_time,
        "points": rates.thresholds.size,
        "sklearn_points": thresholds.size,
        "shared": float(shared.sum()),
        "fmr": float(np.abs(rates.fmr[shared] - fpr[index]).max()),
        "fnmr": float(np.abs(rates.fnmr[shared] - fnr[index]).max()),
        "eer": eer.value,
        "eer_gap": float(abs(eer.value - (fpr[crossing] + fnr[crossing]) / 2)),
    }


def main(n_mated: int, n_nonmated: int) -> None:
    found = measure(n_mated, n_nonmated)
    print(f"{n_mated} mated and {n_nonmated} non-mated float32 scores, one run")
    print(f"{'':<24}{'seconds':>10}{'points':>12}")
    print(f"{'anonbench error_rates':<24}{found['ours']:>10.3f}{found['points']:>12.0f}")
    print(f"{'sklearn det_curve':<24}{found['sklearn']:>10.3f}{found['sklearn_points']:>12.0f}")
    print(f"{'anonbench EER':<24}{found['eer_seconds']:>10.3f}{'':>12}")
    print(f"time ratio sklearn / anonbench: {found['sklearn'] / found['ours']:.1f}")
    print(f"largest difference at {found['shared']:.0f} shared thresholds: "
          f"FMR {found['fmr']:.2g}, FNMR {found['fnmr']:.2g}")  # fmt: skip
    print(f"EER {found['eer']:.6f}, differs by {found['eer_gap']:.2g} from the nearest point of "
          "sklearn's curve")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mated", type=int, default=100_000)
    parser.add_argument("--nonmated", type=int, default=9_900_000)
    options = parser.parse_args()
    main(options.mated, options.nonmated)
