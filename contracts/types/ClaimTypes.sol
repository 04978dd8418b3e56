// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobTerms, ModelId, ProofKind} from "./JobTypes.sol";

/// @notice What a proof is about. `MilestoneSettlement` builds it from storage and terms, never from a prover's words.
struct Statement {
    uint16 schemaVersion;
    uint256 chainId;
    address settlement;
    JobId jobId;
    uint16 milestone;
    ModelId modelId;
    bytes32 inputRoot;
    bytes32 startRoot;
    bytes32 outputRoot;
    ProofKind proofKind;
}

/// @notice What an executor claims for one milestone.
struct Claim {
    uint16 milestone;
    bytes32 inputRoot; //     of this milestone's input
    bytes32[] inputProof; //  MerkleLib path from it to the job's inputRoot; empty when chained
    bytes32 outputRoot;
    bytes32 manifest; //      SHA-256 of the result manifest: where the output is
    bytes proof; //           Zk: in the form that the model's adapter reads. Optimistic: the trace root, 32 bytes
}

/// @notice Claims of one job, in the order of their milestones.
struct ClaimBatch {
    JobTerms terms;
    Claim[] claims;
}

/// @notice What is kept of an Optimistic claim.
struct OptimisticClaim {
    bytes32 commitment; // keccak256(abi.encode(hashStruct(statement), traceRoot))
    uint64 finalAt; //     last second in which it can be shown to be wrong
    uint64 claimedAt;
}

/// @notice What a model is. Its hash is the ModelId, so no field can change.
struct ModelSpec {
    uint16 schemaVersion;
    ProofKind proofKind;
    uint32 semanticsVersion;
    address adapter; //      checks this model's proofs, one of the router's
    bytes32 programId; //    Zk: keccak-256 of the verifying-key artifact's words
    bytes32 weightsRoot; //  zero where the program already pins the weights (EZKL's fixed parameters)
    bytes32 manifest; //     SHA-256 of the model manifest: where the ONNX file and the circuit's settings are
}
