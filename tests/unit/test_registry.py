"""Plug-ins are found by file name, without importing them; wrong names get a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

import anonbench
from anonbench import anonymisers, datasets, detectors, recognisers
from anonbench.registry import PACKAGES, Registry, UnknownNameError, plugin_names, unknown_name

SOURCE = Path(anonbench.__file__).parent


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_file_is_a_plugin_and_nothing_else(package: str) -> None:
    files = {p.stem for p in (SOURCE / package).glob("*.py") if not p.stem.startswith("_")}
    assert files and set(plugin_names(package)) == files


@pytest.mark.parametrize("module", [anonymisers, datasets])
def test_every_light_plugin_loads(module: object) -> None:
    for name in module.names():  # type: ignore[attr-defined]
        assert module.get(name) is not None  # type: ignore[attr-defined]


def test_names_of_package_and_of_listing_agree() -> None:
    for package, module in (("detectors", detectors), ("recognisers", recognisers)):
        assert module.names() == plugin_names(package)


def test_new_file_is_a_plugin_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "zoo_of_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_helper.py").write_text("raise RuntimeError('listing must not import')")
    (folder / "broken.py").write_text("raise RuntimeError('listing must not import')")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry[int]("zoo_of_plugins", str(folder / "__init__.py"), "animal")
    assert registry.names() == ("broken",)
    (folder / "ape.py").write_text("PLUGIN = 7")
    assert registry.names() == ("ape", "broken")
    assert registry.get("ape") == 7


def test_unknown_name_names_kind_nearest_and_all() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown anonymiser 'blurr'; did you mean 'blur'"):
        anonymisers.get("blurr")
    message = str(unknown_name("colour", "zzz", ["red", "blue"]))
    assert "did you mean" not in message and message.endswith("Known: blue, red")
    assert str(unknown_name("colour", "x", [])).endswith("Known: none")


def test_helper_modules_are_no_plugins() -> None:
    with pytest.raises(UnknownNameError):
        anonymisers.get("_base")
