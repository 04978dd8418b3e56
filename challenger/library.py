"""Programs by their id: fetched once, checked by their hash, kept on disk, and the last few in memory, ready to run."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from tallystick.engine.backends import Backend, Plan
from tallystick.engine.commitments import ProgramCommitment, program_commitment
from tallystick.engine.encoding import decode_program
from tallystick.engine.program import Program
from tallystick.errors import ArtifactCorruptError, ArtifactTooLargeError, ModelError, TallystickError
from tallystick.ids import Bytes32, raw
from tallystick.logs import get_logger
from tallystick.market.claims import ModelSpec
from tallystick.market.manifests import ArtifactRef, ProgramManifest
from tallystick.service.home import write_atomic
from tallystick.storage.manifests import get_model_manifest
from tallystick.storage.store import Store
from tallystick.units import format_size

log = get_logger(__name__)

HELD = 2
"""Programs in memory: most claims in a row are of one model."""


@dataclass(frozen=True)
class Prepared:
    """A program that is what the chain says it is.

    Attributes:
        plan: Of the backend that runs it.
        run_bytes: Held by one run, trace and constants together.
    """

    program: Program
    commitment: ProgramCommitment
    plan: Plan
    run_bytes: int


def fetch(store: Store, ref: ArtifactRef, most: int) -> bytes:
    """An artifact of the announced size, which is at most `most`. Raises ArtifactError."""
    if ref.size_bytes > most:
        raise ArtifactTooLargeError(
            f"The artifact {ref.cid} is announced with {format_size(ref.size_bytes)}; {format_size(most)} is the bound."
        )
    data = store.get(ref.cid, max_bytes=ref.size_bytes)
    if len(data) != ref.size_bytes:
        raise ArtifactCorruptError(f"The artifact {ref.cid} has {len(data)} bytes, and {ref.size_bytes} are announced.")
    return data


class Library:
    """
    Args:
        folder: Of the files; nobody else writes there.
        store: Where creators publish them.
        max_bytes: Of one program's file.
        cache_bytes: Of all files; those that were not read for longest are removed.
    """

    def __init__(self, folder: Path, store: Store, backend: Backend, *, max_bytes: int, cache_bytes: int) -> None:
        self._folder = folder
        self._store = store
        self._backend = backend
        self._max_bytes = max_bytes
        self._cache_bytes = cache_bytes
        self._held: OrderedDict[Bytes32, Prepared] = OrderedDict()

    def program(self, spec: ModelSpec) -> Prepared:
        """The program of a model's specification.

        Raises:
            ArtifactError: it cannot be had.
            ModelError: it is not what the chain says, or none that this release runs.
        """
        prepared = self._held.get(spec.program_id) or self._kept(spec.program_id) or self._fetched(spec)
        self._held[spec.program_id] = prepared
        self._held.move_to_end(spec.program_id)
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return prepared

    def _kept(self, program_id: Bytes32) -> Prepared | None:
        path = self._path(program_id)
        try:
            prepared = self._prepared(program_id, path.read_bytes())
        except OSError:
            return None
        except TallystickError as error:
            log.warning("program_discarded", program_id=program_id, reason=str(error))
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
        return prepared

    def _fetched(self, spec: ModelSpec) -> Prepared:
        manifest = get_model_manifest(self._store, spec.manifest)
        if not isinstance(manifest, ProgramManifest):
            raise ModelError(f"The model's manifest {spec.manifest} is of another proof kind.")
        if manifest.program_id != spec.program_id:
            raise ModelError(
                f"The model's manifest is about program {manifest.program_id}, its registration about {spec.program_id}."
            )
        data = fetch(self._store, manifest.program, self._max_bytes)
        prepared = self._prepared(spec.program_id, data)
        write_atomic(self._path(spec.program_id), data)
        self._tidy()
        return prepared

    def _prepared(self, program_id: Bytes32, data: bytes) -> Prepared:
        program = decode_program(data)
        commitment = program_commitment(program)
        if commitment.program_hash != raw(program_id):
            raise ModelError(
                f"The program's file hashes to 0x{commitment.program_hash.hex()}, the chain has {program_id}."
            )
        held = sum(each.byte_size for each in (*program.constant_headers, *program.inputs))
        run_bytes = held + sum(step.header.byte_size for step in program.steps)
        return Prepared(program, commitment, self._backend.prepare(program), run_bytes)

    def _path(self, program_id: Bytes32) -> Path:
        return self._folder / f"{program_id}.program"

    def _tidy(self) -> None:
        """All but the newest always goes where it is too much."""
        files = sorted(self._folder.glob("*.program"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for place, path in enumerate(files):
            total += path.stat().st_size
            if place and total > self._cache_bytes:
                path.unlink(missing_ok=True)
