"""The log: what a job did, and why it failed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonbench import progress as module
from anonbench.progress import LOGGER, logged, progress


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    for handler in LOGGER.handlers:
        handler.close()
    for logger in (LOGGER, logging.getLogger("py.warnings")):
        logger.handlers = []
    logging.captureWarnings(False)


def test_items_pass_through_in_order_and_the_end_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with logged(log):
        assert list(progress([3, 1, 2], "count")) == [3, 1, 2]
        assert list(progress([], "nothing")) == []
    text = log.read_text()
    assert "count: 3 of 3" in text and "1 of 3" not in text and "nothing" not in text


def test_slow_work_is_logged_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    with logged(tmp_path / "job.log"):
        list(progress(range(4), "count"))
    text = (tmp_path / "job.log").read_text()
    assert [k for k in range(1, 5) if f"count: {k} of 4" in text] == [2, 4], "every ten seconds"


def test_failure_is_in_the_log_and_goes_on(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken"), logged(tmp_path / "job.log"):
        raise RuntimeError("broken")
    text = (tmp_path / "job.log").read_text()
    assert "Traceback" in text and "RuntimeError: broken" in text


def test_warnings_are_in_the_log(tmp_path: Path) -> None:
    with logged(tmp_path / "job.log"), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("look out", UserWarning, stacklevel=1)
    assert "look out" in (tmp_path / "job.log").read_text()


def test_a_second_log_does_not_write_into_the_first(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        with logged(tmp_path / name):
            LOGGER.info("this is %s", name)
    assert "b.log" not in (tmp_path / "a.log").read_text()
