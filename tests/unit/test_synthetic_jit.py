"""Compilation: kept where there is a place for it, done all the same where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import pytest

from anonbench.synthetic.jit import jit


def twice(number: int) -> int:
    return 2 * number


def test_compiled_function_computes() -> None:
    assert jit(twice)(21) == 42
    assert hasattr(jit(twice), "py_func")


def test_without_a_place_for_machine_code_it_compiles_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_ = numba.njit

    def homeless(*functions: Callable[..., Any], cache: bool = False) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_(*functions)

    monkeypatch.setattr(numba, "njit", homeless)
    assert jit(twice)(21) == 42
    assert hasattr(jit(twice), "py_func")
