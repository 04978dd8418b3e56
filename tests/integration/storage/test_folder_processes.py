"""Several processes on one folder: the executor, the client and a second executor may share one."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

from tallystick.storage.file_tree import CHUNK_BYTES
from tallystick.storage.folder import FolderStore

WRITER = """
import sys
from pathlib import Path
from tallystick.storage.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for round in range(int(sys.argv[2])):
    content = bytes([round]) * 600_000
    assert store.get(store.put(content)) == content
"""


def start(root: Path, rounds: int) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), str(rounds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_put_given_four_processes_with_the_same_content_all_read_it_back(tmp_path: Path) -> None:
    processes = [start(tmp_path, rounds=20) for _ in range(4)]
    for process in processes:
        go(process)

    complaints = [process.communicate()[1] for process in processes]

    assert complaints == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4


def test_put_given_a_killed_writer_leaves_only_whole_blocks(tmp_path: Path) -> None:
    process = start(tmp_path, rounds=250)
    go(process)
    store = FolderStore(tmp_path)
    while len(list((tmp_path / "blocks").rglob("bafkrei*"))) < 5:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()

    blocks = [file for file in (tmp_path / "blocks").rglob("*") if file.is_file()]

    assert process.returncode == -signal.SIGKILL
    assert all(store.get(file.name) for file in blocks if file.name.startswith("bafkrei"))
    assert all(len(file.read_bytes()) <= CHUNK_BYTES for file in blocks)


def test_get_given_a_reader_beside_a_writer_finds_whole_content_or_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, rounds=60)
    store = FolderStore(tmp_path)
    content = bytes([59]) * 600_000
    last = FolderStore(tmp_path / "elsewhere").put(content)
    go(process)

    while not store.has(last):
        assert process.poll() in (None, 0)

    assert hashlib.sha256(store.get(last)).digest() == hashlib.sha256(content).digest()
    process.communicate()
