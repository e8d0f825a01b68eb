"""The faces that come with the project: where they lie and how they get there.

Nothing heavy is imported: the workflow needs this when it starts.
"""

from __future__ import annotations

from pathlib import Path

BUNDLED_FOLDER = "data/faces"
"""Where DVC puts the rendered faces that the project comes with; the default data."""


def absent(name: str, path: str) -> str:
    """Say how to get the folder of a data set that is not there.

    Parameters
    ----------
    name : str
        The data set's entry in the configuration.
    path : str
        Its folder.
    """
    pointer = Path(path).with_name(f"{Path(path).name}.dvc")
    if pointer.is_file():
        fetch = f"dvc pull {pointer.as_posix()}"
        if Path(path) == Path(BUNDLED_FOLDER):
            return (
                f"the bundled faces are not in {path!r} yet. Get them with "
                f"`{fetch}`, which needs no network (`make demo` does it by itself)."
            )
        return f"{path!r} is not there yet. Get it with `{fetch}`."
    return (
        f"no folder {path!r}. Put the data there (docs/data.md says where to "
        f"get it), or set datasets.{name}.path to where it is."
    )
