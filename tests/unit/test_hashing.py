from __future__ import annotations

from pathlib import Path

import pytest

from anonbench.hashing import sha256


def test_digest_of_known_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc")  # the example of FIPS 180-2, appendix B.1
    assert sha256(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(str(file)) == sha256(file)


def test_large_file_is_read_in_parts(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"a" * 1_000_000)  # appendix B.3
    assert sha256(file) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "nothing")
