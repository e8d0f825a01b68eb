"""A Slurm of several nodes on this machine, started for a test and stopped after it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SERVERS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "sinfo", "scontrol")
INSTALL = (
    "apt-get", "install", "-y", "--no-install-recommends",
    "slurmctld", "slurmd", "slurm-client", "munge",
)  # fmt: skip
QUIETLY = ("-qq", "-o", "DPkg::Lock::Timeout=120")
"""Somebody else who installs something is waited for."""
PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={base}/munge.socket
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool-%n
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd-%n.pid
SlurmctldLogFile={base}/slurmctld.log
SlurmdLogFile={base}/slurmd-%n.log
# Without systemd there are no control groups.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0
MpiDefault=none
# A node that is down stays down until somebody resumes it.
ReturnToService=0
KillWait=2
# A node that falls silent is down after so many seconds; a finished job is known for long.
SlurmdTimeout=30
MinJobAge=86400
# A job whose node goes down fails, and Snakemake submits it again.
JobRequeue=0
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} Boards=1 "
    "SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory=64000\n"
)


def missing() -> str:
    """Say what keeps a Slurm from running here; empty if nothing does. Root may install it."""
    if not _lacking():
        return ""
    why = _install()
    if not (lacking := _lacking()):
        return ""
    return f"Slurm is not here ({', '.join(lacking)}), and {why}: {' '.join(INSTALL)}"


def _install() -> str:
    """Try to install Slurm; return what kept it from being installed, if something did."""
    if os.geteuid() != 0:
        return "only root may install it"
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    for command in (("apt-get", "update"), INSTALL):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        try:
            done = subprocess.run(
                [*command, *QUIETLY], env=environment, text=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=600,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            return f"{' '.join(command)} took more than {error.timeout:g} s"
        said = done.stdout.strip()
    # Packages may be there although their lists could not be renewed: the last word counts.
    return f"apt-get said: {said[-500:]}"


def _lacking() -> list[str]:
    return [n for n in (*SERVERS, *CLIENTS) if shutil.which(n, path=PLACES) is None]


class Cluster:
    """Two nodes or more that share this machine's file system. Use as a context manager."""

    def __init__(self, nodes: int = 2, cpus: int = 2) -> None:
        # A socket's path must be short: not in the test's own folder.
        self.base = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.nodes = [f"n{k + 1}" for k in range(nodes)]
        self._write(cpus)

    def __enter__(self) -> Cluster:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if (self.base / "slurmctld.pid").exists():
            self.run("scancel", "--user", str(os.geteuid()))
            self.wait_until(lambda: not self.jobs(), 20, strict=False)
        for name in (*(f"slurmd-{n}" for n in self.nodes), "slurmctld", "munged"):
            self._stop(self.base / f"{name}.pid")
        self._end_leftovers()
        shutil.rmtree(self.base, ignore_errors=True)

    def _end_leftovers(self) -> None:
        """End what jobs left running: without control groups, Slurm may lose sight of some."""
        mark = f"SLURM_CONF={self.base}/slurm.conf".encode()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes().split(b"\0"):
                    os.kill(int(place.name), signal.SIGKILL)
            except OSError:  # it has ended, or is somebody else's
                continue

    def environment(self) -> dict[str, str]:
        """What a user of the cluster has set."""
        # The executor drops SLURM_* before its inner srun, so the clients are told by wrappers.
        return {"PATH": f"{self.base}/bin:{PLACES}", "SLURM_CONF": f"{self.base}/slurm.conf"}

    def run(self, *command: str) -> str:
        """Run a client and return what it prints; a client that hangs prints nothing."""
        env = {**os.environ, **self.environment()}
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def jobs(self, *states: str) -> dict[str, str]:
        """Return the node of every job in one of `states`, by its id; unfinished ones if none."""
        chosen = ",".join(states or ("PENDING", "RUNNING", "COMPLETING"))
        lines = self.run("squeue", "-h", "-t", chosen, "-o", "%i %N").splitlines()
        return {job: node for job, _, node in (line.partition(" ") for line in lines)}

    def told(self, what: str) -> dict[str, str]:
        """Return something of every job that there was, by its id: a field of squeue's format."""
        lines = self.run("squeue", "-h", "-t", "all", "-o", f"%i {what}").splitlines()
        return {job: value.strip() for job, _, value in (line.partition(" ") for line in lines)}

    def wait_until(self, condition, seconds: float, strict: bool = True) -> None:
        """Wait until a condition holds, and fail where it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                assert not strict, f"waited for {seconds} s\n{self.logs()}"
                return
            time.sleep(0.2)

    def logs(self) -> str:
        """The ends of the servers' logs."""
        return "\n".join(f"{p.name}: {p.read_text()[-1500:]}" for p in self.base.glob("*.log"))

    def _write(self, cpus: int) -> None:
        for name in ("state", "bin", *(f"spool-{n}" for n in self.nodes)):
            (self.base / name).mkdir()
        (self.base / "munge.key").write_bytes(secrets.token_bytes(128))
        (self.base / "munge.key").chmod(0o600)
        # munged wants every folder above its socket to be closed to others.
        self.base.chmod(0o755)
        host, ports = socket.gethostname().split(".")[0], _free_ports(len(self.nodes) + 1)
        who = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout
        text = CONF.format(host=host, port=ports[0], user=who.strip(), base=self.base)
        nodes = (
            NODE.format(name=n, host=host, port=p, cpus=cpus)
            for n, p in zip(self.nodes, ports[1:], strict=True)
        )
        head, partition = text.split("PartitionName", 1)
        conf = self.base / "slurm.conf"
        conf.write_text(f"{head}{''.join(nodes)}PartitionName{partition}")
        for name in CLIENTS:
            wrapper = self.base / "bin" / name
            wrapper.write_text(
                f'#!/bin/sh\nSLURM_CONF={conf} exec {shutil.which(name, path=PLACES)} "$@"\n'
            )
            wrapper.chmod(0o755)

    def _start(self) -> None:
        b = self.base
        self._server(
            "munged", "--force", f"--key-file={b}/munge.key", f"--socket={b}/munge.socket",
            f"--pid-file={b}/munged.pid", f"--log-file={b}/munged.log", f"--seed-file={b}/seed",
        )  # fmt: skip
        self._server("slurmctld", "-f", f"{b}/slurm.conf")
        for node in self.nodes:
            self._server("slurmd", "-f", f"{b}/slurm.conf", "-N", node)
        ready = ("sinfo", "-h", "-N", "-t", "idle", "-o", "%n")
        self.wait_until(lambda: len(self.run(*ready).split()) == len(self.nodes), 120)

    def _server(self, name: str, *arguments: str) -> None:
        path = shutil.which(name, path=PLACES)
        assert path, name
        # To a file: the daemon keeps what it inherits open, and a pipe would never end.
        with (self.base / f"{name}.start.log").open("ab") as out:
            done = subprocess.run([path, *arguments], stdout=out, stderr=out, timeout=60)
        assert done.returncode == 0, self.logs()

    def _stop(self, pid_file: Path) -> None:
        """End one server that this cluster started."""
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if _alive(pid):
                os.kill(pid, sent)
            self.wait_until(lambda: not _alive(pid), 10, strict=False)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _free_ports(n: int) -> list[int]:
    """Return ports that nobody uses just now."""
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    found = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return found
