"""`anonbench weights`: the files of weights, what they are and how to get them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonbench import weights
from anonbench.registry import UnknownNameError
from anonbench.weights import Verdict, WeightsError

app = typer.Typer(
    help="Files of weights: what they are, whether they are right, how to get them.",
    no_args_is_help=True,
)

USABLE = (Verdict.VERIFIED, Verdict.RECORDED, Verdict.NEW)


def _fail(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(1)


@app.command("list")
def list_models() -> None:
    """List all models: whether the file is there and right, its size, its licence."""
    try:
        lines = [*map(_line, weights.MODELS), *_dlib_lines()]
    except WeightsError as error:
        raise _fail(str(error)) from None
    table = [("name", "state", "MB", "SHA-256", "licence"), *lines]
    widths = [max(len(row[k]) for row in table) for k in range(4)]
    for row in table:
        columns = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        typer.echo("  ".join((*columns, row[4])))


def _line(name: str) -> tuple[str, ...]:
    seen = weights.state(name)
    return (name, str(seen.verdict), _size(seen.path), (seen.digest or "")[:12],
            weights.model(name).licence)  # fmt: skip


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f}" if path.is_file() else ""


def _dlib_lines() -> list[tuple[str, ...]]:
    """Describe dlib's files, which come with a package and are only looked at."""
    from anonbench.dlib_files import HASHES, LICENCES, WeightFileError, weight_file

    lines: list[tuple[str, ...]] = []
    for name, digest in HASHES.items():
        try:
            found = weight_file(name)
            lines.append((name, "verified", _size(found), digest[:12], LICENCES[name]))
        except WeightFileError as error:
            lines.append((name, "absent or wrong", "", "", str(error)))
    return lines


@app.command()
def fetch(
    name: Annotated[str | None, typer.Argument(help="A model of `anonbench weights list`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All models.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", help="A file got by hand, to be copied in.")
    ] = None,
) -> None:
    """Bring bundled weights out of the repository; say how to get others, or copy them in.

    Nothing is downloaded from anywhere else.
    """
    if (name is None) != every or (every and source is not None):
        raise _fail("give the name of one model (with --from FILE, if you have it), or --all")
    try:
        if name is not None:
            seen = weights.install(name, source) if source else weights.fetch(name)
            typer.echo(f"{name}: {seen.path}, {seen.verdict}, SHA-256 {seen.digest}")
            return
    except (WeightsError, UnknownNameError, OSError) as error:
        raise _fail(str(error)) from None
    fetched = [_fetch_one(each) for each in weights.MODELS]
    if not all(fetched):
        raise typer.Exit(1)


def _fetch_one(name: str) -> bool:
    """Fetch a model or say how; return False if that failed."""
    try:
        seen = weights.fetch(name)
        typer.echo(f"{name}: {seen.path}, {seen.verdict}")
    except WeightsError as error:
        by_hand = not weights.model(name).bundled and not weights.file(name).is_file()
        typer.secho(f"{name}: {weights.how(name)}" if by_hand else str(error),
                    err=True, fg="yellow" if by_hand else "red")  # fmt: skip
        return by_hand
    return True


@app.command()
def verify() -> None:
    """Check every file that is there; fails if one is not what it should be."""
    try:
        seen = {name: weights.state(name) for name in weights.MODELS}
    except WeightsError as error:
        raise _fail(str(error)) from None
    there = {name: s for name, s in seen.items() if s.digest is not None}
    for name, s in there.items():
        wrong = s.verdict not in USABLE
        typer.secho(
            f"{s.problem or f'{name}: {s.verdict}'}", err=wrong, fg="red" if wrong else None
        )
    typer.echo(f"{len(there)} of {len(seen)} files are there, in {weights.folder()}.")
    if any(s.verdict not in USABLE for s in there.values()):
        raise typer.Exit(1)


@app.command("convert-cleanir")
def convert_cleanir(
    encoder: Annotated[Path, typer.Argument(help="CLEANIR's encoder.h5.")],
    decoder: Annotated[Path, typer.Argument(help="CLEANIR's decoder.h5.")],
    out: Annotated[Path, typer.Argument(help="To write: a file that ends in .safetensors.")],
) -> None:
    """Make one file that the anonymiser `cleanir` reads of CLEANIR's official ones."""
    from anonbench.cleanir_files import convert_cleanir as convert

    try:
        convert(encoder, decoder, out)
    except (WeightsError, OSError) as error:
        raise _fail(str(error)) from None
    typer.echo(
        f"{out}: written; name it as the option weights of an entry with anonymiser: cleanir"
    )
