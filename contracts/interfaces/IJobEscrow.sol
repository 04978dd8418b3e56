// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assignment, JobId, JobState, JobStatus, JobTerms, SignedOrder, TokenPermit} from "../types/JobTypes.sol";
import {IModelRegistry} from "./IModelRegistry.sol";
import {IProtocolParameters} from "./IProtocolParameters.sol";
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
    error JobEscrow_OrderNotStarted(uint64 startsAt, uint64 nowAt);
    error JobEscrow_OrderExpired(uint64 expiresAt, uint64 nowAt);
    error JobEscrow_OrderNonceUsed(address creator, uint256 nonce);
    error JobEscrow_BadOrderSignature(address creator);
    error JobEscrow_NoPermit2(address permit2);
    error JobEscrow_AcceptWindowOver(uint64 closedAt, uint64 nowAt);
    error JobEscrow_AcceptWindowOpen(uint64 closesAt, uint64 nowAt);
    error JobEscrow_ExclusiveUntil(uint64 until, uint64 nowAt);
    error JobEscrow_AssignmentMismatch(JobId jobId, address operator, uint32 round);
    error JobEscrow_AssignmentExpired(uint64 expiresAt, uint64 nowAt);
    error JobEscrow_BadAssignmentSignature(address dispatcher);
    error JobEscrow_DeadlinePassed(uint64 deadline, uint64 nowAt);
    error JobEscrow_DeadlineNotPassed(uint64 deadline, uint64 nowAt);
    error JobEscrow_ClaimsPending(uint16 paidMilestones, uint16 nextMilestone);
    error JobEscrow_NoClaimPending(JobId jobId);
    error JobEscrow_NotSettlement(address caller);
    error JobEscrow_WrongMilestone(uint16 milestone, uint16 next);
    error JobEscrow_NothingToWithdraw(address token, address account);

    event JobCreated(
        JobId indexed jobId, address indexed creator, uint64 openedAt, uint16 economyVersion, JobTerms terms
    );
    event OrderNoncesUsed(address indexed creator, uint256 indexed word, uint256 bits);
    event JobAssigned(
        JobId indexed jobId, address indexed operator, address indexed agent, uint32 round, uint256 price, uint64 deadline
    );
    event MilestoneClaimed(
        JobId indexed jobId,
        uint16 indexed milestone,
        address indexed operator,
        bytes32 outputRoot,
        bytes32 manifest,
        uint64 nextDeadline
    );
    event MilestonePaid(
        JobId indexed jobId,
        uint16 indexed milestone,
        address indexed operator,
        uint256 toOperator,
        uint256 toDispatcher
    );
    event JobCompleted(JobId indexed jobId, address indexed operator, uint256 surplus);
    event JobReleased(JobId indexed jobId, address indexed operator, uint256 fee);
    event JobExpired(JobId indexed jobId, address indexed operator, address indexed finder, uint256 slashed);
    event JobFaulted(
        JobId indexed jobId, address indexed operator, address indexed challenger, uint16 milestone, uint256 slashed
    );
    event JobReopened(JobId indexed jobId, uint32 round, uint16 nextMilestone, uint256 bounty);
    event JobRefunded(JobId indexed jobId, address indexed creator, uint256 amount);
    event CreditWithdrawn(address indexed token, address indexed account, uint256 amount);

    /// @notice Funds a job with its maximum price. Emits JobCreated, which is where everyone reads the terms.
    /// @dev    Requires: the caller is the creator; an allowance of `maxPrice`; a registered model of the same proof
    ///         kind; 1..256 milestones whose shares add up to 10,000. A token that delivers less is refused.
    function createJob(JobTerms calldata terms) external returns (JobId jobId);

    /// @notice `createJob`, with an EIP-2612 signature of the caller's in place of an earlier approval.
    /// @dev    A signature that somebody else has used already is not missed: the allowance is there then.
    function createJobWithPermit(JobTerms calldata terms, TokenPermit calldata permit) external returns (JobId jobId);

    /// @notice Creates a job that its creator has signed. Anyone may call; the creator pays the deposit and no gas.
    /// @dev    Requires: what `createJob` requires of the terms; now from `startsAt` to `expiresAt` and inside the accept
    ///         window; a nonce that was not used; a signature by the creator, ERC-1271 for contracts. Emits JobCreated.
    function postOrder(SignedOrder calldata signed) external returns (JobId jobId);

    /// @notice `postOrder` and `accept` in one transaction: how an executor takes an order straight from its creator.
    function acceptOrder(
        SignedOrder calldata signed,
        address operator,
        Assignment calldata assignment,
        bytes calldata signature
    ) external returns (JobId jobId);

    /// @notice Makes the caller's orders with these nonces void: those of `word * 256 + i` where bit i of `bits` is set.
    /// @dev    Emits OrderNoncesUsed. A job that was created already is not touched; `cancel` it.
    function cancelOrders(uint256 word, uint256 bits) external;

    /// @notice Takes an open job for `operator`: locks its stake, fixes the price, starts the clock.
    /// @dev    The caller must be the operator or its agent. Within `exclusiveSeconds` an assignment signed by
    ///         `terms.dispatcher` is needed; after them `assignment` and `signature` are not looked at.
    ///         Warning: fetch the job's inputs and recompute the model's verifying key first. The lock is at stake from
    ///         here on, whoever is to blame for what is missing.
    ///         Emits JobAssigned.
    function accept(JobTerms calldata terms, address operator, Assignment calldata assignment, bytes calldata signature)
        external;

    /// @notice The assigned operator, or its agent, gives a job back before its deadline. Paid milestones stay paid. The fee
    ///         grows with the time held and waits as a bounty for whoever completes the job.
    /// @dev    Requires: no claim awaits finality. Emits JobReleased, JobReopened.
    function releaseEarly(JobTerms calldata terms) external;

    /// @notice The creator takes an open job back. What is held for it is credited at once; a waiting bounty is burnt.
    /// @dev    Emits JobRefunded, and the stake manager's BountyPaid where a bounty waited.
    function cancel(JobTerms calldata terms) external;

    /// @notice Anyone sends an open job's money home once nobody took it in time.
    /// @dev    Requires: `acceptSeconds` have passed since the job was opened last. Emits as `cancel` does.
    function refund(JobTerms calldata terms) external;

    /// @notice Anyone reopens an assigned job whose deadline has passed. Part of the unfinished lock is slashed; the caller is
    ///         the finder; milestones already paid stay paid.
    /// @dev    Requires: no claim awaits finality; `finalize` those first. Emits JobExpired, the stake manager's
    ///         StakeSlashed, JobReopened.
    function expire(JobTerms calldata terms) external;

    /// @notice `expire` for many jobs. Those it does not apply to are skipped.
    /// @return expired How many it did apply to.
    function expireMany(JobTerms[] calldata terms) external returns (uint256 expired);

    /// @notice Takes down a claim of the next milestone. Only the settlement, which has checked it.
    /// @dev    `Zk` is final, and paid, at once; `Optimistic` waits for `payMilestone`. Requires: an assigned job; the next
    ///         milestone; the deadline not passed; `caller` the assigned operator or its agent.
    ///         Emits MilestoneClaimed, and for `Zk` what `payMilestone` emits.
    function claimMilestone(
        JobTerms calldata terms,
        uint16 milestone,
        address caller,
        bytes32 outputRoot,
        bytes32 manifest
    ) external;

    /// @notice Pays the first milestone that is claimed and not paid. Only the settlement, once it is final.
    /// @dev    Emits MilestonePaid; after the last one JobCompleted, and the stake manager's BountyPaid where a bounty waited.
    function payMilestone(JobTerms calldata terms) external;

    /// @notice Voids all claims of the job that are not paid, slashes the whole lock and reopens the job. Only the settlement,
    ///         once a claim was shown to be wrong.
    /// @dev    Emits JobFaulted, the stake manager's StakeSlashed, JobReopened.
    function faultMilestone(JobTerms calldata terms, uint16 milestone, address challenger) external;

    /// @notice Sends `account` what it is owed in `token`. Anyone may call; only `account` receives.
    /// @dev    Emits CreditWithdrawn. A token that refuses the account keeps the credit where it is.
    function withdraw(address token, address account) external;

    /// @notice The EIP-712 digest of the terms under this contract's domain at its deployment.
    function jobIdOf(JobTerms calldata terms) external view returns (JobId);

    /// @notice The domain separator that job ids are made with. Fixed at deployment, so that a chain that changes its id
    ///         loses no job.
    function jobDomain() external view returns (bytes32);

    /// @notice All zero for a job that was never created.
    function stateOf(JobId jobId) external view returns (JobState memory);

    /// @notice Of an open job, the price at which it can be accepted in this block; of an assigned one, the price at which it
    ///         was. Reverts for any other.
    function priceOf(JobTerms calldata terms) external view returns (uint256);

    /// @notice What `releaseEarly` would cost in this block. Reverts for a job that is not assigned.
    function releaseFeeOf(JobTerms calldata terms) external view returns (uint256);

    /// @notice What `withdraw` would send.
    function creditOf(address token, address account) external view returns (uint256);

    /// @notice Bit i tells whether the creator's order nonce `word * 256 + i` is used.
    function orderNoncesOf(address creator, uint256 word) external view returns (uint256 bits);

    function stakeManager() external view returns (IStakeManager);

    /// @notice The only caller of `claimMilestone`, `payMilestone` and `faultMilestone`. Fixed at deployment.
    function settlement() external view returns (address);

    function registry() external view returns (IModelRegistry);

    function parameters() external view returns (IProtocolParameters);
}
