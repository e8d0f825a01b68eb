"""File names of the drawn faces, apart from the drawing: the workflow lists them as outputs."""

from __future__ import annotations

DRAWN_FOLDER = "data/drawn"
"""Where the workflow puts the set that the project draws itself."""

DRAWN = {"subjects": 12, "views": 4}
"""Size of that set."""


def drawn_path(subject: int, view: int) -> str:
    """Return the path of one picture in the set's folder (POSIX, relative)."""
    return f"{subject:02d}/{view}.png"


def drawn_paths(subjects: int = 12, views: int = 4) -> list[str]:
    """Return the paths of all pictures, subject by subject."""
    return [drawn_path(subject, view) for subject in range(subjects) for view in range(views)]
