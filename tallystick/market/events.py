"""What the contracts say happened, as typed facts. Field names are the Solidity ones in Python spelling."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tallystick.ids import AddressField, Bytes32Field, JobIdField, ModelIdField
from tallystick.market.claims import ModelSpec
from tallystick.market.disputes import DemandPoint, HexBytesField
from tallystick.market.terms import JobTerms


class LogPosition(BaseModel):
    """Where on the chain a fact stands. Two facts with one position are one fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    block_number: int
    block_hash: Bytes32Field
    block_time: int
    transaction_hash: Bytes32Field
    log_index: int


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at: LogPosition


class JobCreated(_Fact):
    event: Literal["JobCreated"] = "JobCreated"
    job_id: JobIdField
    creator: AddressField
    opened_at: int
    economy_version: int
    terms: JobTerms


class JobAssigned(_Fact):
    event: Literal["JobAssigned"] = "JobAssigned"
    job_id: JobIdField
    operator: AddressField
    agent: AddressField
    round: int
    price: int
    deadline: int


class MilestoneClaimed(_Fact):
    event: Literal["MilestoneClaimed"] = "MilestoneClaimed"
    job_id: JobIdField
    milestone: int
    operator: AddressField
    output_root: Bytes32Field
    manifest: Bytes32Field
    next_deadline: int


class MilestonePaid(_Fact):
    event: Literal["MilestonePaid"] = "MilestonePaid"
    job_id: JobIdField
    milestone: int
    operator: AddressField
    to_operator: int
    to_dispatcher: int


class JobCompleted(_Fact):
    event: Literal["JobCompleted"] = "JobCompleted"
    job_id: JobIdField
    operator: AddressField
    surplus: int


class JobReleased(_Fact):
    event: Literal["JobReleased"] = "JobReleased"
    job_id: JobIdField
    operator: AddressField
    fee: int


class JobExpired(_Fact):
    event: Literal["JobExpired"] = "JobExpired"
    job_id: JobIdField
    operator: AddressField
    finder: AddressField
    slashed: int


class JobFaulted(_Fact):
    event: Literal["JobFaulted"] = "JobFaulted"
    job_id: JobIdField
    operator: AddressField
    challenger: AddressField
    milestone: int
    slashed: int


class JobReopened(_Fact):
    event: Literal["JobReopened"] = "JobReopened"
    job_id: JobIdField
    round: int
    next_milestone: int
    bounty: int


class JobRefunded(_Fact):
    event: Literal["JobRefunded"] = "JobRefunded"
    job_id: JobIdField
    creator: AddressField
    amount: int


class OptimisticClaimed(_Fact):
    """Stated right before the MilestoneClaimed of the same claim."""

    event: Literal["OptimisticClaimed"] = "OptimisticClaimed"
    job_id: JobIdField
    milestone: int
    input_root: Bytes32Field
    trace_root: Bytes32Field


class ClaimExtended(_Fact):
    """Somebody asks for what was not published: the claim is final later."""

    event: Literal["ClaimExtended"] = "ClaimExtended"
    job_id: JobIdField
    milestone: int
    final_at: int


class FaultCommitted(_Fact):
    event: Literal["FaultCommitted"] = "FaultCommitted"
    job_id: JobIdField
    challenger: AddressField
    milestone: int


class FaultProven(_Fact):
    """`kind` as `tallystick.dispute.packing.FaultKind` counts."""

    event: Literal["FaultProven"] = "FaultProven"
    job_id: JobIdField
    challenger: AddressField
    milestone: int
    kind: int
    step: int
    element: int
    computed: int
    claimed: int


class TraceDemanded(_Fact):
    event: Literal["TraceDemanded"] = "TraceDemanded"
    job_id: JobIdField
    demand_id: Bytes32Field
    payer: AddressField
    milestone: int
    level: int
    answer_by: int
    final_at: int
    demand: DemandPoint


class TraceShown(_Fact):
    event: Literal["TraceShown"] = "TraceShown"
    job_id: JobIdField
    demand_id: Bytes32Field
    milestone: int
    answer: HexBytesField


class DemandUnanswered(_Fact):
    event: Literal["DemandUnanswered"] = "DemandUnanswered"
    job_id: JobIdField
    demand_id: Bytes32Field
    payer: AddressField
    milestone: int


class DemandReturned(_Fact):
    """`amount` in wei."""

    event: Literal["DemandReturned"] = "DemandReturned"
    job_id: JobIdField
    demand_id: Bytes32Field
    payer: AddressField
    amount: int


class ModelRegistered(_Fact):
    event: Literal["ModelRegistered"] = "ModelRegistered"
    model_id: ModelIdField
    spec: ModelSpec


class StakeSlashed(_Fact):
    event: Literal["StakeSlashed"] = "StakeSlashed"
    job_id: JobIdField
    operator: AddressField
    finder: AddressField
    amount: int
    to_finder: int
    to_creator: int
    to_bounty: int
    burned: int


class BountyPaid(_Fact):
    event: Literal["BountyPaid"] = "BountyPaid"
    job_id: JobIdField
    account: AddressField
    amount: int


class StakeDeposited(_Fact):
    event: Literal["StakeDeposited"] = "StakeDeposited"
    operator: AddressField
    amount: int


class AgentAppointed(_Fact):
    event: Literal["AgentAppointed"] = "AgentAppointed"
    operator: AddressField
    agent: AddressField


class AgentRevoked(_Fact):
    event: Literal["AgentRevoked"] = "AgentRevoked"
    operator: AddressField
    agent: AddressField


JobFact = (
    JobCreated
    | JobAssigned
    | MilestoneClaimed
    | MilestonePaid
    | JobCompleted
    | JobReleased
    | JobExpired
    | JobFaulted
    | JobReopened
    | JobRefunded
    | StakeSlashed
    | BountyPaid
    | ClaimExtended
)
"""What the book of jobs follows from; all carry `job_id`."""

DisputeFact = (
    OptimisticClaimed | FaultCommitted | FaultProven | TraceDemanded | TraceShown | DemandUnanswered | DemandReturned
)
"""What challengers and claimers do about one claim; all carry `job_id` and, but for DemandReturned, `milestone`. They change
nothing in the book: what follows from them for the job is a JobFact of its own."""

ChainFact = JobFact | DisputeFact | ModelRegistered | StakeDeposited | AgentAppointed | AgentRevoked
