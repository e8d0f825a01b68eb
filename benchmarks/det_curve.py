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


def main(n_mated: int, n_nonmated: int) -> None:
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
    far = np.abs(rates.fmr[shared] - fpr[index]).max()
    frr = np.abs(rates.fnmr[shared] - fnr[index]).max()
    crossing = np.argmin(np.abs(fpr - fnr))
    eer_gap = abs(eer.value - (fpr[crossing] + fnr[crossing]) / 2)

    print(f"{n_mated} mated and {n_nonmated} non-mated float32 scores, one run")
    print(f"{'':<24}{'seconds':>10}{'points':>12}")
    print(f"{'anonbench error_rates':<24}{ours:>10.3f}{rates.thresholds.size:>12}")
    print(f"{'sklearn det_curve':<24}{theirs:>10.3f}{thresholds.size:>12}")
    print(f"{'anonbench EER':<24}{eer_time:>10.3f}{'':>12}")
    print(f"time ratio sklearn / anonbench: {theirs / ours:.1f}")
    print(f"largest difference at {shared.sum()} shared thresholds: FMR {far:.2g}, FNMR {frr:.2g}")
    print(
        f"EER {eer.value:.6f}, differs by {eer_gap:.2g} from the nearest point of sklearn's curve"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mated", type=int, default=100_000)
    parser.add_argument("--nonmated", type=int, default=9_900_000)
    options = parser.parse_args()
    main(options.mated, options.nonmated)
