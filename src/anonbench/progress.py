"""Progress of long work, in the job's log and on the terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOGGER = logging.getLogger("anonbench")
INTERVAL = 10.0
"""Seconds between two lines."""


def log_to(path: Path | str | None) -> None:
    """Send the project's log to a file, or to standard error where there is none."""
    handler: logging.Handler
    handler = logging.FileHandler(path, mode="w") if path else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    # Captured warnings go to a logger of their own, which drops them if it has no handler.
    for logger in (LOGGER, logging.getLogger("py.warnings")):
        logger.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    logging.captureWarnings(True)


@contextmanager
def logged(path: Path | str | None) -> Iterator[None]:
    """Do a job of the workflow: log to a file what happens, a failure with its traceback included.

    A failure goes on to the caller. OpenCV gets one thread: the workflow runs as many jobs as there
    are cores, and threads beyond that only wait for each other.
    """
    log_to(path)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    try:
        yield
    except Exception:
        LOGGER.exception("failed")
        raise
    finally:
        for handler in LOGGER.handlers:
            handler.flush()


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Iterate over `items` and log how far it got, every ten seconds and at the end."""
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= INTERVAL or done == len(items):
            last = now
            rate = done / max(now - start, 1e-9)
            LOGGER.info("%s: %d of %d (%.1f a second)", what, done, len(items), rate)
