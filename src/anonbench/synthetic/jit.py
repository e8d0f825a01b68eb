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

    Numba compiles again when the function's own module changes, no other: constants that it imports
    are part of the kept code. Whoever changes one (the size of :mod:`anonbench.synthetic.skin_map`,
    say), or this module, deletes the ``*.nbi`` and ``*.nbc`` files in ``__pycache__``.

    Where neither ``__pycache__`` nor the user's cache folder can be written and ``NUMBA_CACHE_DIR``
    names no other, every process compiles anew.
    """
    compiled: Function
    try:
        compiled = numba.njit(cache=True)(function)
    except RuntimeError:  # no place for the machine code
        compiled = numba.njit(function)
    return compiled
