// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {JobLedger} from "./JobLedger.sol";
import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {
    Assignment,
    Funding,
    JobId,
    JobOrder,
    JobState,
    JobStatus,
    JobTerms,
    ProofKind,
    SignedOrder,
    TokenPermit
} from "./types/JobTypes.sol";
import {Economy, SlashDivision} from "./types/ParameterTypes.sol";
import {AssignmentLib} from "./libraries/AssignmentLib.sol";
import {JobStateLib} from "./libraries/JobStateLib.sol";
import {JobOrderLib} from "./libraries/JobOrderLib.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {MilestoneMathLib} from "./libraries/MilestoneMathLib.sol";
import {OrderFundingLib} from "./libraries/OrderFundingLib.sol";
import {SlashLib} from "./libraries/SlashLib.sol";
import {TokenLib} from "./libraries/TokenLib.sol";

/// @title Jobs and the creators' money. No owner, no pause, no upgrade.
/// @dev   INVARIANT 5: per token, the balance here is at least the sum of what is held for jobs and what is credited, and
///        equal to it unless somebody sent tokens past `createJob`.
///
///        Money only ever moves from a job to a credit inside, and from a credit to its account by `withdraw`: nobody who
///        refuses to receive can hold up anybody else.
contract JobEscrow is IJobEscrow, JobLedger {
    using TokenLib for IERC20;
    using JobTermsLib for JobTerms;
    using JobStateLib for JobState;
    using SlashLib for Economy;

    modifier onlySettlement() {
        if (msg.sender != SETTLEMENT) revert JobEscrow_NotSettlement(msg.sender);
        _;
    }

    constructor(IStakeManager stakeManager_, IModelRegistry registry_, address settlement_)
        JobLedger(stakeManager_, registry_, settlement_)
    {}

    // ---- creators -------------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function createJob(JobTerms calldata terms) external nonReentrant returns (JobId jobId) {
        jobId = _createOwn(terms);
    }

    /// @inheritdoc IJobEscrow
    function createJobWithPermit(JobTerms calldata terms, TokenPermit calldata permit)
        external
        nonReentrant
        returns (JobId jobId)
    {
        IERC20(terms.paymentToken).permitOrSkip(msg.sender, terms.maxPrice, permit);
        jobId = _createOwn(terms);
    }

    /// @inheritdoc IJobEscrow
    function postOrder(SignedOrder calldata signed) external nonReentrant returns (JobId jobId) {
        jobId = _post(signed);
        _fund(signed);
    }

    /// @inheritdoc IJobEscrow
    function cancelOrders(uint256 word, uint256 bits) external {
        orderNonces[msg.sender][word] |= bits;
        emit OrderNoncesUsed(msg.sender, word, bits);
    }

    /// @inheritdoc IJobEscrow
    function cancel(JobTerms calldata terms) external nonReentrant {
        // Check
        if (msg.sender != terms.creator) revert JobEscrow_NotCreator(msg.sender, terms.creator);
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Open);

        _refund(terms, jobId, job);
    }

    /// @inheritdoc IJobEscrow
    function refund(JobTerms calldata terms) external nonReentrant {
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Open);

        // Check: nobody took it in time.
        uint64 closesAt = uint64(job.timer) + terms.acceptSeconds;
        if (block.timestamp <= closesAt) revert JobEscrow_AcceptWindowOpen(closesAt, uint64(block.timestamp));

        _refund(terms, jobId, job);
    }

    // ---- executors ------------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function accept(JobTerms calldata terms, address operator, Assignment calldata assignment, bytes calldata signature)
        external
        nonReentrant
    {
        _accept(terms, operator, assignment, signature);
    }

    /// @inheritdoc IJobEscrow
    function acceptOrder(
        SignedOrder calldata signed,
        address operator,
        Assignment calldata assignment,
        bytes calldata signature
    ) external nonReentrant returns (JobId jobId) {
        jobId = _post(signed);
        _accept(signed.order.terms, operator, assignment, signature);
        _fund(signed);
    }

    /// @inheritdoc IJobEscrow
    function releaseEarly(JobTerms calldata terms) external nonReentrant {
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Assigned);

        // Check: by the one who holds it, while it is not late, with nothing that may still turn out to be wrong.
        STAKE_MANAGER.requireAgent(msg.sender, job.operator);
        job.requireNothingPending();
        if (block.timestamp > job.timer) revert JobEscrow_DeadlinePassed(job.timer, uint64(block.timestamp));

        // Effect
        address operator = job.operator;
        uint96 fee = job.addBounty(_releaseFee(terms, job));
        emit JobReleased(jobId, operator, fee);
        _reopen(jobId, job);

        // Interaction
        STAKE_MANAGER.release(operator, terms.stakeLock, fee);
    }

    // ---- the settlement -------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function claimMilestone(
        JobTerms calldata terms,
        uint16 milestone,
        address caller,
        bytes32 outputRoot,
        bytes32 manifest
    ) external nonReentrant onlySettlement {
        // Check: the next milestone, in time, by the one who holds the job.
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Assigned);
        uint256 count = terms.shareBps.length;
        if (milestone != job.nextMilestone || milestone == count) {
            revert JobEscrow_WrongMilestone(milestone, job.nextMilestone);
        }
        if (block.timestamp > job.timer) revert JobEscrow_DeadlinePassed(job.timer, uint64(block.timestamp));
        if (caller != job.operator) STAKE_MANAGER.requireAgent(caller, job.operator);

        // Effect: the next deadline counts from this one, not from now: who finishes early keeps the time.
        uint16 next = milestone + 1;
        job.nextMilestone = next;
        job.timer = next == count ? 0 : job.timer + terms.durationSeconds[next];
        emit MilestoneClaimed(jobId, milestone, job.operator, outputRoot, manifest, job.timer);
        if (terms.proofKind == ProofKind.Zk) _pay(terms, jobId, job);
        else job.save(jobs[jobId]);
    }

    /// @inheritdoc IJobEscrow
    function payMilestone(JobTerms calldata terms) external nonReentrant onlySettlement {
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Assigned);
        if (job.paidMilestones == job.nextMilestone) revert JobEscrow_NoClaimPending(jobId);
        _pay(terms, jobId, job);
    }

    /// @inheritdoc IJobEscrow
    function faultMilestone(JobTerms calldata terms, uint16 milestone, address challenger)
        external
        nonReentrant
        onlySettlement
    {
        // Check: INVARIANT 19: a claim that was paid can no longer be slashed, and one that was slashed is never paid.
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Assigned);
        if (milestone < job.paidMilestones || milestone >= job.nextMilestone) revert JobEscrow_NoClaimPending(jobId);

        // Effect: the whole lock goes, and with it every claim that it stood behind, earlier ones too.
        SlashDivision memory division = PARAMETERS.economyOf(job.economyVersion).fault(terms.stakeLock);
        emit JobFaulted(jobId, job.operator, challenger, milestone, terms.stakeLock);
        _slash(terms, jobId, job, division, challenger);
    }

    // ---- everyone -------------------------------------------------------------------------------------------------

    /// @inheritdoc IJobEscrow
    function expire(JobTerms calldata terms) external nonReentrant {
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Assigned);

        // Check: INVARIANT 8: no operator is slashed for being late while it may still claim, or has claimed.
        job.requireNothingPending();
        if (block.timestamp <= job.timer) revert JobEscrow_DeadlineNotPassed(job.timer, uint64(block.timestamp));

        _expire(terms, jobId, job);
    }

    /// @inheritdoc IJobEscrow
    function expireMany(JobTerms[] calldata terms) external nonReentrant returns (uint256 expired) {
        for (uint256 i = 0; i < terms.length; ++i) {
            JobId jobId = terms[i].idOf(JOB_DOMAIN);
            JobState memory job = jobs[jobId].load();
            if (!job.isLate()) continue;
            _expire(terms[i], jobId, job);
            ++expired;
        }
    }

    // ---- inside: creation -----------------------------------------------------------------------------------------

    function _createOwn(JobTerms calldata terms) private returns (JobId jobId) {
        if (msg.sender != terms.creator) revert JobEscrow_NotCreator(msg.sender, terms.creator);
        jobId = _create(terms, uint40(block.timestamp));
        _requireWhole(terms, IERC20(terms.paymentToken).pull(terms.creator, terms.maxPrice));
    }

    /// @dev Everything of an order but its money, so that the token is called last.
    function _post(SignedOrder calldata signed) private returns (JobId jobId) {
        JobOrder calldata order = signed.order;
        JobTerms calldata terms = order.terms;

        // Check: now, and inside the accept window that it will have.
        if (block.timestamp < order.startsAt) {
            revert JobEscrow_OrderNotStarted(order.startsAt, uint64(block.timestamp));
        }
        if (block.timestamp > order.expiresAt) {
            revert JobEscrow_OrderExpired(order.expiresAt, uint64(block.timestamp));
        }
        uint256 closedAt = uint256(order.startsAt) + terms.acceptSeconds;
        if (block.timestamp > closedAt) revert JobEscrow_AcceptWindowOver(uint64(closedAt), uint64(block.timestamp));

        // Check: INVARIANT 20: nobody's money moves without its own call or its signature over these very terms. Permit2
        // checks the signature when the money moves.
        if (signed.funding != Funding.Permit2) {
            bytes32 digest = _hashTypedDataV4(JobOrderLib.hash(order));
            if (!SignatureChecker.isValidSignatureNowCalldata(terms.creator, digest, signed.signature)) {
                revert JobEscrow_BadOrderSignature(terms.creator);
            }
        }
        _useNonce(terms.creator, order.nonce);

        // Effect
        jobId = _create(terms, uint40(order.startsAt));
    }

    function _fund(SignedOrder calldata signed) private {
        _requireWhole(signed.order.terms, OrderFundingLib.pull(signed));
    }

    function _create(JobTerms calldata terms, uint40 openedAt) private returns (JobId jobId) {
        // Check: terms that can be carried out, for the first time.
        uint16 economyVersion = PARAMETERS.admit(terms, STAKE_TOKEN);
        if (terms.paymentToken.code.length == 0) {
            revert JobEscrow_BadTerms("paymentToken: no contract at this address");
        }
        if (REGISTRY.proofKindOf(terms.modelId) != terms.proofKind) {
            revert JobEscrow_BadTerms("proofKind: not the model's");
        }
        jobId = terms.idOf(JOB_DOMAIN);
        if (jobs[jobId].status != JobStatus.None) revert JobEscrow_JobExists(jobId);

        // Effect
        JobStateLib.opened(openedAt, terms.maxPrice, economyVersion).save(jobs[jobId]);
        emit JobCreated(jobId, terms.creator, openedAt, economyVersion, terms);
    }

    function _useNonce(address creator, uint256 nonce) private {
        uint256 word = nonce >> 8;
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = orderNonces[creator][word];
        if (used & bit != 0) revert JobEscrow_OrderNonceUsed(creator, nonce);
        orderNonces[creator][word] = used | bit;
        emit OrderNoncesUsed(creator, word, bit);
    }

    /// @dev What arrived is counted: a fee on the way would leave the last one unpaid.
    function _requireWhole(JobTerms calldata terms, uint256 received) private pure {
        if (received != terms.maxPrice) {
            revert JobEscrow_UnexpectedAmount(terms.paymentToken, terms.maxPrice, received);
        }
    }

    // ---- inside: acceptance ---------------------------------------------------------------------------------------

    function _accept(
        JobTerms calldata terms,
        address operator,
        Assignment calldata assignment,
        bytes calldata signature
    ) private {
        // Check: in time, and with the dispatcher's word while it has the first choice.
        (JobId jobId, JobState memory job) = _load(terms, JobStatus.Open);
        uint64 openedAt = job.timer;
        uint64 closedAt = openedAt + terms.acceptSeconds;
        if (block.timestamp > closedAt) revert JobEscrow_AcceptWindowOver(closedAt, uint64(block.timestamp));
        if (block.timestamp < openedAt + terms.exclusiveSeconds) {
            if (signature.length == 0) {
                revert JobEscrow_ExclusiveUntil(openedAt + terms.exclusiveSeconds, uint64(block.timestamp));
            }
            _checkAssignment(terms.dispatcher, jobId, operator, job.round, assignment, signature);
        }

        _assign(terms, jobId, job, operator);
    }

    function _assign(JobTerms calldata terms, JobId jobId, JobState memory job, address operator) private {
        // Effect
        uint256 elapsed = block.timestamp - job.timer;
        job.assign(operator, elapsed, terms.rampSeconds, terms.durationSeconds[job.nextMilestone]);
        job.save(jobs[jobId]);
        emit JobAssigned(jobId, operator, msg.sender, job.round, _priceAt(terms, elapsed), job.timer);

        // Interaction: INVARIANT 6: a job has a lock of exactly its terms' size if and only if it is assigned. The stake
        // manager also makes sure that the operator wants this.
        STAKE_MANAGER.lock(operator, msg.sender, terms.stakeLock);
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

    // ---- inside: changes ------------------------------------------------------------------------------------------

    /// @dev Of the first milestone that is not paid. INVARIANT 7: a milestone is paid once, in order, to the operator that
    ///      holds the job. INVARIANT 9: what leaves a job and what is left of it always make its deposit, to the unit.
    ///
    ///      No payment is more than its milestone's part of the deposit, because the price is at most `maxPrice` and rounds
    ///      down, so that what is left is always enough for those to come.
    function _pay(JobTerms calldata terms, JobId jobId, JobState memory job) private {
        // Effect
        uint16 milestone = job.paidMilestones;
        address operator = job.operator;
        uint96 paid = MilestoneMathLib.shareDown(_priceAt(terms, job.acceptedAfter), terms.shareBps[milestone]);
        uint96 toDispatcher = MilestoneMathLib.shareDown(paid, terms.dispatcherFeeBps);
        job.remaining -= paid;
        job.paidMilestones = milestone + 1;
        mapping(address account => uint256) storage credit = credits[terms.paymentToken];
        credit[operator] += paid - toDispatcher;
        if (toDispatcher > 0) credit[terms.dispatcher] += toDispatcher;
        emit MilestonePaid(jobId, milestone, operator, paid - toDispatcher, toDispatcher);
        if (milestone + 1 < terms.shareBps.length) {
            job.save(jobs[jobId]);
            return;
        }

        // Effect: the surplus over the accepted price goes home, and so does what rounding left.
        uint96 surplus = job.remaining;
        uint96 bounty = job.bounty;
        if (surplus > 0) credit[terms.creator] += surplus;
        _close(jobId, job, JobStatus.Completed);
        emit JobCompleted(jobId, operator, surplus);

        // Interaction
        STAKE_MANAGER.release(operator, terms.stakeLock, 0);
        if (bounty > 0) STAKE_MANAGER.payBounty(jobId, operator, bounty);
    }

    function _refund(JobTerms calldata terms, JobId jobId, JobState memory job) private {
        // Effect
        uint96 amount = job.remaining;
        uint96 bounty = job.bounty;
        if (amount > 0) credits[terms.paymentToken][terms.creator] += amount;
        _close(jobId, job, JobStatus.Refunded);
        emit JobRefunded(jobId, terms.creator, amount);

        // Interaction: a bounty that nobody earned is burnt. Were it the creator's, a creator who makes an operator late
        // on purpose would get it on top of its compensation.
        if (bounty > 0) STAKE_MANAGER.payBounty(jobId, STAKE_MANAGER.BURN_ADDRESS(), bounty);
    }

    function _expire(JobTerms calldata terms, JobId jobId, JobState memory job) private {
        uint256 unfinishedBps = MilestoneMathLib.sumFrom(terms.shareBps, job.nextMilestone);
        (uint96 slashed, SlashDivision memory division) =
            PARAMETERS.economyOf(job.economyVersion).late(terms.stakeLock, unfinishedBps);
        emit JobExpired(jobId, job.operator, msg.sender, slashed);
        _slash(terms, jobId, job, division, msg.sender);
    }

    function _slash(
        JobTerms calldata terms,
        JobId jobId,
        JobState memory job,
        SlashDivision memory division,
        address finder
    ) private {
        // Effect: what does not fit the bounty is burnt.
        address operator = job.operator;
        uint96 toBounty = job.addBounty(division.toBounty);
        division.burned += division.toBounty - toBounty;
        division.toBounty = toBounty;
        division.finder = finder;
        division.creator = terms.creator;
        _reopen(jobId, job);

        // Interaction
        STAKE_MANAGER.slash(jobId, operator, terms.stakeLock, division);
    }

    function _reopen(JobId jobId, JobState memory job) private {
        job.reopen();
        job.save(jobs[jobId]);
        emit JobReopened(jobId, job.round, job.nextMilestone, job.bounty);
    }

    /// @dev INVARIANT 12: a job that is completed or refunded never changes again.
    function _close(JobId jobId, JobState memory job, JobStatus status) private {
        job.close(status);
        job.save(jobs[jobId]);
    }
}
