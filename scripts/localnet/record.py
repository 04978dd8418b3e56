"""What is written down of a running local network, for the command line and for whoever wants to try things."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from scripts.toolchain import CACHE

DEFAULT_FOLDER = CACHE / "localnet"


class LocalnetRecord(BaseModel):
    """Paths are absolute; `pids` by process name, the process that holds all of them under `localnet`.

    Attributes:
        models: Ids of models that are registered from the start, by name.
        challenger_env: Lines for a shell, after which `tallystick challenger` works here.
    """

    rpc: str
    deployment: Path
    store: str
    dispatcher: str
    keystores: dict[str, Path]
    password_file: Path
    pids: dict[str, int]
    logs: dict[str, Path]
    models: dict[str, str] = {}
    challenger_env: Path | None = None

    def write(self, folder: Path) -> Path:
        path = folder / "localnet.json"
        temporary = path.with_suffix(".part")
        temporary.write_text(self.model_dump_json(indent=2))
        temporary.replace(path)
        return path

    @classmethod
    def read(cls, folder: Path) -> LocalnetRecord | None:
        path = folder / "localnet.json"
        return cls.model_validate_json(path.read_text()) if path.exists() else None
