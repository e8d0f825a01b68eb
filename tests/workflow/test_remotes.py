"""Data and weights go to a DVC remote and come back: a folder, and S3 by a server right here."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Clone, commit, make_clone

pytestmark = pytest.mark.slow

KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
FILES = {
    "data/mine/labels.csv": b"path,subject\na.png,a\n",
    "data/mine/a.png": bytes(range(256)) * 40,
    "data/weights/mine.safetensors": b"weights" * 1000,
}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server that forgets everything when it ends."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while True:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def bucket(address: str) -> None:
    """Make the bucket, as an owner of an account does once."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=address, region_name="eu-west-1", aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    client.create_bucket(
        Bucket="faces", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_data_and_weights_come_back(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    clone = make_clone(tmp_path / "clone")
    for name, content in FILES.items():
        (clone.path / name).parent.mkdir(parents=True, exist_ok=True)
        (clone.path / name).write_bytes(content)
    if kind == "s3":
        address = request.getfixturevalue("s3")
        bucket(address)
        clone.ok("dvc", "remote", "add", "store", "s3://faces/anonbench")
        clone.ok("dvc", "remote", "modify", "store", "endpointurl", address)
    else:
        clone.ok("dvc", "remote", "add", "store", str(tmp_path / "store"))
    tracked = ("data/mine", "data/weights/mine.safetensors")
    clone.ok("dvc", "add", *tracked)
    clone.ok("dvc", "push", "-r", "store", *tracked, **KEYS)
    clone.ok("git", "add", "-f", *(f"{name}.dvc" for name in tracked))
    commit(clone, "pushed")
    fresh = Clone(tmp_path / "fresh")
    clone.ok("git", "clone", "-q", str(clone.path), str(fresh.path))
    assert not (fresh.path / "data/mine").exists()
    # Without the way to the remote nothing comes, and DVC says so.
    assert fresh.run("dvc", "pull", *tracked).returncode != 0
    fresh.ok("dvc", "pull", "-r", "store", *tracked, **KEYS)
    for name, content in FILES.items():
        assert (fresh.path / name).read_bytes() == content, name
