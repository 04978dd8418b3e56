// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ClaimRef} from "../types/DisputeTypes.sol";
import {OptimisticClaim, Statement} from "../types/ClaimTypes.sol";
import {JobId, JobMode, JobTerms} from "../types/JobTypes.sol";
import {StatementLib} from "./StatementLib.sol";

/// @title What the settlement keeps of an Optimistic claim, made again from what was claimed, and what names one claim.
library ClaimLib {
    using StatementLib for Statement;

    /// @dev Layout of statements that is known here. A settlement with another would have its own judge.
    uint16 private constant SCHEMA_VERSION = 1;

    /// @notice What the settlement keeps of the claim, if that is what was claimed.
    function commitmentOf(JobTerms calldata terms, address settlement, JobId jobId, ClaimRef calldata claimed)
        internal
        view
        returns (bytes32)
    {
        Statement memory statement = Statement({
            schemaVersion: SCHEMA_VERSION,
            chainId: block.chainid,
            settlement: settlement,
            jobId: jobId,
            milestone: claimed.milestone,
            modelId: terms.modelId,
            inputRoot: claimed.inputRoot,
            startRoot: terms.mode == JobMode.Chained ? claimed.inputRoot : bytes32(0),
            outputRoot: claimed.outputRoot,
            proofKind: terms.proofKind
        });
        return keccak256(abi.encode(statement.hash(), claimed.traceRoot));
    }

    /// @notice Names one claim: the same words claimed again are another. Its finality may move, its time of claiming does not.
    function keyOf(OptimisticClaim memory standing, JobId jobId, uint16 milestone) internal pure returns (bytes32) {
        return keccak256(abi.encode(jobId, milestone, standing.commitment, standing.claimedAt));
    }
}
