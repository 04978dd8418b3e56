"""Installs a real IPFS daemon, starts it on free loopback ports, and runs the store's suite against it.

The daemon is js-ipfs from npm: a pure JavaScript package, so that the npm registry is the only network this needs
(kubo's npm package downloads its binary from elsewhere at install). It has no peers and looks for none.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.toolchain import CACHE, ROOT, node_executable

IPFS_VERSION = "0.66.1"
IPFS = CACHE / "ipfs"
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
SUITE = ("tests/unit/storage", "tests/integration/storage")

CONFIG = {
    "Addresses": {
        "Swarm": [],
        "Delegates": [],
        "API": "/ip4/127.0.0.1/tcp/0",
        "Gateway": "/ip4/127.0.0.1/tcp/0",
        "RPC": "/ip4/127.0.0.1/tcp/0",
    },
    "Bootstrap": [],
    "Discovery": {"MDNS": {"Enabled": False}, "webRTCStar": {"Enabled": False}},
    "Pubsub": {"Enabled": False},
    "Routing": {"Type": "none"},
}
"""Port 0: the system picks a free one, and the daemon writes which into its repo's `api` file."""


def daemon_script() -> Path:
    return IPFS / "node_modules" / "ipfs" / "src" / "cli.js"


def install() -> None:
    """Installs js-ipfs once. Its dependencies' install scripts only fetch or build optional native parts: none is run."""
    ready = IPFS / f".ready-{IPFS_VERSION}"
    if ready.exists():
        return
    print(f"installing js-ipfs {IPFS_VERSION} into {IPFS.relative_to(ROOT)} (308 MB, a few minutes, once)", flush=True)
    IPFS.mkdir(parents=True, exist_ok=True)
    (IPFS / "package.json").write_text('{"private": true}')
    npm = node_executable().parent / "npm"
    # npm is a script that looks for `node` in the path
    path = f"{node_executable().parent}{os.pathsep}{os.environ['PATH']}"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    subprocess.run(
        [npm, "install", *quiet, f"ipfs@{IPFS_VERSION}"], cwd=IPFS, env={**os.environ, "PATH": path}, check=True
    )
    ready.touch()


@contextmanager
def daemon() -> Iterator[str]:
    """A daemon with an empty repo of its own; yields its API's multiaddr and stops it afterwards."""
    with tempfile.TemporaryDirectory(prefix="tallystick-ipfs-") as folder:
        repo = Path(folder) / "repo"
        settings = Path(folder) / "config.json"
        settings.write_text(json.dumps(CONFIG))
        command = [node_executable(), daemon_script()]
        environment = {**os.environ, "IPFS_PATH": str(repo)}
        log = Path(folder) / "daemon.log"
        with log.open("wb") as output:
            subprocess.run([*command, "init", "--emptyRepo", settings], env=environment, stdout=output, check=True)
            process = subprocess.Popen(
                [*command, "daemon", "--offline"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                # `node` may be a wrapper that starts the real one: a group of their own is stopped as one.
                start_new_session=True,
            )
        try:
            yield wait_until_ready(process, repo / "api", log)
        finally:
            stop(process)


def wait_until_ready(process: "subprocess.Popen[bytes]", api: Path, log: Path) -> str:
    """The API's multiaddr, once the daemon says that it is ready. Ends the program where it does not."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if b"Daemon is ready" in log.read_bytes():
            return api.read_text().strip()
        time.sleep(0.1)
    sys.exit(f"The IPFS daemon did not start within {READY_SECONDS:.0f} s. It said:\n{log.read_text()}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends the daemon, by the id of the process group that `daemon` started."""
    deadline = time.monotonic() + STOP_SECONDS
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
            while time.monotonic() < deadline:
                process.poll()  # takes note of its end, after which the group is gone
                os.killpg(process.pid, 0)
                time.sleep(0.05)
    process.wait()


def main() -> None:
    install()
    with daemon() as api:
        print(f"js-ipfs {IPFS_VERSION} answers at {api}", flush=True)
        tests = [sys.executable, "-m", "pytest", "-m", "ipfs", *SUITE, *sys.argv[1:]]
        result = subprocess.run(tests, cwd=ROOT, env={**os.environ, "TALLYSTICK_TEST_IPFS": api}, check=False)
    sys.exit(result.returncode)


if __name__ == "__main__":
    main()
