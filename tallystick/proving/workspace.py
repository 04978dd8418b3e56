"""A folder for the files of one request to the prover."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A fresh folder that goes away afterwards; those of processes that were killed go away at the next call."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        owner = left.name.partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{os.getpid()}-", ignore_cleanup_errors=True) as path:
        yield Path(path)
