"""A real Slurm of one node in a private configuration: its own key, socket, ports and folders.

Nothing of the machine's own Slurm or munge is read or touched. The daemons stay in the foreground
of processes we started, and `stop` ends those.

    python -m tests.slurm.cluster    starts one and prints how to use it, until Ctrl-C
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGES = ["slurm-wlm", "munge"]
MAX_ARRAY_SIZE = 3  # small, so that a short sweep is longer
CONFIGURATION = """
ClusterName=harness-tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it starts again.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MaxArraySize={max_array_size}
KillWait=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# Tell a job that it is preempted by the signal it asked for. Without, the batch shell hears nothing
# until its grace time is over; then comes SIGTERM, and Slurm itself requeues.
SlurmctldParameters=preempt_send_user_signal
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 GraceTime=12 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=9 PreemptMode=OFF State=UP
"""


def install():
    """Install Slurm where it is missing; why that is not possible, or None."""
    if all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch", "munged")):
        return None if os.geteuid() == 0 else "Slurm's daemons need root here"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "Slurm is not installed, and installing it takes root on Debian"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        ended = subprocess.run(["apt-get", "-q", *command], env=environment, **quiet)
        if ended.returncode:
            return f"apt-get {command[0]} failed: {ended.stderr.strip()[-200:]}"
    return None


class Cluster:
    """The daemons of one cluster; its clients need `environment`."""

    def __init__(self, cores=2):
        self.folder = Path(
            tempfile.mkdtemp(prefix="slurm-", dir="/tmp")
        )  # a socket's path is short
        self.host = socket.gethostname().split(".")[0]
        self.configuration = self.folder / "slurm.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                host=self.host,
                controller_port=free_port(),
                node_port=free_port(),
                max_array_size=MAX_ARRAY_SIZE,
                cores=min(cores, os.cpu_count()),
            )
        )
        self.daemons = []

    @property
    def environment(self):
        return {**os.environ, "SLURM_CONF": str(self.configuration)}

    def start(self):
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        self._start_munge()
        configuration = ["-f", str(self.configuration)]
        self._start("slurmctld", "-D", *configuration)
        self._start("slurmd", "-D", *configuration, "-N", self.host)
        deadline = time.monotonic() + 60
        while "idle" not in self.client("sinfo", "--noheader", "--format=%T", check=False):
            if time.monotonic() > deadline:
                logs = [path.read_text()[-2000:] for path in self.folder.glob("*.[lo][ou][gt]")]
                raise RuntimeError("Slurm did not come up:\n" + "\n".join(logs))
            time.sleep(0.2)

    def _start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self._start(
            "munged",
            "--foreground",
            "--force",  # a folder under /tmp that others may write would stop it
            f"--socket={self.folder}/munge.socket",
            f"--key-file={key}",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log",
            f"--seed-file={self.folder}/munged.seed",
        )
        deadline = time.monotonic() + 30
        while not (self.folder / "munge.socket").exists():
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "munged.out").read_text()[-2000:])
            time.sleep(0.05)

    def _start(self, name, *arguments):
        with open(self.folder / f"{name}.out", "w") as out:
            self.daemons.append(
                subprocess.Popen(
                    [shutil.which(name), *arguments],
                    stdout=out,
                    stderr=out,
                    stdin=subprocess.DEVNULL,
                    env=self.environment,
                    start_new_session=True,
                    preexec_fn=_end_with_us,
                )
            )

    def stop(self):
        """End all jobs, then the daemons, each waited for."""
        if len(self.daemons) == 3:
            self.client("scancel", "--me", "--signal=KILL", check=False)
            self.client("scancel", "--me", check=False)
            deadline = time.monotonic() + 20
            while self.client("squeue", "--noheader", check=False).strip():
                if time.monotonic() > deadline:
                    break
                time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, *command, check=True):
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if check and ended.returncode:
            raise RuntimeError(f"{command}: {ended.stderr}")
        return ended.stdout

    @contextlib.contextmanager
    def without(self, setting):
        """The cluster reconfigured, for a while, without the line of its configuration."""
        whole = self.configuration.read_text()
        assert f"{setting}\n" in whole
        try:
            self._reconfigure(whole.replace(f"{setting}\n", ""))
            yield
        finally:
            self._reconfigure(whole)

    def _reconfigure(self, text):
        self.configuration.write_text(text)
        self.client("scontrol", "reconfigure")

    def queue(self):
        return self.client("squeue", "--noheader", "--array", "--format=%i %T %r").splitlines()

    def wait_until_empty(self, seconds=180):
        deadline = time.monotonic() + seconds
        while lines := self.queue():
            if time.monotonic() > deadline:
                raise AssertionError(f"still in the queue after {seconds} seconds: {lines}")
            time.sleep(0.3)


def _end_with_us():
    """In a daemon before it is one: SIGTERM when the process that started it dies, however."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def main():
    if reason := install():
        sys.exit(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cluster = Cluster()
    try:
        cluster.start()
        print(f"export SLURM_CONF={cluster.configuration}", flush=True)
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
