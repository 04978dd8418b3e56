from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from executor_builders import JOB_ID, ONNX, SETTINGS, VKA, hash_of, model_manifest, tensors
from executor_prover import QuickProver, Trap

from executor.proofs import find_proof, save_proof
from executor.runner import ProofRunner
from tallystick.errors import ProverFailedError
from tallystick.market.claims import program_id_of
from tallystick.proving.prover import CircuitFiles, Limits, Proved
from tallystick.storage.folder import FolderStore

PROGRAM = program_id_of(VKA)


@pytest.fixture
def circuit(tmp_path: Path) -> CircuitFiles:
    return CircuitFiles(model_manifest(FolderStore(tmp_path / "store")), ONNX, SETTINGS, tmp_path / "srs")


@pytest.fixture
def proved(circuit: CircuitFiles) -> Proved:
    return QuickProver(Trap()).prove(circuit, tensors(0), limits=Limits())


def test_find_proof_given_what_was_saved_returns_it(tmp_path: Path, proved: Proved) -> None:
    save_proof(tmp_path / "0.proof", proved)

    assert find_proof(tmp_path / "0.proof", PROGRAM, tensors(0)) == proved


def test_find_proof_given_nothing_there_finds_none(tmp_path: Path) -> None:
    assert find_proof(tmp_path / "0.proof", PROGRAM, tensors(0)) is None


@pytest.mark.parametrize("place", [0, 40, -5])
def test_find_proof_given_one_changed_byte_finds_none(tmp_path: Path, proved: Proved, place: int) -> None:
    save_proof(tmp_path / "0.proof", proved)
    data = bytearray((tmp_path / "0.proof").read_bytes())
    data[place] ^= 1
    (tmp_path / "0.proof").write_bytes(data)

    assert find_proof(tmp_path / "0.proof", PROGRAM, tensors(0)) is None


@pytest.mark.parametrize("kept", [0, 10, 32, 100])
def test_find_proof_given_a_file_cut_short_finds_none(tmp_path: Path, proved: Proved, kept: int) -> None:
    save_proof(tmp_path / "0.proof", proved)
    (tmp_path / "0.proof").write_bytes((tmp_path / "0.proof").read_bytes()[:kept])

    assert find_proof(tmp_path / "0.proof", PROGRAM, tensors(0)) is None


def test_find_proof_given_another_input_finds_none(tmp_path: Path, proved: Proved) -> None:
    save_proof(tmp_path / "0.proof", proved)

    assert find_proof(tmp_path / "0.proof", PROGRAM, tensors(1)) is None


def test_find_proof_given_another_program_finds_none(tmp_path: Path, proved: Proved) -> None:
    save_proof(tmp_path / "0.proof", proved)

    assert find_proof(tmp_path / "0.proof", hash_of("other"), tensors(0)) is None


def test_find_proof_given_outputs_that_are_not_the_instances_finds_none(tmp_path: Path, proved: Proved) -> None:
    other = proved.outputs.model_copy(update={"values": ((7, 7),)})
    save_proof(tmp_path / "0.proof", replace(proved, outputs=other))

    assert find_proof(tmp_path / "0.proof", PROGRAM, tensors(0)) is None


async def test_prove_given_a_restart_takes_the_proof_from_disk(tmp_path: Path, circuit: CircuitFiles) -> None:
    first, second = QuickProver(Trap()), QuickProver(Trap())
    about: dict[str, Any] = {"job_id": JOB_ID, "milestone": 0, "deadline": 9}
    made = await ProofRunner(first, tmp_path, Limits()).prove(circuit, tensors(0), **about)

    assert await ProofRunner(second, tmp_path, Limits()).prove(circuit, tensors(0), **about) == made
    assert second.proofs.total() == 0


async def test_prove_given_fresh_proves_again_and_replaces_the_file(tmp_path: Path, circuit: CircuitFiles) -> None:
    prover = QuickProver(Trap())
    runner = ProofRunner(prover, tmp_path, Limits())
    about: dict[str, Any] = {"job_id": JOB_ID, "milestone": 0, "deadline": 9}
    prover.lies = 1
    await runner.prove(circuit, tensors(0), **about)

    fresh = await runner.prove(circuit, tensors(0), **about, fresh=True)

    assert (fresh.proof, await runner.prove(circuit, tensors(0), **about)) == (b"a proof", fresh)


class SlowProver(QuickProver):
    """Counts how many prove at once."""

    def __init__(self) -> None:
        super().__init__(Trap())
        self.inside = 0
        self.most = 0

    def prove(self, *arguments: Any, **options: Any) -> Proved:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            return super().prove(*arguments, **options)
        finally:
            self.inside -= 1


async def test_prove_given_several_at_once_proves_one_at_a_time(tmp_path: Path, circuit: CircuitFiles) -> None:
    prover = SlowProver()
    runner = ProofRunner(prover, tmp_path, Limits())

    await asyncio.gather(
        *(runner.prove(circuit, tensors(m), job_id=JOB_ID, milestone=m, deadline=9 - m) for m in range(4))
    )

    assert (prover.most, prover.proofs.total()) == (1, 4)


async def test_prove_given_nobody_waits_any_more_keeps_its_proof(tmp_path: Path, circuit: CircuitFiles) -> None:
    runner = ProofRunner(QuickProver(Trap()), tmp_path, Limits())
    waiting = asyncio.create_task(runner.prove(circuit, tensors(0), job_id=JOB_ID, milestone=0, deadline=9))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    await runner.prove(circuit, tensors(1), job_id=JOB_ID, milestone=1, deadline=9)

    assert (tmp_path / JOB_ID / "0.proof").exists()


async def test_prepare_given_a_prover_that_fails_passes_its_error_on(tmp_path: Path, circuit: CircuitFiles) -> None:
    prover = QuickProver(Trap())
    prover.trouble = ProverFailedError("no")

    with pytest.raises(ProverFailedError):
        await ProofRunner(prover, tmp_path, Limits()).prepare(circuit, job_id=JOB_ID, deadline=9)
