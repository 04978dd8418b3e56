"""Writes tests/vectors/*.json from the Python side; unit tests and contract tests read the same files.

A second language that agrees with these files agrees with this one. `--check` writes nothing and fails where a
committed file differs from what the code would write now.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from eth_account.messages import SignableMessage
from eth_utils.crypto import keccak

from scripts.toolchain import ROOT
from tallystick.hashing import FIELD, instance_root, to_field
from tallystick.ids import ZERO_ADDRESS, ZERO_BYTES32, Address, Bytes32, JobId, ModelId, bytes32, parse_address, raw
from tallystick.market.claims import ModelSpec, encode_ezkl_proof, model_id_of, program_id_of, spec_tuple
from tallystick.market.terms import (
    Assignment,
    JobMode,
    JobTerms,
    ProofKind,
    SigningDomain,
    assignment_message,
    assignment_tuple,
    job_id_of,
    terms_message,
    terms_tuple,
)
from tallystick.merkle import milestone_leaf, milestone_path, milestones_root

FOLDER = ROOT / "tests" / "vectors"
COUNTS = (1, 2, 3, 5, 8, 256)


def word(text: str) -> Bytes32:
    """A 32-byte value that nobody chose: the SHA-256 of what it stands for."""
    return bytes32(hashlib.sha256(text.encode()).digest())


def address(text: str) -> Address:
    return parse_address("0x" + hashlib.sha256(text.encode()).hexdigest()[:40])


def plain(value: Any) -> Any:
    """ABI values as JSON has them: bytes as 0x-hex, everything else as it is."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


# ---- merkle.json ------------------------------------------------------------------------------------------------------


def merkle_case(count: int) -> dict[str, Any]:
    roots = [raw(word(f"input {index} of {count}")) for index in range(count)]
    shown = range(count) if count <= 8 else (0, 1, 2, count // 2 - 1, count // 2, count - 1)
    return {
        "count": count,
        "inputRoots": plain(roots),
        "root": plain(milestones_root(roots)),
        "paths": [
            {
                "index": index,
                "leaf": plain(milestone_leaf(index, roots[index])),
                "path": plain(milestone_path(roots, index)),
            }
            for index in shown
        ],
    }


def merkle() -> dict[str, Any]:
    return {"about": "MerkleLib and tallystick/merkle.py", "cases": [merkle_case(count) for count in COUNTS]}


# ---- terms.json -------------------------------------------------------------------------------------------------------

DOMAINS = {
    "local": SigningDomain(chain_id=31337, escrow=address("escrow on a local chain")),
    "main": SigningDomain(chain_id=1, escrow=address("escrow on the main chain")),
}


def sample_terms(name: str, **changed: Any) -> JobTerms:
    usual: dict[str, Any] = {
        "creator": address(f"creator of {name}"),
        "salt": 7,
        "model_id": word(f"model of {name}"),
        "proof_kind": ProofKind.ZK,
        "mode": JobMode.PARALLEL,
        "input_root": word(f"inputs of {name}"),
        "manifest": word(f"manifest of {name}"),
        "payment_token": address("payment token"),
        "min_price": 50 * 10**18,
        "max_price": 80 * 10**18,
        "ramp_seconds": 600,
        "stake_lock": 100 * 10**18,
        "accept_seconds": 3600,
        "exclusive_seconds": 60,
        "dispatcher": address("dispatcher"),
        "dispatcher_fee_bps": 100,
        "share_bps": (5000, 5000),
        "duration_seconds": (900, 900),
    }
    return JobTerms.model_validate({**usual, **changed})


def all_terms() -> dict[str, JobTerms]:
    """Names and terms: the usual, both ends of every number, each count of milestones at an edge."""
    uneven = (*[39] * 255, 10_000 - 39 * 255)
    return {
        "two milestones": sample_terms("two milestones"),
        "one milestone, no dispatcher": sample_terms(
            "one milestone, no dispatcher",
            dispatcher=ZERO_ADDRESS,
            dispatcher_fee_bps=0,
            exclusive_seconds=0,
            share_bps=(10_000,),
            duration_seconds=(1,),
        ),
        "256 milestones": sample_terms(
            "256 milestones", share_bps=uneven, duration_seconds=tuple(60 + index for index in range(256))
        ),
        "chained": sample_terms(
            "chained", mode=JobMode.CHAINED, share_bps=(1, 9_998, 1), duration_seconds=(1, 2**32 - 1, 3)
        ),
        "largest numbers": sample_terms(
            "largest numbers",
            salt=2**64 - 1,
            min_price=2**128 - 1,
            max_price=2**128 - 1,
            ramp_seconds=2**32 - 1,
            stake_lock=2**128 - 1,
            accept_seconds=2**32 - 1,
            exclusive_seconds=2**32 - 1,
            dispatcher_fee_bps=1_000,
        ),
        "smallest numbers": sample_terms(
            "smallest numbers", salt=0, min_price=0, max_price=1, ramp_seconds=0, stake_lock=0, accept_seconds=1
        ),
    }


def digest_of(message: SignableMessage) -> str:
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()


def terms_case(name: str, terms: JobTerms) -> dict[str, Any]:
    return {
        "name": name,
        "terms": plain(terms_tuple(terms)),
        "structHash": plain(terms_message(terms, DOMAINS["local"]).body),
        "jobIds": {place: job_id_of(terms, domain) for place, domain in DOMAINS.items()},
    }


def assignment_case(assignment: Assignment) -> dict[str, Any]:
    messages = {place: assignment_message(assignment, domain) for place, domain in DOMAINS.items()}
    return {
        "assignment": plain(assignment_tuple(assignment)),
        "structHash": plain(messages["local"].body),
        "digests": {place: digest_of(message) for place, message in messages.items()},
    }


def price_cases(terms: JobTerms) -> list[dict[str, int]]:
    opened_at = 1_700_000_000
    moments = (0, 1, 7, 299, 300, 599, 600, 601, 10**6)
    return [
        {"openedAt": opened_at, "now": opened_at + elapsed, "price": terms.price_at(opened_at, opened_at + elapsed)}
        for elapsed in moments
    ]


def terms() -> dict[str, Any]:
    named = all_terms()
    usual = named["two milestones"]
    first = job_id_of(usual, DOMAINS["local"])
    assignments = [
        Assignment(job_id=first, operator=address("operator"), round=1, expires_at=1_700_000_030),
        Assignment(job_id=JobId(word("any job")), operator=address("another"), round=2**32 - 1, expires_at=2**64 - 1),
    ]
    return {
        "about": "JobTermsLib, AssignmentLib and tallystick/market/terms.py; terms and assignments in ABI order",
        "domains": {
            place: {
                "chainId": domain.chain_id,
                "escrow": domain.escrow,
                "separator": plain(terms_message(usual, domain).header),
            }
            for place, domain in DOMAINS.items()
        },
        "cases": [terms_case(name, held) for name, held in named.items()],
        "assignments": [assignment_case(assignment) for assignment in assignments],
        "prices": {"terms": "two milestones", "cases": price_cases(usual)},
    }


# ---- claims.json ------------------------------------------------------------------------------------------------------


def spec(name: str, **changed: Any) -> ModelSpec:
    usual: dict[str, Any] = {
        "proof_kind": ProofKind.ZK,
        "semantics_version": 1,
        "adapter": address("adapter"),
        "program_id": word(f"program of {name}"),
        "weights_root": ZERO_BYTES32,
        "manifest": word(f"model manifest of {name}"),
    }
    return ModelSpec.model_validate({**usual, **changed})


def spec_case(held: ModelSpec) -> dict[str, Any]:
    model_id: ModelId = model_id_of(held)
    return {"spec": plain(spec_tuple(held)), "modelId": model_id}


def claims() -> dict[str, Any]:
    specs = [
        spec("a circuit"),
        spec("another circuit"),
        spec(
            "largest",
            schema_version=2**16 - 1,
            semantics_version=2**32 - 1,
            proof_kind=ProofKind.OPTIMISTIC,
            weights_root=word("weights"),
        ),
    ]
    lists = [[], [0], [1, 2, 3], [to_field(-1), to_field(-128), 127], [FIELD - 1] * 3, list(range(64))]
    vka = [raw(word(f"vka word {index}")) for index in range(5)]
    proof = hashlib.sha256(b"proof").digest() * 3
    return {
        "about": "ModelRegistry.modelIdOf, InstanceLib, EzklProof and tallystick/market/claims.py",
        "specs": [spec_case(held) for held in specs],
        "instances": [
            {"words": [hex(element) for element in elements], "root": plain(instance_root(elements))}
            for elements in lists
        ],
        "programs": [{"vka": plain(vka[:count]), "programId": program_id_of(vka[:count])} for count in (1, 5)],
        "ezklProofs": [
            {
                "inputCount": 2,
                "instances": [hex(element) for element in lists[2]],
                "vka": plain(vka),
                "proof": plain(proof),
                "encoded": plain(encode_ezkl_proof(input_count=2, instances=lists[2], vka=vka, proof=proof)),
            }
        ],
    }


def files() -> dict[Path, str]:
    made = {"merkle.json": merkle(), "terms.json": terms(), "claims.json": claims()}
    return {FOLDER / name: json.dumps(value, indent=1) + "\n" for name, value in made.items()}


def main() -> None:
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        if stale:
            names = ", ".join(path.name for path in stale)
            sys.exit(f"tests/vectors differ from the code: {names}. If that is meant: python -m scripts.make_vectors")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(files()[path])
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
