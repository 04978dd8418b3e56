"""Writes tests/vectors/*.json from the Python side; unit tests and contract tests read the same files.

A second language that agrees with these files agrees with this one. `--check` writes nothing and fails where a
committed file differs from what the code would write now.
"""

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from eth_account import Account

from scripts.engine_vectors import engine
from scripts.toolchain import ROOT
from scripts.vector_samples import DOMAINS, address, all_terms, plain, sample_terms, spec, word
from tallystick.hashing import FIELD, instance_root, to_field
from tallystick.ids import JobId, ModelId, parse_address, raw
from tallystick.market.claims import (
    ModelSpec,
    Statement,
    encode_ezkl_proof,
    model_id_of,
    program_id_of,
    spec_tuple,
    statement_digest,
    statement_message,
    statement_tuple,
)
from tallystick.market.orders import (
    PERMIT2,
    Funding,
    JobOrder,
    SignedOrder,
    message_to_sign,
    nonce_place,
    order_message,
    order_tuple,
    permit2_message,
    signed_order_tuple,
)
from tallystick.market.permits import Permit, TokenDomain, domain_separator, permit_message, signed_permit
from tallystick.market.terms import (
    Assignment,
    JobTerms,
    ProofKind,
    assignment_message,
    assignment_tuple,
    job_id_of,
    terms_message,
    terms_tuple,
)
from tallystick.market.typed_data import digest_of
from tallystick.merkle import milestone_leaf, milestone_path, milestones_root

FOLDER = ROOT / "tests" / "vectors"
COUNTS = (1, 2, 3, 5, 8, 256)


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


# ---- orders.json ------------------------------------------------------------------------------------------------------

CREATOR = Account.from_key(hashlib.sha256(b"a creator who signs").digest())
"""Whose signatures stand in the vectors: ECDSA with RFC 6979's nonces, so the same on every machine."""

WITNESS_TYPE = (
    "JobOrder witness)JobOrder(JobTerms terms,uint256 nonce,uint64 startsAt,uint64 expiresAt)"
    "JobTerms(address creator,uint64 salt,bytes32 modelId,uint8 proofKind,uint8 mode,bytes32 inputRoot,"
    "bytes32 manifest,address paymentToken,uint96 minPrice,uint96 maxPrice,uint32 rampSeconds,uint96 stakeLock,"
    "uint32 acceptSeconds,uint32 exclusiveSeconds,uint32 challengeSeconds,address dispatcher,uint16 dispatcherFeeBps,"
    "uint16[] shareBps,uint32[] durationSeconds)TokenPermissions(address token,uint256 amount)"
)
"""Spelled out, not derived: Permit2 hashes this very string, and JobOrderLib builds it in its own way."""


def all_orders() -> dict[str, JobOrder]:
    signed_by = parse_address(CREATOR.address)
    usual = sample_terms("an order", creator=signed_by)
    largest = sample_terms(
        "a large order", creator=signed_by, share_bps=(1,) * 2 + (9_998,), duration_seconds=(7, 8, 9)
    )
    return {
        "usual": JobOrder(terms=usual, nonce=0, starts_at=1_700_000_000, expires_at=1_700_003_600),
        "largest numbers": JobOrder(terms=largest, nonce=2**256 - 1, starts_at=2**64 - 1, expires_at=2**64 - 1),
    }


def token_permit(order: JobOrder, chain_id: int, escrow: str) -> dict[str, Any]:
    """EIP-2612's permit of an order's deposit, as its token would check it."""
    domain = TokenDomain(name="Test dollar", version="1", chain_id=chain_id, token=order.terms.payment_token)
    permit = Permit(
        owner=order.terms.creator, spender=escrow, value=order.terms.max_price, nonce=3, deadline=order.expires_at
    )
    message = permit_message(permit, domain)
    return {
        "permit": permit.model_dump(),
        "domain": {**domain.model_dump(), "separator": domain_separator(domain)},
        "digest": digest_of(message),
        "tokenPermit": signed_permit(permit, CREATOR.sign_message(message).signature).model_dump(),
    }


def order_case(name: str, order: JobOrder) -> dict[str, Any]:
    local = DOMAINS["local"]
    made: dict[str, Any] = {}
    for funding in (Funding.ALLOWANCE, Funding.PERMIT2):
        signature = CREATOR.sign_message(message_to_sign(order, funding, local)).signature
        signed = SignedOrder(order=order, funding=funding, signature=signature)
        made[funding.name.lower()] = plain(signed_order_tuple(signed))
    word_, bits = nonce_place(order.nonce)
    return {
        "name": name,
        "order": plain(order_tuple(order)),
        "structHash": plain(order_message(order, local).body),
        "digests": {place: digest_of(order_message(order, domain)) for place, domain in DOMAINS.items()},
        "permit2Digests": {place: digest_of(permit2_message(order, domain)) for place, domain in DOMAINS.items()},
        "noncePlace": [word_, hex(bits)],
        "signedLocally": made,
        "permit": token_permit(order, local.chain_id, local.escrow),
    }


def orders() -> dict[str, Any]:
    return {
        "about": "JobOrderLib, OrderFundingLib, Permit2 and tallystick/market/orders.py; domains as in terms.json",
        "signer": CREATOR.address,
        "permit2": PERMIT2,
        "witnessType": WITNESS_TYPE,
        "cases": [order_case(name, order) for name, order in all_orders().items()],
    }


# ---- claims.json ------------------------------------------------------------------------------------------------------


def spec_case(held: ModelSpec) -> dict[str, Any]:
    model_id: ModelId = model_id_of(held)
    return {"spec": plain(spec_tuple(held)), "modelId": model_id}


def statements() -> list[Statement]:
    usual = Statement(
        chain_id=31337,
        settlement=address("settlement"),
        job_id=JobId(word("a job")),
        milestone=1,
        model_id=ModelId(word("a model")),
        input_root=word("an input"),
        start_root=word("an input"),
        output_root=word("an output"),
        proof_kind=ProofKind.OPTIMISTIC,
    )
    largest = {"schema_version": 2**16 - 1, "chain_id": 2**256 - 1, "milestone": 2**16 - 1, "proof_kind": ProofKind.ZK}
    return [usual, usual.model_copy(update=largest)]


def statement_case(statement: Statement) -> dict[str, Any]:
    return {
        "statement": plain(statement_tuple(statement)),
        "structHash": plain(statement_message(statement).body),
        "separator": plain(statement_message(statement).header),
        "digest": statement_digest(statement),
    }


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
        "about": "ModelRegistry.modelIdOf, StatementLib, InstanceLib, EzklProof and tallystick/market/claims.py",
        "specs": [spec_case(held) for held in specs],
        "statements": [statement_case(held) for held in statements()],
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


def with_flat_rows(value: dict[str, Any]) -> str:
    """JSON with every list of numbers on one line."""
    text = json.dumps(value, indent=1)
    return (
        re.sub(r"\[\s*(-?\d+(?:,\s*-?\d+)*)\s*\]", lambda row: f"[{re.sub(chr(92) + 's+', ' ', row[1])}]", text) + "\n"
    )


def files() -> dict[Path, str]:
    made = {"merkle.json": merkle(), "terms.json": terms(), "orders.json": orders(), "claims.json": claims()}
    texts = {FOLDER / name: json.dumps(value, indent=1) + "\n" for name, value in made.items()}
    # a row of numbers each on its own line would make most of this file
    return {**texts, FOLDER / "engine.json": with_flat_rows(engine())}


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
