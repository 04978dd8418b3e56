"""EzklVerifierAdapter.check in front of EZKL's own verifier, with real proofs.

check
├── a right proof of the statement → the magic word
├── the encoding
│   ├── is nothing, too short, or starts elsewhere → EzklVerifierAdapter_BadEncoding
│   ├── is cut off, or has something behind it → EzklVerifierAdapter_BadEncoding
│   └── says that an array is longer than everything → reverts
├── the program
│   ├── a right proof by another model → EzklVerifierAdapter_ProgramMismatch
│   ├── a key with one word changed, registered by anyone → EzklVerifierAdapter_ProgramMismatch
│   └── a key that nobody registered → EzklVerifierAdapter_ProgramNotRegistered
├── the instances
│   ├── all of them inputs, or none → EzklVerifierAdapter_BadInstanceCount
│   ├── one is an alias beyond the field → EzklVerifierAdapter_InstanceNotCanonical
│   ├── a right proof of another input → EzklVerifierAdapter_InputMismatch
│   ├── divided at another place → EzklVerifierAdapter_InputMismatch
│   ├── one is missing, or too many, or changed → EzklVerifierAdapter_OutputMismatch
│   └── as claimed, but not as proven → EzklVerifierAdapter_ProofRejected
├── the proof
│   ├── is empty, cut or prolonged, by a byte, a word, a point → EzklVerifierAdapter_BadProofLength
│   ├── is changed in any part → EzklVerifierAdapter_ProofRejected
│   └── is of another input → EzklVerifierAdapter_ProofRejected
├── the key is no artifact: too short, or with rounds beyond its end → EzklVerifierAdapter_BadProofLength
└── the verifier's answer (from a verifier that answers what it is told)
    ├── too short, no, or with another digest → EzklVerifierAdapter_ProofRejected
    └── just enough → the magic word
"""

from __future__ import annotations

from typing import Any

import pytest
import real_proofs
from brownie import chain
from ezkl_stage import deploy_ezkl_verifier
from real_proofs import R, RealProof
from refusals import Refused, plain, refusal, refused
from stage import NO_HASH, Stage, rpc, word

from tallystick.hashing import instance_root

pytestmark = pytest.mark.proofs


@pytest.fixture(scope="module")
def proofs() -> dict[str, RealProof]:
    return real_proofs.load()


@pytest.fixture(scope="module")
def right(proofs: dict[str, RealProof]) -> RealProof:
    return proofs["digits 0"]


@pytest.fixture(scope="module")
def verifier(stage: Stage, right: RealProof) -> Any:
    """EZKL's, with the first model's key registered."""
    verifier = deploy_ezkl_verifier(stage)
    verifier.registerVka(right.vka, {"from": stage.stranger})
    return verifier


@pytest.fixture(scope="module")
def adapter(stage: Stage, verifier: Any) -> Any:
    return stage.deploy("EzklVerifierAdapter", verifier)


def statement(stage: Stage, proof: RealProof, **changed: Any) -> tuple[Any, ...]:
    usual = {
        "schemaVersion": 1,
        "chainId": chain.id,
        "settlement": stage.settlement.address,
        "jobId": word("job"),
        "milestone": 0,
        "modelId": stage.model,
        "inputRoot": proof.input_root,
        "startRoot": NO_HASH,
        "outputRoot": proof.output_root,
        "proofKind": 1,
    }
    return tuple({**usual, **changed}.values())


def check_refusal(stage: Stage, adapter: Any, claimed: RealProof, brought: bytes, **changed: Any) -> Refused:
    """How the adapter refuses what is brought as a proof of the claimed statement."""
    call = (claimed.program_id, statement(stage, claimed, **changed), brought)
    return refusal(adapter.check, *call, sender=stage.stranger)


def root(instances: Any) -> str:
    return "0x" + instance_root(list(instances)).hex()


def test_check_of_a_right_proof_answers_the_magic_word(stage: Stage, adapter: Any, right: RealProof) -> None:
    answer = adapter.check(right.program_id, statement(stage, right), right.encoded())
    assert plain(answer) == adapter.check.signature


def test_check_of_a_right_proof_does_not_depend_on_the_job(stage: Stage, adapter: Any, right: RealProof) -> None:
    """The same inputs through the same program are the same work; who is paid for it is the settlement's affair."""
    other = statement(stage, right, jobId=word("another job"), milestone=7)
    assert plain(adapter.check(right.program_id, other, right.encoded())) == adapter.check.signature


# ---- encoding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("brought", [b"", bytes(0xFF), bytes(0x100), (0x40).to_bytes(32, "big") + bytes(0x100)])
def test_check_of_something_else_than_a_proof_reverts(
    stage: Stage, adapter: Any, right: RealProof, brought: bytes
) -> None:
    assert check_refusal(stage, adapter, right, brought) == refused("EzklVerifierAdapter_BadEncoding")


@pytest.mark.parametrize("change", [lambda b: b[:-32], lambda b: b + b"\x00", lambda b: b + bytes(32)])
def test_check_of_an_encoding_of_another_length_reverts(
    stage: Stage, adapter: Any, right: RealProof, change: Any
) -> None:
    brought = change(right.encoded())
    found = check_refusal(stage, adapter, right, brought)
    # Cut off, the last member ends behind the calldata, which Solidity itself refuses without a word.
    assert found in (refused("EzklVerifierAdapter_BadEncoding"), Refused(""))


def test_check_of_an_array_longer_than_everything_reverts(stage: Stage, adapter: Any, right: RealProof) -> None:
    brought = bytearray(right.encoded())
    brought[0xA0:0xC0] = (2**64 - 1).to_bytes(32, "big")
    assert check_refusal(stage, adapter, right, bytes(brought)) == Refused("")


# ---- program ----------------------------------------------------------------------------------------------------------


def test_check_of_a_right_proof_by_another_model_reverts(
    stage: Stage, adapter: Any, verifier: Any, proofs: dict[str, RealProof], right: RealProof
) -> None:
    other = proofs["other 0"]
    verifier.registerVka(other.vka, {"from": stage.stranger})
    brought = {"outputRoot": other.output_root}
    assert check_refusal(stage, adapter, right, other.encoded(), **brought) == refused(
        "EzklVerifierAdapter_ProgramMismatch", expected=right.program_id, actual=other.program_id
    )


@pytest.mark.parametrize("place", [0, 2, 140, -1])
def test_check_with_a_tampered_key_that_anyone_registered_reverts(
    stage: Stage, adapter: Any, verifier: Any, right: RealProof, place: int
) -> None:
    vka = list(right.vka)
    vka[place] = bytes.fromhex(word("tampered")[2:])
    verifier.registerVka(vka, {"from": stage.stranger})
    tampered = RealProof(right.proof, right.instances, right.input_count, tuple(vka))
    assert check_refusal(stage, adapter, right, tampered.encoded()) == refused(
        "EzklVerifierAdapter_ProgramMismatch", expected=right.program_id, actual=tampered.program_id
    )


def test_check_with_a_key_that_nobody_registered_reverts(stage: Stage, right: RealProof) -> None:
    adapter = stage.deploy("EzklVerifierAdapter", deploy_ezkl_verifier(stage))
    assert check_refusal(stage, adapter, right, right.encoded()) == refused(
        "EzklVerifierAdapter_ProgramNotRegistered", programId=right.program_id
    )


# ---- instances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inputs", [0, 7, 8])
def test_check_without_inputs_or_outputs_reverts(stage: Stage, adapter: Any, right: RealProof, inputs: int) -> None:
    brought = right.encoded(input_count=inputs)
    assert check_refusal(stage, adapter, right, brought) == refused(
        "EzklVerifierAdapter_BadInstanceCount", inputs=inputs, instances=7
    )


@pytest.mark.parametrize("index", [0, 3, 6])
def test_check_with_an_alias_of_an_instance_reverts(stage: Stage, adapter: Any, right: RealProof, index: int) -> None:
    """`x + R` is the same field element; were it let through, one result would have many hashes."""
    aliased = list(right.instances)
    aliased[index] += R
    brought = right.encoded(instances=aliased)
    assert check_refusal(stage, adapter, right, brought) == refused(
        "EzklVerifierAdapter_InstanceNotCanonical", index=index, value=aliased[index]
    )


def test_check_of_a_right_proof_of_another_input_reverts(
    stage: Stage, adapter: Any, proofs: dict[str, RealProof], right: RealProof
) -> None:
    other = proofs["digits 1"]
    assert check_refusal(stage, adapter, right, other.encoded()) == refused(
        "EzklVerifierAdapter_InputMismatch", expected=right.input_root, actual=other.input_root
    )


@pytest.mark.parametrize("inputs", [3, 5])
def test_check_with_instances_divided_elsewhere_reverts(
    stage: Stage, adapter: Any, right: RealProof, inputs: int
) -> None:
    brought = right.encoded(input_count=inputs)
    assert check_refusal(stage, adapter, right, brought) == refused(
        "EzklVerifierAdapter_InputMismatch", expected=right.input_root, actual=root(right.instances[:inputs])
    )


CHANGED_OUTPUTS = {
    "one missing": lambda instances: instances[:-1],
    "one too many": lambda instances: (*instances, 0),
    "one changed": lambda instances: (*instances[:-1], instances[-1] ^ 1),
    "two swapped": lambda instances: (*instances[:4], instances[5], instances[4], instances[6]),
}


@pytest.mark.parametrize("change", CHANGED_OUTPUTS)
def test_check_with_other_outputs_than_claimed_reverts(
    stage: Stage, adapter: Any, right: RealProof, change: str
) -> None:
    changed = CHANGED_OUTPUTS[change](right.instances)
    assert check_refusal(stage, adapter, right, right.encoded(instances=changed)) == refused(
        "EzklVerifierAdapter_OutputMismatch", expected=right.output_root, actual=root(changed[4:])
    )


@pytest.mark.parametrize("change", CHANGED_OUTPUTS)
def test_check_with_outputs_as_claimed_but_not_as_proven_reverts(
    stage: Stage, adapter: Any, right: RealProof, change: str
) -> None:
    changed = CHANGED_OUTPUTS[change](right.instances)
    brought = right.encoded(instances=changed)
    assert check_refusal(stage, adapter, right, brought, outputRoot=root(changed[4:])) == refused(
        "EzklVerifierAdapter_ProofRejected"
    )


def test_check_with_inputs_as_claimed_but_not_as_proven_reverts(stage: Stage, adapter: Any, right: RealProof) -> None:
    changed = (right.instances[0] + 1, *right.instances[1:])
    brought = right.encoded(instances=changed)
    assert check_refusal(stage, adapter, right, brought, inputRoot=root(changed[:4])) == refused(
        "EzklVerifierAdapter_ProofRejected"
    )


# ---- the proof itself -------------------------------------------------------------------------------------------------


def flipped(proof: bytes, place: int) -> bytes:
    changed = bytearray(proof)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("tenth", range(11))
def test_check_of_a_proof_with_one_byte_changed_reverts(
    stage: Stage, adapter: Any, right: RealProof, tenth: int
) -> None:
    place = (len(right.proof) - 1) * tenth // 10
    brought = right.encoded(proof=flipped(right.proof, place))
    assert check_refusal(stage, adapter, right, brought) == refused("EzklVerifierAdapter_ProofRejected")


CHANGED_PROOFS = {
    "empty": lambda proof: b"",
    "a byte shorter": lambda proof: proof[:-1],
    "a word shorter": lambda proof: proof[:-32],
    "a zero byte longer": lambda proof: proof + b"\x00",
    "a zero word longer": lambda proof: proof + bytes(32),
    "twice": lambda proof: proof + proof,
    "a point longer in front": lambda proof: proof[:64] + proof,
}


@pytest.mark.parametrize("change", CHANGED_PROOFS)
def test_check_of_a_proof_of_another_length_reverts(stage: Stage, adapter: Any, right: RealProof, change: str) -> None:
    """EZKL's reusable verifier alone takes a right proof with whole words behind it."""
    changed = CHANGED_PROOFS[change](right.proof)
    assert check_refusal(stage, adapter, right, right.encoded(proof=changed)) == refused(
        "EzklVerifierAdapter_BadProofLength", expected=len(right.proof), actual=len(changed)
    )


def test_verifier_alone_takes_a_right_proof_with_words_behind_it(stage: Stage, verifier: Any, right: RealProof) -> None:
    """Why the adapter looks at the length. Once EZKL does so itself, this fails, and both can go."""
    call = verifier.verifyProof.encode_input(right.proof + bytes(64), right.instances, right.vka)
    answer = rpc("eth_call", {"to": verifier.address, "data": call}, "latest")
    assert (int(answer[2:66], 16), "0x" + answer[66:130]) == (1, right.program_id)


@pytest.mark.parametrize("words", [0, 1, 33])
def test_check_with_a_key_too_short_to_be_one_reverts(stage: Stage, adapter: Any, right: RealProof, words: int) -> None:
    stub = RealProof(right.proof, right.instances, right.input_count, right.vka[:words])
    assert check_refusal(stage, adapter, stub, stub.encoded()) == refused(
        "EzklVerifierAdapter_BadProofLength", expected=0, actual=len(right.proof)
    )


def test_check_with_a_key_whose_rounds_go_beyond_its_end_reverts(stage: Stage, adapter: Any, right: RealProof) -> None:
    stub = RealProof(right.proof, right.instances, right.input_count, (*right.vka[:33], b"\xff" * 32))
    assert check_refusal(stage, adapter, stub, stub.encoded()) == refused(
        "EzklVerifierAdapter_BadProofLength", expected=0, actual=len(right.proof)
    )


def test_check_of_the_claimed_instances_with_the_proof_of_others_reverts(
    stage: Stage, adapter: Any, proofs: dict[str, RealProof], right: RealProof
) -> None:
    brought = right.encoded(proof=proofs["digits 1"].proof)
    assert check_refusal(stage, adapter, right, brought) == refused("EzklVerifierAdapter_ProofRejected")


# ---- a verifier that answers what it is told --------------------------------------------------------------------------


@pytest.fixture
def puppet(stage: Stage) -> Any:
    return stage.deploy("MockEzklVerifier")


YES = (1).to_bytes(32, "big")


def test_check_when_the_verifier_agrees_reads_no_more_than_two_words(
    stage: Stage, puppet: Any, right: RealProof
) -> None:
    adapter = stage.deploy("EzklVerifierAdapter", puppet)
    puppet.set(YES + bytes.fromhex(right.program_id[2:]), {"from": stage.stranger})
    answer = adapter.check(right.program_id, statement(stage, right), right.encoded())
    assert plain(answer) == adapter.check.signature


@pytest.mark.parametrize("answer", ["nothing", "too short", "no", "true but not one", "another digest"])
def test_check_when_the_verifier_answers_otherwise_reverts(
    stage: Stage, puppet: Any, right: RealProof, answer: str
) -> None:
    adapter = stage.deploy("EzklVerifierAdapter", puppet)
    digest = bytes.fromhex(right.program_id[2:])
    answers = {
        "nothing": b"",
        "too short": (YES + digest)[:63],
        "no": bytes(32) + digest,
        "true but not one": (2).to_bytes(32, "big") + digest,
        "another digest": YES + bytes.fromhex(word("another")[2:]),
    }
    puppet.set(answers[answer], {"from": stage.stranger})
    assert check_refusal(stage, adapter, right, right.encoded()) == refused("EzklVerifierAdapter_ProofRejected")
