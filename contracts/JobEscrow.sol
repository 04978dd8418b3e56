// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {Assignment, JobId, JobState, JobStatus, JobTerms} from "./types/JobTypes.sol";
import {AssignmentLib} from "./libraries/AssignmentLib.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {MilestoneMathLib} from "./libraries/MilestoneMathLib.sol";

/// @title Jobs and the creators' money. No owner, no pause, no upgrade.
/// @dev   INVARIANT 5: per token, the balance here is at least the sum of what is held for jobs and what is credited, and
///        equal to it unless somebody sent tokens past `createJob`.
///
///        Money only ever moves from a job to a credit inside, and from a credit to its account by `withdraw`: nobody who
///        refuses to receive can hold up anybody else.
contract JobEscrow is IJobEscrow, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Part of the lock behind unfinished milestones that a missed deadline costs. Half, so that being late
    ///         stays cheaper than being wrong.
    uint256 public constant DEADLINE_SLASH_BPS = 5_000;
    /// @notice Least ratio of lock to price where both are in the stake token. In other tokens there is no comparing
    ///         them without an oracle, and the creator's own choice stands.
    uint256 public constant MIN_LOCK_RATIO_BPS = 5_000;

    IStakeManager private immutable STAKE_MANAGER;
    IModelRegistry private immutable REGISTRY;
    address private immutable SETTLEMENT;

    mapping(JobId => JobState) private jobs;
    mapping(address token => mapping(address account => uint256)) private credits;

    constructor(IStakeManager stakeManager_, IModelRegistry registry_, address settlement_)
        EIP712("Tallystick", "1")
    {
        // Each of the two was told the other's address before it existed; a wrong prediction must not survive deployment.
        if (stakeManager_.escrow() != address(this)) revert JobEscrow_Misdeployed(stakeManager_.escrow());
        STAKE_MANAGER = stakeManager_;
        REGISTRY = registry_;
        SETTLEMENT = settlement_;
    }

    // ---- creators -------------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function createJob(JobTerms calldata terms) external nonReentrant returns (JobId jobId) {
        // Check: terms that can be carried out, brought by the one who pays, for the first time.
        if (msg.sender != terms.creator) revert JobEscrow_NotCreator(msg.sender, terms.creator);
        JobTermsLib.check(terms);
        _checkSurroundings(terms);
        jobId = jobIdOf(terms);
        JobState storage job = jobs[jobId];
        if (job.status != JobStatus.None) revert JobEscrow_JobExists(jobId);

        // Effect
        job.remaining = terms.maxPrice;
        _open(job, 1);
        emit JobCreated(jobId, terms.creator, terms);

        // Interaction: what arrives is counted, because a fee on the way would leave the last one unpaid.
        _pull(IERC20(terms.paymentToken), terms.creator, terms.maxPrice);
    }

    /// @inheritdoc IJobEscrow
    function cancel(JobTerms calldata terms) external nonReentrant {
        // Check
        if (msg.sender != terms.creator) revert JobEscrow_NotCreator(msg.sender, terms.creator);
        (JobId jobId, JobState storage job) = _load(terms, JobStatus.Open);

        _refund(terms, jobId, job);
    }

    /// @inheritdoc IJobEscrow
    function refund(JobTerms calldata terms) external nonReentrant {
        (JobId jobId, JobState storage job) = _load(terms, JobStatus.Open);

        // Check: nobody took it in time.
        uint64 closesAt = job.openedAt + terms.acceptSeconds;
        if (block.timestamp <= closesAt) revert JobEscrow_AcceptWindowOpen(closesAt, uint64(block.timestamp));

        _refund(terms, jobId, job);
    }

    // ---- executors ------------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function accept(JobTerms calldata terms, address operator, Assignment calldata assignment, bytes calldata signature)
        external
        nonReentrant
    {
        (JobId jobId, JobState storage job) = _load(terms, JobStatus.Open);

        // Check: in time, for an operator that agreed, and with the dispatcher's word while it has the first choice.
        uint64 closedAt = job.openedAt + terms.acceptSeconds;
        if (block.timestamp > closedAt) revert JobEscrow_AcceptWindowOver(closedAt, uint64(block.timestamp));
        STAKE_MANAGER.requireAgent(msg.sender, operator);
        uint64 exclusiveUntil = job.openedAt + terms.exclusiveSeconds;
        if (block.timestamp < exclusiveUntil) {
            if (signature.length == 0) revert JobEscrow_ExclusiveUntil(exclusiveUntil, uint64(block.timestamp));
            _checkAssignment(terms.dispatcher, jobId, operator, job.round, assignment, signature);
        }

        // Effect
        job.status = JobStatus.Assigned;
        job.operator = operator;
        job.price = _priceAt(terms, job.openedAt);
        job.deadline = uint64(block.timestamp) + terms.durationSeconds[job.nextMilestone];
        emit JobAssigned(jobId, operator, msg.sender, job.round, job.price, job.deadline);

        // Interaction: INVARIANT 6: an assigned job has a lock of exactly its terms' size; refused here, nothing stands.
        STAKE_MANAGER.lock(jobId, operator, terms.stakeLock);
    }

    /// @inheritdoc IJobEscrow
    function payMilestone(JobTerms calldata terms, uint16 milestone) external nonReentrant {
        // Check: INVARIANT 7: a milestone is paid once, in order, to the operator that holds the job.
        if (msg.sender != SETTLEMENT) revert JobEscrow_NotSettlement(msg.sender);
        (JobId jobId, JobState storage job) = _load(terms, JobStatus.Assigned);
        if (milestone != job.nextMilestone) revert JobEscrow_WrongMilestone(milestone, job.nextMilestone);

        // Effect
        address operator = job.operator;
        bool isLast = milestone + 1 == terms.shareBps.length;
        job.nextMilestone = milestone + 1;
        // From the old deadline, not from now: who finishes early keeps the time.
        if (!isLast) job.deadline += terms.durationSeconds[milestone + 1];
        _payShares(terms, jobId, job, milestone, isLast);
        if (!isLast) return;
        job.status = JobStatus.Completed;
        job.operator = address(0);
        job.deadline = 0;
        emit JobCompleted(jobId, operator);

        // Interaction
        STAKE_MANAGER.release(jobId);
        STAKE_MANAGER.payBounty(jobId, operator);
    }

    // ---- everyone -------------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function expire(JobTerms calldata terms) external nonReentrant {
        (JobId jobId, JobState storage job) = _load(terms, JobStatus.Assigned);

        // Check: INVARIANT 8: no operator is slashed while it may still claim.
        if (block.timestamp <= job.deadline) {
            revert JobEscrow_DeadlineNotPassed(job.deadline, uint64(block.timestamp));
        }

        // Effect: paid milestones stay paid, and the next operator goes on behind them.
        address operator = job.operator;
        uint256 unfinishedBps = MilestoneMathLib.sumFrom(terms.shareBps, job.nextMilestone);
        uint256 slashed = MilestoneMathLib.deadlineSlashDown(terms.stakeLock, unfinishedBps, DEADLINE_SLASH_BPS);
        job.operator = address(0);
        job.price = 0;
        job.deadline = 0;
        _open(job, job.round + 1);
        emit JobExpired(jobId, operator, msg.sender, slashed);

        // Interaction: the bounty is known only once the slash is divided, so the last event comes after it.
        STAKE_MANAGER.slash(jobId, slashed, msg.sender, terms.creator);
        emit JobReopened(jobId, job.round, job.nextMilestone, STAKE_MANAGER.bountyOf(jobId));
    }

    /// @inheritdoc IJobEscrow
    function withdraw(address token, address account) external nonReentrant {
        uint256 amount = credits[token][account];

        // Check
        if (amount == 0) revert JobEscrow_NothingToWithdraw(token, account);

        // Effect
        delete credits[token][account];
        emit CreditWithdrawn(token, account, amount);

        // Interaction
        IERC20(token).safeTransfer(account, amount);
    }

    /// @inheritdoc IJobEscrow
    function jobIdOf(JobTerms calldata terms) public view returns (JobId) {
        return JobId.wrap(_hashTypedDataV4(JobTermsLib.hash(terms)));
    }

    /// @inheritdoc IJobEscrow
    function stateOf(JobId jobId) external view returns (JobState memory) {
        return jobs[jobId];
    }

    /// @inheritdoc IJobEscrow
    function priceNow(JobTerms calldata terms) external view returns (uint128) {
        (, JobState storage job) = _load(terms, JobStatus.Open);
        return _priceAt(terms, job.openedAt);
    }

    /// @inheritdoc IJobEscrow
    function creditOf(address token, address account) external view returns (uint256) {
        return credits[token][account];
    }

    /// @inheritdoc IJobEscrow
    function stakeManager() external view returns (IStakeManager) {
        return STAKE_MANAGER;
    }

    /// @inheritdoc IJobEscrow
    function settlement() external view returns (address) {
        return SETTLEMENT;
    }

    /// @inheritdoc IJobEscrow
    function registry() external view returns (IModelRegistry) {
        return REGISTRY;
    }

    // ---- inside: checks -------------------------------------------------------------------------------------------

    /// @dev The terms are never stored: bringing the right ones is what finds the job.
    function _load(JobTerms calldata terms, JobStatus wanted) private view returns (JobId jobId, JobState storage job) {
        jobId = jobIdOf(terms);
        job = jobs[jobId];
        if (job.status != wanted) revert JobEscrow_WrongStatus(jobId, job.status, wanted);
    }

    function _checkSurroundings(JobTerms calldata terms) private view {
        if (terms.paymentToken.code.length == 0) {
            revert JobEscrow_BadTerms("paymentToken: no contract at this address");
        }
        if (REGISTRY.specOf(terms.modelId).proofKind != terms.proofKind) {
            revert JobEscrow_BadTerms("proofKind: not the model's");
        }
        if (terms.stakeLock < STAKE_MANAGER.minLock()) revert JobEscrow_BadTerms("stakeLock: below the minimum lock");
        if (
            terms.paymentToken == STAKE_MANAGER.stakeToken()
                && terms.stakeLock < MilestoneMathLib.shareDown(terms.maxPrice, MIN_LOCK_RATIO_BPS)
        ) revert JobEscrow_BadTerms("stakeLock: below half of maxPrice");
    }

    function _checkAssignment(
        address dispatcher,
        JobId jobId,
        address operator,
        uint32 round,
        Assignment calldata assignment,
        bytes calldata signature
    ) private view {
        bool matches = JobId.unwrap(assignment.jobId) == JobId.unwrap(jobId) && assignment.operator == operator
            && assignment.round == round;
        if (!matches) revert JobEscrow_AssignmentMismatch(assignment.jobId, assignment.operator, assignment.round);
        if (block.timestamp > assignment.expiresAt) {
            revert JobEscrow_AssignmentExpired(assignment.expiresAt, uint64(block.timestamp));
        }
        bytes32 digest = _hashTypedDataV4(AssignmentLib.hash(assignment));
        if (!SignatureChecker.isValidSignatureNowCalldata(dispatcher, digest, signature)) {
            revert JobEscrow_BadAssignmentSignature(dispatcher);
        }
    }

    function _priceAt(JobTerms calldata terms, uint64 openedAt) private view returns (uint128) {
        uint256 elapsed = block.timestamp - openedAt;
        return MilestoneMathLib.rampPriceDown(terms.minPrice, terms.maxPrice, terms.rampSeconds, elapsed);
    }

    // ---- inside: changes ------------------------------------------------------------------------------------------

    function _open(JobState storage job, uint32 round) private {
        job.status = JobStatus.Open;
        job.round = round;
        job.openedAt = uint64(block.timestamp);
    }

    /// @dev INVARIANT 9: what was set aside for a milestone leaves the job whole: to operator, dispatcher and creator.
    function _payShares(JobTerms calldata terms, JobId jobId, JobState storage job, uint16 milestone, bool isLast)
        private
    {
        uint256 shareBps = terms.shareBps[milestone];
        uint256 allocation = isLast ? job.remaining : MilestoneMathLib.shareDown(terms.maxPrice, shareBps);
        (uint256 toOperator, uint256 toDispatcher, uint256 toCreator) =
            MilestoneMathLib.divide(allocation, job.price, shareBps, terms.dispatcherFeeBps);

        job.remaining -= uint128(allocation);
        mapping(address account => uint256) storage credit = credits[terms.paymentToken];
        credit[job.operator] += toOperator;
        if (toDispatcher > 0) credit[terms.dispatcher] += toDispatcher;
        if (toCreator > 0) credit[terms.creator] += toCreator;
        emit MilestonePaid(
            jobId, milestone, job.operator, toOperator, toDispatcher, toCreator, isLast ? 0 : job.deadline
        );
    }

    function _refund(JobTerms calldata terms, JobId jobId, JobState storage job) private {
        // Effect
        uint256 amount = job.remaining;
        job.status = JobStatus.Refunded;
        job.remaining = 0;
        credits[terms.paymentToken][terms.creator] += amount;
        emit JobRefunded(jobId, terms.creator, amount);

        // Interaction: a bounty that nobody earned is burnt. Were it the creator's, a creator who makes an operator late
        // on purpose would get it on top of its compensation.
        STAKE_MANAGER.payBounty(jobId, STAKE_MANAGER.BURN_ADDRESS());
    }

    function _pull(IERC20 token, address from, uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert JobEscrow_UnexpectedAmount(address(token), amount, received);
    }
}
