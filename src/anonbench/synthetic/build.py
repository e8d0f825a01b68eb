"""A whole rendered set: its shards by several processes, then the labels and a check of it all."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from anonbench.synthetic.faceset import (
    FaceRenderer,
    FaceSetError,
    MakeRenderer,
    Row,
    load_renderer,
    read_rows,
    verify,
    write_rows,
    write_shard,
)
from anonbench.synthetic.plan import LABELS, PLAN_FILE, FacePlan, Shard
from anonbench.synthetic.record import claim, write_record

Report = Callable[[int], None]
"""Told from time to time how many images are done."""

POLL = 0.5
"""Seconds between two reports."""

THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip
"""Variables that hold a worker's libraries to one thread."""


def build(
    plan: FacePlan,
    out: Path,
    make: MakeRenderer,
    cores: int = 1,
    report: Report = lambda done: None,
) -> list[Row]:
    """Render what is missing of a set; whole shards of an earlier, interrupted run are kept.

    Parameters
    ----------
    plan : FacePlan
    out : Path
        Folder, made if missing.
    make : callable
        Makes the renderer, once in every process.
    cores : int
        Processes.
    report : callable
        Told how many images are done, those found included.

    Returns
    -------
    list of dict
        The label rows.

    Raises
    ------
    FaceSetError
        If the folder holds another set or is in use, an image cannot be rendered, or the finished
        set is not whole.
    Exception
        Whatever `make` raises: `anonbench.synthetic.assets.AssetError` for the real renderer.
    """
    if cores < 1:
        raise FaceSetError(f"{cores} cores: one at least")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceSetError(f"{out} cannot be the set's folder: {error.strerror}") from None
    with _alone(out):
        claim(plan, out)
        _sweep(out)
        # Labels and their parts together are the workflow's, which would miss the parts.
        keep = (out / LABELS).exists() and (out / "rows").exists()
        rows = _known_rows(out)
        todo = [s for s in plan.shards() if not _is_done(s, out, rows)]
        found = plan.images - sum(len(shard.images()) for shard in todo)
        report(found)
        if todo:
            try:
                _render(todo, out, make, cores, lambda done: report(found + done))
            except BaseException:
                if not any(out.glob("faces-*.tar")):  # a plan without an image holds nobody up
                    (out / PLAN_FILE).unlink()
                raise
            finally:
                _sweep(out)
            # Again: edited meanwhile, code may have made the one half of the set and not the other.
            claim(plan, out)
        return _finish(plan, out, keep)


def render_set(plan: FacePlan, out: Path, assets: Path, cores: int, report: Report) -> list[Row]:
    """Do as `build` does, with the renderer over the assets at a path."""
    return build(plan, out, partial(load_renderer, assets), cores, report)


def finish_set(plan: Mapping[str, Any], out: Path) -> None:
    """Merge the labels of a folder whose shards the workflow has made, and record the plan.

    The parts of the labels stay: Snakemake would make them, and so the images, again.

    Raises
    ------
    FaceSetError
        If the set is not whole.
    """
    whole = FacePlan.model_validate(plan)
    _merge(whole, out)
    write_record(whole, out)


# Resuming


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder against a second run, until this process ends at the latest."""
    handle = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FaceSetError(f"{out}: another process is rendering into it") from None
        yield
    finally:
        os.close(handle)


def _sweep(out: Path) -> None:
    """Delete what a killed process was writing."""
    for folder in (out, out / "rows"):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def _known_rows(out: Path) -> dict[str, list[Row]]:
    """Return the rows of finished labels by shard: their files are gone by then."""
    found: dict[str, list[Row]] = {}
    path = out / LABELS
    for row in read_rows(path) if path.exists() else ():
        found.setdefault(row["shard"], []).append(row)
    return found


def _is_done(shard: Shard, out: Path, labels: dict[str, list[Row]]) -> bool:
    """Tell whether a shard is whole; its archive is the last thing to get its name."""
    if not (out / shard.archive).exists():
        return False
    rows = out / shard.rows
    if not rows.exists() and shard.archive in labels:
        write_rows(labels[shard.archive], rows)
    return rows.exists()


def _merge(plan: FacePlan, out: Path) -> list[Row]:
    """Write the labels of all shards, in order, after a check of the set."""
    rows = [row for shard in plan.shards() for row in read_rows(out / shard.rows)]
    verify(plan, out, rows)
    write_rows(rows, out / LABELS)
    return rows


def _finish(plan: FacePlan, out: Path, keep: bool) -> list[Row]:
    """Merge the labels and drop their parts, unless they are to be kept."""
    rows = _merge(plan, out)
    if not keep:
        for shard in plan.shards():
            (out / shard.rows).unlink()
        (out / "rows").rmdir()
    return rows


# Processes


def _render(
    shards: Sequence[Shard], out: Path, make: MakeRenderer, cores: int, report: Report
) -> None:
    """Render shards in processes of their own; on any error or Ctrl-C all of them end."""
    # Not forked: threads of libraries that this process has started would be lost in a copy.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    before = set(multiprocessing.active_children())
    workers = min(cores, len(shards))
    with _one_thread():
        pool = ProcessPoolExecutor(workers, context, _start, (make, counter))
        try:
            # Alone, so that what the first one compiles is there for the others to load.
            _watch([pool.submit(_warm_up, shards[0])], counter, report)
            _watch([pool.submit(_work, shard, out) for shard in shards], counter, report)
        except BaseException as error:
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise FaceSetError(
                    "a process ended without a word, perhaps for want of memory: try fewer cores"
                ) from None
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _watch(jobs: Sequence[Future[None]], counter: Synchronized[int], report: Report) -> None:
    """Wait for jobs and report on the way; raise the first error there is."""
    waiting = set(jobs)
    while waiting:
        finished, waiting = wait(waiting, timeout=POLL)
        for job in finished:
            job.result()
        report(counter.value)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tell processes started meanwhile to use one thread each."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_STATE: dict[str, Any] = {}
"""Of a worker: how to make its renderer, the renderer, and the counter of images."""


def _start(make: MakeRenderer, counter: Synchronized[int]) -> None:
    """Prepare a worker; nothing that may fail, for its message would be lost here."""
    import cv2

    cv2.setNumThreads(1)
    # Ctrl-C reaches every process of the terminal: the parent is the one to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _STATE.update(make=make, counter=counter)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _renderer() -> FaceRenderer:
    if "renderer" not in _STATE:
        _STATE["renderer"] = _STATE["make"]()
    renderer: FaceRenderer = _STATE["renderer"]
    return renderer


def _count() -> None:
    counter = _STATE["counter"]
    with counter.get_lock():
        counter.value += 1


def _warm_up(shard: Shard) -> None:
    """Load the assets and compile everything, by an image that is thrown away."""
    renderer = _renderer()
    first = shard.images()[0]
    try:
        renderer.image(renderer.subject(first.seed), first.expression, first.view, 64)
    except Exception as error:
        raise FaceSetError(f"image {first.path}: {type(error).__name__}: {error}") from error


def _work(shard: Shard, out: Path) -> None:
    write_shard(_renderer(), shard, out, _count)
