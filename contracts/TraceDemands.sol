// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "./interfaces/IMilestoneSettlement.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {ITraceDemands} from "./interfaces/ITraceDemands.sol";
import {ITraceDispute} from "./interfaces/ITraceDispute.sol";
import {OptimisticClaim} from "./types/ClaimTypes.sol";
import {Demand, DemandState} from "./types/DemandTypes.sol";
import {ClaimRef} from "./types/DisputeTypes.sol";
import {JobId, JobState, JobTerms, ModelId} from "./types/JobTypes.sol";
import {ClaimLib} from "./libraries/ClaimLib.sol";
import {DemandLib} from "./libraries/DemandLib.sol";
import {DemandPriceLib} from "./libraries/DemandPriceLib.sol";
import {EvidenceLib} from "./libraries/EvidenceLib.sol";
import {JobStateLib} from "./libraries/JobStateLib.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {SubtreeLib} from "./libraries/SubtreeLib.sol";
import {TensorTreeLib} from "./libraries/TensorTreeLib.sol";
import {WitnessLib} from "./libraries/WitnessLib.sol";

/// @title Demands for parts of a trace, and the fees for them. No owner.
/// @dev   INVARIANT 39: the balance here is what is credited, what was paid for demands that are open, and what is burnt, and
///        more only where somebody forced coin in. Coin goes from a demand to a credit inside, and from a credit to its account
///        by `withdraw`: nobody who refuses to receive can hold up anybody else.
///
///        A reentrancy guard is absent on purpose: what is called is our own, but for the account of `withdraw`, whose credit is
///        gone by then.
contract TraceDemands is ITraceDemands {
    using ClaimLib for JobTerms;
    using ClaimLib for OptimisticClaim;
    using DemandLib for Demand;
    using DemandLib for DemandLib.Span;
    using JobStateLib for JobState;
    using JobTermsLib for JobTerms;
    using SafeCast for uint256;
    using SubtreeLib for DemandLib.Span;
    using WitnessLib for WitnessLib.Header;

    /// @dev One slot. Whose claim it is, so that nobody can say that a claim is over by naming another job's; 26 bytes of an id
    ///      are as good as all of them.
    struct ClaimDemands {
        bytes26 jobId;
        uint16 milestone;
        uint32 open;
    }

    /// @dev Of a window: what there is for an answer, and for what follows from it.
    uint32 private constant STEPS_OF_WINDOW = 4;

    ITraceDispute private immutable DISPUTE;
    IMilestoneSettlement private immutable SETTLEMENT;
    IJobEscrow private immutable ESCROW;
    IModelRegistry private immutable REGISTRY;
    bytes32 private immutable JOB_DOMAIN;

    mapping(bytes32 demandId => DemandState) private demands;
    mapping(bytes32 claimKey => ClaimDemands) private ofClaim;
    mapping(address account => uint256) private credits;
    uint256 private kept;

    constructor(ITraceDispute dispute_) {
        // The judge was told this address before there was anything here; a wrong prediction must not survive deployment.
        if (dispute_.demands() != address(this)) revert TraceDemands_Misdeployed(dispute_.demands());
        DISPUTE = dispute_;
        SETTLEMENT = dispute_.settlement();
        ESCROW = SETTLEMENT.escrow();
        REGISTRY = ESCROW.registry();
        JOB_DOMAIN = ESCROW.jobDomain();
    }

    /// @inheritdoc ITraceDemands
    function demand(JobTerms calldata terms, ClaimRef calldata claimed, Demand calldata asked, bytes calldata evidence)
        external
        payable
        returns (bytes32 demandId)
    {
        // Check: the claim stands, the node follows from it, and it is not too late to ask for it.
        JobId jobId = terms.idOf(JOB_DOMAIN);
        OptimisticClaim memory standing = _requireClaim(terms, jobId, claimed);
        uint256 level = EvidenceLib.check(_programOf(terms.modelId), claimed, asked, evidence);
        uint64 finalAt = _requireInTime(standing, level, terms.challengeSeconds);

        // Effect
        demandId = _open(jobId, claimed.milestone, standing.keyOf(jobId, claimed.milestone), asked);
        uint64 answerBy = _answerBy(uint64(block.timestamp), terms.challengeSeconds);
        _announce(jobId, demandId, claimed.milestone, level, answerBy, finalAt, asked);

        // Interaction
        if (finalAt > standing.finalAt) DISPUTE.extend(terms, claimed.milestone, finalAt);
    }

    /// @inheritdoc ITraceDemands
    function answer(JobTerms calldata terms, uint16 milestone, Demand calldata asked, bytes calldata shown) external {
        // Check: open, in time, and it is what the node stands for.
        JobId jobId = terms.idOf(JOB_DOMAIN);
        (OptimisticClaim memory standing, address operator) = _requireStanding(jobId, milestone);
        bytes32 key = standing.keyOf(jobId, milestone);
        bytes32 demandId = demandIdOf(key, asked);
        DemandState storage state = _requireOpen(demandId);
        uint64 answerBy = _answerBy(state.askedAt, terms.challengeSeconds);
        if (block.timestamp > answerBy) revert TraceDemands_TooLate(answerBy, uint64(block.timestamp));
        bytes32 actual = _nodeOf(asked, shown);
        if (actual != asked.node) revert TraceDemands_WrongAnswer(asked.node, actual);

        // Effect: INVARIANT 41: what was asked ends in exactly one way, here as shown.
        _close(key, state);
        credits[operator] += state.base;
        kept += state.crowding;
        emit TraceShown(jobId, demandId, milestone, shown);
    }

    /// @inheritdoc ITraceDemands
    function faultUnanswered(JobTerms calldata terms, uint16 milestone, Demand calldata asked) external {
        // Check: INVARIANT 40: only what was asked in time, and not shown in all the time there was for it.
        JobId jobId = terms.idOf(JOB_DOMAIN);
        (OptimisticClaim memory standing,) = _requireStanding(jobId, milestone);
        bytes32 key = standing.keyOf(jobId, milestone);
        bytes32 demandId = demandIdOf(key, asked);
        DemandState storage state = _requireOpen(demandId);
        uint64 answerBy = _answerBy(state.askedAt, terms.challengeSeconds);
        if (block.timestamp <= answerBy) revert TraceDemands_NotDue(answerBy, uint64(block.timestamp));

        // Effect
        address payer = state.payer;
        _close(key, state);
        credits[payer] += uint256(state.base) + state.crowding;
        emit DemandUnanswered(jobId, demandId, payer, milestone);

        // Interaction: who paid has the first turn, and only that: a claimer who asks itself, and then says nothing, must not keep
        // the slash from everybody else.
        uint64 firstTurn = answerBy + uint64(terms.challengeSeconds / (2 * STEPS_OF_WINDOW));
        DISPUTE.faultWithheld(terms, milestone, block.timestamp > firstTurn ? msg.sender : payer);
    }

    /// @inheritdoc ITraceDemands
    function giveBack(JobId jobId, uint16 milestone, bytes32 claimKey, Demand calldata asked) external {
        // Check: open, of a claim that was this milestone's and no longer is.
        bytes32 demandId = demandIdOf(claimKey, asked);
        DemandState storage state = _requireOpen(demandId);
        ClaimDemands storage all = ofClaim[claimKey];
        bool isIts = all.jobId == bytes26(JobId.unwrap(jobId)) && all.milestone == milestone;
        if (!isIts) revert TraceDemands_NotAsked(demandId);
        if (claimKeyOf(jobId, milestone) == claimKey) revert TraceDemands_Standing(jobId, milestone);

        // Effect
        address payer = state.payer;
        uint256 paid = uint256(state.base) + state.crowding;
        _close(claimKey, state);
        credits[payer] += paid;
        emit DemandReturned(jobId, demandId, payer, paid);
    }

    /// @inheritdoc ITraceDemands
    function withdraw(address account) external returns (uint256 amount) {
        // Check
        amount = credits[account];
        if (amount == 0) revert TraceDemands_NothingToWithdraw(account);

        // Effect
        delete credits[account];
        emit DemandFeesWithdrawn(account, amount);

        // Interaction: whatever it answers is not read, so that it cannot make the caller pay for reading it.
        if (!LowLevelCall.callNoReturn(account, amount, "")) revert TraceDemands_CallFailed(account);
    }

    /// @inheritdoc ITraceDemands
    function priceOf(JobId jobId, uint16 milestone, Demand calldata asked) external view returns (uint256) {
        (uint256 base, uint256 crowding) = _priceOf(claimKeyOf(jobId, milestone), asked);
        return base + crowding;
    }

    /// @inheritdoc ITraceDemands
    function demandOf(bytes32 demandId) external view returns (DemandState memory) {
        return demands[demandId];
    }

    /// @inheritdoc ITraceDemands
    function openOf(bytes32 claimKey) external view returns (uint256) {
        return ofClaim[claimKey].open;
    }

    /// @inheritdoc ITraceDemands
    function creditOf(address account) external view returns (uint256) {
        return credits[account];
    }

    /// @inheritdoc ITraceDemands
    function burnt() external view returns (uint256) {
        return kept;
    }

    /// @inheritdoc ITraceDemands
    function dispute() external view returns (ITraceDispute) {
        return DISPUTE;
    }

    /// @inheritdoc ITraceDemands
    function claimKeyOf(JobId jobId, uint16 milestone) public view returns (bytes32) {
        if (!ESCROW.stateOf(jobId).isPendingAt(milestone)) return bytes32(0);
        return SETTLEMENT.claimOf(jobId, milestone).keyOf(jobId, milestone);
    }

    /// @inheritdoc ITraceDemands
    function demandIdOf(bytes32 claimKey, Demand calldata asked) public pure returns (bytes32) {
        return keccak256(abi.encode(claimKey, asked));
    }

    // ---- inside ---------------------------------------------------------------------------------------------------

    function _requireStanding(JobId jobId, uint16 milestone)
        private
        view
        returns (OptimisticClaim memory standing, address operator)
    {
        JobState memory job = ESCROW.stateOf(jobId);
        if (!job.isPendingAt(milestone)) revert TraceDemands_NotStanding(jobId, milestone);
        return (SETTLEMENT.claimOf(jobId, milestone), job.operator);
    }

    /// @dev The claim is the one that was made.
    function _requireClaim(JobTerms calldata terms, JobId jobId, ClaimRef calldata claimed)
        private
        view
        returns (OptimisticClaim memory standing)
    {
        (standing,) = _requireStanding(jobId, claimed.milestone);
        bytes32 actual = terms.commitmentOf(address(SETTLEMENT), jobId, claimed);
        if (actual != standing.commitment) revert TraceDemands_OtherClaim(standing.commitment, actual);
    }

    /// @dev Of a model of this judge: what is asked of another's, nobody would hear of.
    function _programOf(ModelId modelId) private view returns (bytes32 programId) {
        address judge;
        (judge,, programId) = REGISTRY.programOf(modelId);
        if (judge != address(DISPUTE)) revert TraceDemands_OtherJudge(judge);
    }

    function _requireOpen(bytes32 demandId) private view returns (DemandState storage state) {
        state = demands[demandId];
        if (state.askedAt == 0) revert TraceDemands_NotAsked(demandId);
        if (state.isOver) revert TraceDemands_Over(demandId);
    }

    /// @dev INVARIANT 38: the times follow from the claim and the level, so that however many ask, and whenever, a claim is final
    ///      in time; and who asks in the last second leaves whoever answers all of its time, and itself as much for what follows.
    /// @return finalAt Of the claim, with this demand.
    function _requireInTime(OptimisticClaim memory standing, uint256 level, uint256 window)
        private
        view
        returns (uint64 finalAt)
    {
        uint256 step = window / STEPS_OF_WINDOW;
        uint256 levelEnd = standing.claimedAt + window + 2 * level * step;
        uint256 lastAt = Math.min(levelEnd, standing.finalAt);
        if (block.timestamp > lastAt) revert TraceDemands_TooLate(lastAt.toUint64(), uint64(block.timestamp));
        return Math.max(levelEnd + 2 * step, standing.finalAt).toUint64();
    }

    function _open(JobId jobId, uint16 milestone, bytes32 key, Demand calldata asked)
        private
        returns (bytes32 demandId)
    {
        // Check: for the first time, and paid for.
        demandId = demandIdOf(key, asked);
        if (demands[demandId].askedAt != 0) revert TraceDemands_AlreadyAsked(demandId);
        (uint256 base, uint256 crowding) = _priceOf(key, asked);
        if (msg.value < base + crowding) revert TraceDemands_Underpaid(base + crowding, msg.value);

        // Effect
        uint256 over = msg.value - base - crowding;
        if (over > 0) credits[msg.sender] += over;
        demands[demandId] = DemandState({
            payer: msg.sender,
            askedAt: uint64(block.timestamp),
            isOver: false,
            base: base.toUint128(),
            crowding: crowding.toUint128()
        });
        ofClaim[key] = ClaimDemands(bytes26(JobId.unwrap(jobId)), milestone, ofClaim[key].open + 1);
    }

    function _announce(
        JobId jobId,
        bytes32 demandId,
        uint16 milestone,
        uint256 level,
        uint64 answerBy,
        uint64 finalAt,
        Demand calldata asked
    ) private {
        emit TraceDemanded(jobId, demandId, msg.sender, milestone, level.toUint8(), answerBy, finalAt, asked);
    }

    function _answerBy(uint64 askedAt, uint32 window) private pure returns (uint64) {
        return askedAt + uint64(window / STEPS_OF_WINDOW);
    }

    function _close(bytes32 key, DemandState storage state) private {
        state.isOver = true;
        --ofClaim[key].open;
    }

    function _priceOf(bytes32 key, Demand calldata asked) private view returns (uint256 base, uint256 crowding) {
        return DemandPriceLib.priceOf(asked.spanOf().bytesOf(), ofClaim[key].open);
    }

    /// @dev The node that an answer makes. Reverts where it is not of the form that was asked for.
    function _nodeOf(Demand calldata asked, bytes calldata shown) private view returns (bytes32) {
        uint256 offset = WitnessLib.placeOf(shown);
        if (!asked.isRoot()) {
            _requireLength(asked.spanOf().bytesOf(), shown);
            return asked.spanOf().rootOf(asked.height, offset);
        }
        (WitnessLib.Header memory header, bool valid) = WitnessLib.readHeader(offset);
        if (!valid) revert TraceDemands_BadHeader();
        // The claimer's own header says what is below it; if that is not what the program says, the judge has a witness.
        uint256 leaves = header.leavesOf();
        uint256 height = DemandLib.depthOf(leaves);
        DemandLib.Span memory span = DemandLib.spanAt(leaves, height, 0, false);
        _requireLength(header.length + span.bytesOf(), shown);
        bytes32 root = span.rootOf(height, offset + header.length);
        return TensorTreeLib.tensorRoot(header.offset, header.length, root);
    }

    function _requireLength(uint256 expected, bytes calldata shown) private pure {
        if (shown.length != expected) revert TraceDemands_Length(expected, shown.length);
    }
}
