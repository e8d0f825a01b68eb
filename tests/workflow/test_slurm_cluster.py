"""Where Slurm is not there and cannot be installed, the tests that need it say why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import slurm_cluster
from slurm_cluster import CLIENTS, SERVERS, missing

FAILS = "echo 'E: Could not resolve the archive'; exit 100"


@pytest.fixture()
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs on this machine; root is who asks."""
    monkeypatch.setattr(slurm_cluster, "PLACES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def put(path: Path, does: str) -> None:
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def test_nothing_is_missing_and_nothing_installed(bare: Path) -> None:
    for name in (*SERVERS, *CLIENTS):
        put(bare / name, "true")
    put(bare / "apt-get", f"echo called > {bare}/called")
    assert missing() == ""
    assert not (bare / "called").exists()


def test_who_is_not_root_is_told_what_to_install(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bare / "apt-get", f"echo called > {bare}/called")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    why = missing()
    assert "munged" in why and "sbatch" in why and "only root may install it" in why
    assert "apt-get install" in why and "slurmctld" in why
    assert not (bare / "called").exists()


def test_without_apt(bare: Path) -> None:
    assert "there is no apt-get" in missing()


def test_reason_of_a_failed_installation_is_passed_on(bare: Path) -> None:
    put(bare / "apt-get", FAILS)
    assert "E: Could not resolve the archive" in missing()


def test_installation_counts_by_what_is_there_after_it(bare: Path) -> None:
    made = "; ".join(
        f"printf '#!/bin/sh\\n' > {bare}/{n}; /bin/chmod +x {bare}/{n}"
        for n in (*SERVERS, *CLIENTS)
    )
    # Lists that cannot be renewed keep nobody from installing what they name.
    put(bare / "apt-get", f'if [ "$1" = update ]; then {FAILS}; fi; {made}')
    assert missing() == ""
