"""The command `anonbench`: what is not a workflow."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbench import cli_weights
from anonbench.config import ConfigError, Params

if TYPE_CHECKING:
    from anonbench.synthetic.plan import FacePlan

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(cli_weights.app, name="weights")

Config = Annotated[
    list[Path] | None,
    typer.Option("--config", "-c", help="Layered over params.yaml, like --configfile; repeatable."),
]


def _fail(message: str) -> typer.Exit:
    typer.secho(message, err=True, fg="red")
    return typer.Exit(1)


@app.command()
def anonymise(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder of images.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.")],
    method: Annotated[str, typer.Option(help="Name of an anonymiser.")] = "blur",
    strength: Annotated[float | None, typer.Option(help="In the method's unit.")] = None,
    region: Annotated[str, typer.Option(help="face, eyes or eyes_glasses.")] = "face",
    detector: Annotated[
        list[str] | None, typer.Option(help="Who finds the faces; repeatable, tried in order.")
    ] = None,
    faces: Annotated[str, typer.Option(help="all, largest or central.")] = "all",
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
) -> None:
    """Anonymise every image below IN into OUT, under the same names as PNG.

    An image without a face, or that cannot be processed, becomes black and is listed in
    OUT/ledger.csv: nothing passes through.
    """
    from anonbench.detectors.haar import CascadeError
    from anonbench.dlib_files import WeightFileError
    from anonbench.folders import FolderError, anonymise_folder

    try:
        counts = anonymise_folder(
            source, target, anonymiser=method, strength=strength, region=region,
            detectors=detector or ["haar"], faces=faces, seed=seed,
        )  # fmt: skip
    except (FolderError, ValueError, OSError, WeightFileError, CascadeError) as error:
        raise _fail(str(error)) from None
    for status, count in sorted(counts.items()):
        typer.echo(f"{count:6d} {status}")
    typer.echo(f"{target / 'ledger.csv'} tells what happened to each image.")
    if set(counts) - {"ok"}:
        typer.secho("Images that are not ok were blacked out or left out.", err=True, fg="yellow")


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    subjects: Annotated[int, typer.Option(help="How many subjects.")] = 60,
    views: Annotated[int, typer.Option(help="Images of each in every expression.")] = 2,
    split: Annotated[str, typer.Option(help="train or evaluation: no subject is in both.")] = (
        "train"
    ),
    first: Annotated[int, typer.Option(help="First subject, counted within the split.")] = 0,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 256,
    quality: Annotated[int, typer.Option(help="JPEG quality.")] = 95,
    subsampling: Annotated[str, typer.Option(help="4:2:0, 4:2:2 or 4:4:4.")] = "4:2:0",
    expressions: Annotated[
        list[str] | None, typer.Option(help="Only this expression; repeatable.")
    ] = None,
    subjects_per_shard: Annotated[int, typer.Option(help="Subjects in one archive.")] = 6,
    cores: Annotated[int | None, typer.Option(help="Processes; default: all cores.")] = None,
    assets: Annotated[
        str, typer.Option(help="MakeHuman's CC0 assets; default: $ANONBENCH_MAKEHUMAN.")
    ] = "",
) -> None:
    """Render faces that belong to nobody, with labels.

    The same call makes the same files. Interrupted, it goes on where it ended.
    """
    import os

    from pydantic import ValidationError

    from anonbench.synthetic.plan import FacePlan
    from anonbench.synthetic.settings import AssetsMissingError, find_assets

    asked = {
        "split": split, "first": first, "subjects": subjects, "views": views, "size": size,
        "quality": quality, "subsampling": subsampling, "subjects_per_shard": subjects_per_shard,
        **({"expressions": expressions} if expressions else {}),
    }  # fmt: skip
    try:
        plan = FacePlan.model_validate(asked)
        path = find_assets(assets)
    except ValidationError as error:
        raise _fail("\n".join(_option_line(dict(e)) for e in error.errors())) from None
    except AssetsMissingError as error:
        raise _fail(str(error)) from None
    available = len(os.sched_getaffinity(0))
    _render(plan, out, path, available if cores is None else cores)


def _option_line(error: dict[str, Any]) -> str:
    """Say what is wrong with an option of `render`."""
    message = error["msg"].removeprefix("Value error, ")
    name = "--" + str(error["loc"][0]).replace("_", "-") + ": " if error["loc"] else ""
    return f"{name}{message}"


def _render(plan: FacePlan, out: Path, assets: Path, cores: int) -> None:
    """Build a set with a progress bar."""
    from anonbench.synthetic.assets import AssetError
    from anonbench.synthetic.build import render_set
    from anonbench.synthetic.faceset import FaceSetError

    try:
        with typer.progressbar(length=plan.images, label="rendering", file=sys.stderr) as bar:
            render_set(plan, out, assets, cores, lambda done: bar.update(done - bar.pos))
    except (FaceSetError, AssetError, OSError) as error:
        raise _fail(str(error)) from None
    except KeyboardInterrupt:
        raise _fail(f"Interrupted. The same command goes on from {out}.") from None
    typer.echo(f"{plan.images} images, {plan.subjects} subjects: {out / 'labels.csv'}")


@app.command()
def validate(config: Config = None) -> None:
    """Check parameters and data before any work."""
    from anonbench.validate import check_data, check_methods

    params = _load(config)
    try:
        check_methods(params)
    except ConfigError as error:
        raise _fail(str(error)) from None
    problems = check_data(params)
    for line in problems:
        typer.secho(line.text, err=line.fatal, fg="red" if line.fatal else "yellow")
    if any(line.fatal for line in problems):
        raise typer.Exit(1)
    typer.echo(
        f"{len(params.run.datasets)} data sets, {len(params.run.methods)} methods and "
        f"{len(params.run.recognisers)} recognisers can be used."
    )


@app.command()
def doctor(config: Config = None) -> None:
    """Check the environment, weights and cascades.

    Where there is a params.yaml, the weights of its expression networks are checked too.
    """
    from anonbench.validate import check_environment, check_weights

    checks = check_environment()
    if config or Path("params.yaml").is_file():
        checks += check_weights(_load(config))
    for name, problem in checks:
        typer.secho(f"{'FAIL' if problem else 'ok':5}{name}{': ' + problem if problem else ''}",
                    fg="red" if problem else None)  # fmt: skip
    if any(problem for _, problem in checks):
        raise typer.Exit(1)


@app.command()
def methods() -> None:
    """List the anonymisers with the meaning of their strength."""
    from anonbench import anonymisers

    for name in anonymisers.names():
        info = anonymisers.get(name).info
        typer.echo(f"{name:15} {info.label}: {info.strength or 'no strength'}. {info.reference}")


@app.command()
def schema() -> None:
    """Print the JSON schema of params.yaml."""
    json.dump(Params.model_json_schema(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")


def _load(layers: list[Path] | None) -> Params:
    from anonbench.config import load

    try:
        return load("params.yaml", *(layers or []))
    except ConfigError as error:
        raise _fail(str(error)) from None
