"""What a transaction was told to do, read back from the chain: data that a claim carried is published for good."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationError

from tallystick.chain.abi import contract_abi
from tallystick.chain.facts import hex_bytes
from tallystick.chain.reader import ChainReader
from tallystick.errors import ChainError
from tallystick.ids import Bytes32, JobId, raw
from tallystick.market.claims import Claim
from tallystick.market.terms import JobTerms, job_id_of

Creation = Literal["allowance", "permit", "order", "contract"]
"""`order`: signed by the creator, sent by somebody else. `contract`: through another contract, which knows how."""

_CREATIONS: dict[str, Creation] = {
    "createJob": "allowance",
    "createJobWithPermit": "permit",
    "postOrder": "order",
    "acceptOrder": "order",
}


def read_claims(calldata: bytes) -> tuple[tuple[JobTerms, Claim], ...]:
    """The claims in the calldata of `MilestoneSettlement.claim` or `claimMany`, each with its job's terms, in order.

    Empty for any other call.
    """
    functions = contract_abi("MilestoneSettlement").functions
    try:
        if calldata[:4] == functions["claimMany"].selector:
            [batches] = functions["claimMany"].decode_arguments(calldata)
        else:
            terms, claimed = functions["claim"].decode_arguments(calldata)
            batches = [{"terms": terms, "claims": [claimed]}]
        return tuple(pair for batch in batches for pair in _claims_in(batch))
    except (ChainError, ValidationError):
        return ()


def _claims_in(batch: dict[str, Any]) -> list[tuple[JobTerms, Claim]]:
    terms = JobTerms.model_validate(batch["terms"])
    claims = [Claim.model_validate({**claimed, "proof": raw(claimed["proof"])}) for claimed in batch["claims"]]
    return [(terms, claim) for claim in claims]


async def creation_in(reader: ChainReader, transaction_hash: Bytes32) -> Creation | None:
    """How a transaction that created a job brought in its deposit. None where the endpoint has no such transaction.

    Raises ChainUnavailableError.
    """
    found = await reader.rpc.request("eth_getTransactionByHash", transaction_hash)
    if found is None:
        return None
    is_direct = str(found["to"]).lower() == reader.deployment.contracts.job_escrow.lower()
    selector = hex_bytes(found["input"])[:4]
    functions = contract_abi("JobEscrow").functions
    ways = {functions[name].selector: way for name, way in _CREATIONS.items()}
    return ways.get(selector, "contract") if is_direct else "contract"


async def claim_in(reader: ChainReader, transaction_hash: Bytes32, job_id: JobId, milestone: int) -> Claim | None:
    """The claim of a job's milestone that a transaction made.

    None where the endpoint has no such transaction, or where the claim was made through another contract, whose
    calldata has another form. Raises ChainUnavailableError.
    """
    found = await reader.rpc.request("eth_getTransactionByHash", transaction_hash)
    claims = () if found is None else read_claims(hex_bytes(found["input"]))
    domain = reader.deployment.domain()
    wanted = (claim for terms, claim in claims if claim.milestone == milestone and job_id_of(terms, domain) == job_id)
    return next(wanted, None)
