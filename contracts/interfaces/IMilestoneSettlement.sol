// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobTerms} from "../types/JobTypes.sol";
import {Claim, ClaimBatch, OptimisticClaim, Statement} from "../types/ClaimTypes.sol";
import {IJobEscrow} from "./IJobEscrow.sol";

/// @title  Claims per milestone: builds the statement, then has it checked and paid, or holds it open to fault proofs.
interface IMilestoneSettlement {
    error MilestoneSettlement_Misdeployed(address settlementOfEscrow);
    error MilestoneSettlement_InputNotInJob(bytes32 inputRoot, uint16 milestone, bytes32 jobInputRoot);
    error MilestoneSettlement_BadTraceRoot(uint256 proofLength);
    error MilestoneSettlement_TooLittleGas(uint256 available, uint256 required);
    error MilestoneSettlement_CheckFailed(address adapter);
    error MilestoneSettlement_WrongMagic(address adapter, bytes4 magic);
    error MilestoneSettlement_NotJudge(address caller, address judge);
    error MilestoneSettlement_NotFinal(uint64 finalAt, uint64 nowAt);
    error MilestoneSettlement_AlreadyFinal(uint64 finalAt, uint64 nowAt);
    error MilestoneSettlement_NothingClaimed(JobId jobId);
    /// @notice Not later than it is already, or later than three windows after the claim.
    error MilestoneSettlement_BadExtension(uint64 finalAt, uint64 most);

    /// @notice An Optimistic claim, with what a challenger needs besides the escrow's MilestoneClaimed, which follows it.
    event OptimisticClaimed(JobId indexed jobId, uint16 milestone, bytes32 inputRoot, bytes32 traceRoot);
    /// @notice The claim can be shown to be wrong until `finalAt`, because something of it was demanded.
    event ClaimExtended(JobId indexed jobId, uint16 milestone, uint64 finalAt);

    /// @notice Claims the next milestone of an assigned job. `Zk`: the proof is checked and the milestone is paid in
    ///         this transaction. `Optimistic`: the claim stands open to fault proofs for the job's `challengeSeconds`.
    /// @dev    Requires: the caller is the assigned operator or its agent; the deadline has not passed; the input is the
    ///         job's. Emits the escrow's MilestoneClaimed, and for `Zk` its MilestonePaid.
    function claim(JobTerms calldata terms, Claim calldata claimed) external;

    /// @notice `claim` for many milestones of many jobs. All or nothing: simulate it first.
    function claimMany(ClaimBatch[] calldata batches) external;

    /// @notice Pays every claim of a job whose window is over, in order. Anyone may call.
    /// @dev    Reverts with NothingClaimed where no claim waits, and with NotFinal where none is final yet.
    /// @return paid How many were paid.
    function finalize(JobTerms calldata terms) external returns (uint256 paid);

    /// @notice `finalize` for many jobs. Those with nothing to pay are skipped.
    function finalizeMany(JobTerms[] calldata terms) external returns (uint256 paid);

    /// @notice Voids the claims of a job that are not final, because the judge found `milestone`'s wrong, and slashes its
    ///         operator. Only the model's adapter.
    /// @dev    Requires: the claim is in its window. Pays first what `finalize` would pay. Emits the escrow's JobFaulted.
    function fault(JobTerms calldata terms, uint16 milestone, address challenger) external;

    /// @notice Holds a claim open for longer, because the judge waits for what was demanded of it. Only the model's adapter.
    /// @dev    Requires: the claim is in its window; `finalAt` is later than it was, and at most three times the job's
    ///         `challengeSeconds` after the claim, whatever the judge. Emits ClaimExtended.
    function extend(JobTerms calldata terms, uint16 milestone, uint64 finalAt) external;

    /// @notice The statement that `claim` would have checked. Reverts with InputNotInJob, and does not look at the job's
    ///         progress, its deadline or the proof.
    function statementOf(JobTerms calldata terms, Claim calldata claimed) external view returns (Statement memory);

    /// @notice EIP-712 digest of a statement under this contract's domain.
    function digestOf(Statement calldata statement) external view returns (bytes32);

    /// @notice The last claim of a milestone of an `Optimistic` job; it stands while the escrow has the milestone as claimed.
    function claimOf(JobId jobId, uint16 milestone) external view returns (OptimisticClaim memory);

    /// @notice Output root that was claimed last for a milestone of a chained job; zero otherwise.
    function outputRootOf(JobId jobId, uint16 milestone) external view returns (bytes32);

    function escrow() external view returns (IJobEscrow);
}
