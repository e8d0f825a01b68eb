"""Random numbers belong to a key, not to an order of calls."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from anonbench.seeds import generator


def draw(seed: int, *key: str | int | float) -> list[int]:
    return generator(seed, *key).integers(0, 2**62, 4).tolist()


def test_numbers_follow_from_the_definition() -> None:
    digest = hashlib.sha256(b"2:ab1:c").digest()
    expected = np.random.default_rng([3, int.from_bytes(digest[:16], "little")])
    assert draw(3, "ab", "c") == expected.integers(0, 2**62, 4).tolist()


def test_order_of_calls_does_not_matter() -> None:
    keys = [("drawn", "noise", "5", f"{k}.png") for k in range(5)]
    forwards = {key: draw(1, *key) for key in keys}
    backwards = {key: draw(1, *key) for key in reversed(keys)}
    assert forwards == backwards
    assert len({tuple(v) for v in forwards.values()}) == 5


def test_keys_that_join_to_the_same_text_differ() -> None:
    variants = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("2:ab", "c"), ()]
    assert len({tuple(draw(1, *key)) for key in variants}) == len(variants)


def test_seed_matters_and_spelling_counts() -> None:
    assert draw(1, "x") != draw(2, "x")
    assert draw(1, "x", 5) == draw(1, "x", "5") != draw(1, "x", 5.0)


def test_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        generator(-1, "x")
