"""Compiled functions, in one way for the whole package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function with numba and keep the machine code beside its module.

    Without fastmath: sums are taken in the order written, so that a picture comes out the same
    bit for bit however the compiler would like to rearrange it.
    """
    compiled: Function = numba.njit(cache=True)(function)
    return compiled
