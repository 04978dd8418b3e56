// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobStatus, JobTerms} from "../types/JobTypes.sol";
import {Claim, Statement} from "../types/ClaimTypes.sol";
import {IJobEscrow} from "./IJobEscrow.sol";

/// @title  Claims per milestone: builds the statement, has it checked, then pays.
interface IMilestoneSettlement {
    error MilestoneSettlement_Misdeployed(address settlementOfEscrow);
    error MilestoneSettlement_NotAssigned(JobId jobId, JobStatus status);
    error MilestoneSettlement_WrongMilestone(uint16 milestone, uint16 next);
    error MilestoneSettlement_DeadlinePassed(uint64 deadline, uint64 nowAt);
    error MilestoneSettlement_InputNotInJob(bytes32 inputRoot, uint16 milestone, bytes32 jobInputRoot);
    error MilestoneSettlement_UnsupportedKind(uint8 proofKind);

    event MilestoneClaimed(
        JobId indexed jobId, uint16 indexed milestone, address indexed operator, bytes32 outputRoot, bytes32 manifest
    );

    /// @notice Claims the next milestone of an assigned job. `Zk`: the proof is checked and the milestone is paid in
    ///         this transaction.
    /// @dev    Requires: the caller is the assigned operator or its agent; the deadline has not passed; the input is the
    ///         job's. Emits MilestoneClaimed, then the escrow's MilestonePaid.
    function claim(JobTerms calldata terms, Claim calldata claimed) external;

    /// @notice The statement that `claim` would have checked. Reverts with InputNotInJob, and does not look at the job's
    ///         progress, its deadline or the proof.
    function statementOf(JobTerms calldata terms, Claim calldata claimed) external view returns (Statement memory);

    /// @notice Output root of the last paid milestone of a chained job; zero otherwise.
    function lastOutputRootOf(JobId jobId) external view returns (bytes32);

    function escrow() external view returns (IJobEscrow);
}
