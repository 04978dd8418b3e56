// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assignment, JobId, JobMode, JobState, JobStatus, JobTerms} from "../types/JobTypes.sol";
import {IModelRegistry} from "./IModelRegistry.sol";
import {IStakeManager} from "./IStakeManager.sol";

/// @title  Jobs, deposits, assignment, refunds. The only contract that holds creators' money.
/// @notice No function is reserved for an owner: there is none.
interface IJobEscrow {
    error JobEscrow_Misdeployed(address escrowOfStakeManager);
    error JobEscrow_BadTerms(string reason);
    error JobEscrow_NotCreator(address caller, address creator);
    error JobEscrow_JobExists(JobId jobId);
    error JobEscrow_WrongStatus(JobId jobId, JobStatus status, JobStatus wanted);
    error JobEscrow_UnexpectedAmount(address token, uint256 expected, uint256 received);
    error JobEscrow_AcceptWindowOver(uint64 closedAt, uint64 nowAt);
    error JobEscrow_AcceptWindowOpen(uint64 closesAt, uint64 nowAt);
    error JobEscrow_ExclusiveUntil(uint64 until, uint64 nowAt);
    error JobEscrow_AssignmentMismatch(JobId jobId, address operator, uint32 round);
    error JobEscrow_AssignmentExpired(uint64 expiresAt, uint64 nowAt);
    error JobEscrow_BadAssignmentSignature(address dispatcher);
    error JobEscrow_DeadlineNotPassed(uint64 deadline, uint64 nowAt);
    error JobEscrow_NotSettlement(address caller);
    error JobEscrow_WrongMilestone(uint16 milestone, uint16 next);
    error JobEscrow_NothingToWithdraw(address token, address account);

    event JobCreated(JobId indexed jobId, address indexed creator, JobTerms terms);
    event JobAssigned(
        JobId indexed jobId, address indexed operator, address indexed agent, uint32 round, uint128 price, uint64 deadline
    );
    event MilestonePaid(
        JobId indexed jobId,
        uint16 indexed milestone,
        address indexed operator,
        uint256 toOperator,
        uint256 toDispatcher,
        uint256 toCreator,
        uint64 nextDeadline
    );
    event JobCompleted(JobId indexed jobId, address indexed operator);
    event JobExpired(JobId indexed jobId, address indexed operator, address indexed finder, uint256 slashed);
    event JobReopened(JobId indexed jobId, uint32 round, uint16 nextMilestone, uint256 bounty);
    event JobRefunded(JobId indexed jobId, address indexed creator, uint256 amount);
    event CreditWithdrawn(address indexed token, address indexed account, uint256 amount);

    /// @notice Funds a job with its maximum price. Emits JobCreated, which is where everyone reads the terms.
    /// @dev    Requires: the caller is the creator; an allowance of `maxPrice`; a registered model of the same proof
    ///         kind; 1..256 milestones whose shares add up to 10,000. A token that delivers less is refused.
    function createJob(JobTerms calldata terms) external returns (JobId jobId);

    /// @notice Takes an open job for `operator`: locks its stake, fixes the price, starts the clock.
    /// @dev    The caller must be the operator or its agent. Within `exclusiveSeconds` an assignment signed by
    ///         `terms.dispatcher` is needed; after them `assignment` and `signature` are not looked at.
    ///         Warning: fetch the job's inputs and recompute the model's verifying key first. The lock is at stake from
    ///         here on, whoever is to blame for what is missing.
    ///         Emits JobAssigned, and the stake manager's StakeLocked.
    function accept(JobTerms calldata terms, address operator, Assignment calldata assignment, bytes calldata signature)
        external;

    /// @notice The creator takes an open job back. What is held for it is credited at once; a waiting bounty is burnt.
    /// @dev    Emits JobRefunded, and the stake manager's BountyPaid where a bounty waited.
    function cancel(JobTerms calldata terms) external;

    /// @notice Anyone sends an open job's money home once nobody took it in time.
    /// @dev    Requires: `acceptSeconds` have passed since the job was opened last. Emits as `cancel` does.
    function refund(JobTerms calldata terms) external;

    /// @notice Anyone reopens an assigned job whose deadline has passed. The unfinished part of the lock is slashed at
    ///         DEADLINE_SLASH_BPS; the caller is the finder; milestones already paid stay paid.
    /// @dev    Emits JobExpired, the stake manager's StakeSlashed, JobReopened.
    function expire(JobTerms calldata terms) external;

    /// @notice Pays one milestone to the assigned operator. Only the settlement, which has checked the claim.
    /// @dev    Emits MilestonePaid; after the last one JobCompleted, and the stake manager's StakeReleased and BountyPaid.
    function payMilestone(JobTerms calldata terms, uint16 milestone) external;

    /// @notice Sends `account` what it is owed in `token`. Anyone may call; only `account` receives.
    /// @dev    Emits CreditWithdrawn. A token that refuses the account keeps the credit where it is.
    function withdraw(address token, address account) external;

    /// @notice The EIP-712 digest of the terms under this contract's domain.
    function jobIdOf(JobTerms calldata terms) external view returns (JobId);

    /// @notice All zero for a job that was never created.
    function stateOf(JobId jobId) external view returns (JobState memory);

    /// @notice The price at which an open job can be accepted in this block. Reverts for a job that is not open.
    function priceNow(JobTerms calldata terms) external view returns (uint128);

    /// @notice What `withdraw` would send.
    function creditOf(address token, address account) external view returns (uint256);

    function stakeManager() external view returns (IStakeManager);

    /// @notice The only caller of `payMilestone`. Fixed at deployment.
    function settlement() external view returns (address);

    function registry() external view returns (IModelRegistry);
}
