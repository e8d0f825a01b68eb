"""Which files of the library a piece of it needs: so that edited code reruns what depends on it.

Snakemake notices an edited script but not the modules it imports. The closure computed here is an
input of every rule, and its digest a parameter of every DVC stage.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

PACKAGE = "anonbench"
ROOT = Path(__file__).parent

_PREPARED = f"{PACKAGE}.anonymisers._prepared"


def _path(module: str) -> Path | None:
    """Return the file of a module of the package, None if there is no such module."""
    stem = ROOT.joinpath(*module.split(".")[1:])
    return next((p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file()), None)


@cache
def imports(file: Path) -> frozenset[str]:
    """Return the modules of the package that a Python file names in its import statements.

    Importing ``a.b`` runs ``a/__init__.py`` too, so the packages above are included.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    own = {m for m in found if m.split(".")[0] == PACKAGE}
    parents = {m.rsplit(".", k)[0] for m in own for k in range(m.count(".") + 1)}
    return frozenset(m for m in own | parents if m and _path(m))


def closure(files: Iterable[Path], plugins: Iterable[str] = ()) -> list[Path]:
    """Return all files of the package that some files need, directly or not.

    Parameters
    ----------
    files : iterable of Path
        Where to start, e.g. a rule's script.
    plugins : iterable of str
        Modules that are chosen by name at run time, e.g. ``anonbench.anonymisers.blur``.

    Returns
    -------
    list of Path
        Sorted; without the starting files that lie outside the package.
    """
    waiting = [m for f in files for m in imports(f)] + list(plugins)
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        path = _path(module)
        if module in seen or path is None:
            continue
        seen.add(module)
        waiting.extend(imports(path))
        if module.count(".") > 1:
            waiting.append(module.rsplit(".", 1)[0])
    paths = {p for m in seen if (p := _path(m))}
    # Templates and the like lie beside the code that reads them.
    extra = (q for p in paths for q in (p.parent / "templates").glob("*") if q.is_file())
    return sorted(paths | set(extra))


def is_prepared(anonymiser: str) -> bool:
    """Tell whether an anonymiser has to see a data set first, without importing it.

    It says so by importing `anonbench.anonymisers._prepared`, by itself or by what it imports.
    """
    plugin = _path(f"{PACKAGE}.anonymisers.{anonymiser}")
    if plugin is None:
        return False
    return _path(_PREPARED) in closure([plugin])


def digest(files: Iterable[Path], root: Path) -> str:
    """Return one SHA-256 over names (relative to `root`) and contents of files, in any order."""
    total = hashlib.sha256()
    for file in sorted(set(files)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(root).as_posix()}:{content}\n".encode())
    return total.hexdigest()


def digests(
    groups: Mapping[str, Mapping[str, Iterable[Path]]], root: Path
) -> dict[str, dict[str, str]]:
    """Return the digest of every named group of files, in the nesting given."""
    return {
        kind: {name: digest(files, root) for name, files in entries.items()}
        for kind, entries in groups.items()
    }


def joined(code: str, weights: Mapping[str, str]) -> str:
    """Return one SHA-256 over a digest of code and those of weights by name."""
    lines = [f"{name}:{found}\n" for name, found in sorted(weights.items())]
    return hashlib.sha256("".join([f"{code}\n", *lines]).encode()).hexdigest()
