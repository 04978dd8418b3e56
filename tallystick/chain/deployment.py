"""Where one deployment's contracts are, as `scripts/deploy.py` records it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from tallystick.errors import InputError
from tallystick.ids import AddressField, Bytes32Field
from tallystick.market.terms import SigningDomain

MAX_RECORD_BYTES = 256 * 1024


class Contracts(BaseModel):
    """Addresses by the contracts' names; the record spells them as Solidity does."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal, populate_by_name=True)

    job_escrow: AddressField
    milestone_settlement: AddressField
    stake_manager: AddressField
    model_registry: AddressField
    verifier_router: AddressField
    protocol_parameters: AddressField
    authority: AddressField
    timelock: AddressField
    ezkl_verifier_adapter: AddressField
    ezkl_verifier: AddressField
    trace_dispute: AddressField
    trace_demands: AddressField


class Tokens(BaseModel):
    """The deployment's stake token, and the test payment token where it made one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    payment: AddressField | None = None
    stake: AddressField


class Deployment(BaseModel):
    """One deployment on one chain.

    Attributes:
        block: The first block that can hold a fact of it: where a scan starts.
        ezkl_verifier_codehash: keccak-256 of the verifier's runtime code, checked when a reader connects.
    """

    # What else the record tells (gas, compiler) is for people.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, validation_alias=AliasChoices("schema_version", "schema"))
    chain_id: int = Field(ge=1)
    block: int = Field(ge=0)
    contracts: Contracts
    tokens: Tokens
    ezkl_verifier_codehash: Bytes32Field | None = None

    def domain(self) -> SigningDomain:
        """The EIP-712 domain of everything that is signed for this deployment."""
        return SigningDomain(chain_id=self.chain_id, escrow=self.contracts.job_escrow)


def _first_trouble(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the record"
    return f"{place}: {first['msg']}"


def load_deployment(path: Path) -> Deployment:
    """The record at `path`. Raises InputError where it is missing, not JSON or incomplete."""
    remedy = "Deploy with `python -m scripts.deploy`, or name the record of an existing deployment."
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RECORD_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"The deployment record {path} cannot be read: {reason}.", remedy=remedy) from error
    if len(data) > MAX_RECORD_BYTES:
        raise InputError(f"{path} is larger than any deployment record ({MAX_RECORD_BYTES} bytes).", remedy=remedy)
    try:
        return Deployment.model_validate_json(data)
    except ValidationError as error:
        trouble = _first_trouble(error)
        raise InputError(f"{path} is not a deployment record: {trouble}.", remedy=remedy) from error
