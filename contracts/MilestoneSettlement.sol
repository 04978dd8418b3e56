// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "./interfaces/IMilestoneSettlement.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {JobId, JobMode, JobState, JobTerms, ModelId, ProofKind} from "./types/JobTypes.sol";
import {Claim, ClaimBatch, OptimisticClaim, Statement} from "./types/ClaimTypes.sol";
import {JobStateLib} from "./libraries/JobStateLib.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {MerkleLib} from "./libraries/MerkleLib.sol";
import {ProofCheckLib} from "./libraries/ProofCheckLib.sol";
import {StatementLib} from "./libraries/StatementLib.sol";

/// @title Claims. Holds no money and has no owner.
/// @dev   A reentrancy guard is absent on purpose: everything that is called here is either our own or static.
contract MilestoneSettlement is IMilestoneSettlement, EIP712 {
    using JobTermsLib for JobTerms;
    using JobStateLib for JobState;
    using StatementLib for Statement;

    /// @dev What a model's claims are checked with.
    struct Program {
        ModelId modelId;
        address adapter;
        uint256 gasCap;
        bytes32 programId;
    }

    /// @notice Layout of the statements that this settlement builds.
    uint16 public constant SCHEMA_VERSION = 1;
    uint64 private constant LONGEST_WINDOWS = 3;

    IJobEscrow private immutable ESCROW;
    IModelRegistry private immutable REGISTRY;
    bytes32 private immutable JOB_DOMAIN;

    mapping(JobId => mapping(uint256 milestone => OptimisticClaim)) private claims;
    mapping(JobId => mapping(uint256 milestone => bytes32)) private outputRoots;

    /// @dev Everything else is read from the escrow, so that no two contracts can be set up with different ones.
    constructor(IJobEscrow escrow_) EIP712("Tallystick", "1") {
        if (escrow_.settlement() != address(this)) revert MilestoneSettlement_Misdeployed(escrow_.settlement());
        ESCROW = escrow_;
        REGISTRY = escrow_.registry();
        JOB_DOMAIN = escrow_.jobDomain();
    }

    /// @inheritdoc IMilestoneSettlement
    function claim(JobTerms calldata terms, Claim calldata claimed) external {
        Program memory program;
        _claim(terms, terms.idOf(JOB_DOMAIN), claimed, program);
    }

    /// @inheritdoc IMilestoneSettlement
    function claimMany(ClaimBatch[] calldata batches) external {
        Program memory program;
        for (uint256 b = 0; b < batches.length; ++b) {
            JobTerms calldata terms = batches[b].terms;
            JobId jobId = terms.idOf(JOB_DOMAIN);
            for (uint256 c = 0; c < batches[b].claims.length; ++c) {
                _claim(terms, jobId, batches[b].claims[c], program);
            }
        }
    }

    /// @inheritdoc IMilestoneSettlement
    function finalize(JobTerms calldata terms) external returns (uint256 paid) {
        JobId jobId = terms.idOf(JOB_DOMAIN);
        paid = _finalize(terms, jobId);
        if (paid > 0) return paid;

        JobState memory job = ESCROW.stateOf(jobId);
        if (!job.isPending()) revert MilestoneSettlement_NothingClaimed(jobId);
        revert MilestoneSettlement_NotFinal(claims[jobId][job.paidMilestones].finalAt, uint64(block.timestamp));
    }

    /// @inheritdoc IMilestoneSettlement
    function finalizeMany(JobTerms[] calldata terms) external returns (uint256 paid) {
        for (uint256 i = 0; i < terms.length; ++i) {
            paid += _finalize(terms[i], terms[i].idOf(JOB_DOMAIN));
        }
    }

    /// @inheritdoc IMilestoneSettlement
    function fault(JobTerms calldata terms, uint16 milestone, address challenger) external {
        // Check: by the judge that the model names, while the claim can still be shown to be wrong.
        (JobId jobId,) = _requireJudged(terms, milestone);

        // Interaction: what is final already is paid first, so that it makes no difference who called before whom. Whether
        // the claim stands, the escrow knows.
        _finalize(terms, jobId);
        ESCROW.faultMilestone(terms, milestone, challenger);
    }

    /// @inheritdoc IMilestoneSettlement
    function extend(JobTerms calldata terms, uint16 milestone, uint64 finalAt) external {
        // Check: INVARIANT 38: a claim is final at the latest three windows after it was made. The judge cannot take longer,
        // and an extension never shortens what there is.
        (JobId jobId, OptimisticClaim storage standing) = _requireJudged(terms, milestone);
        if (!ESCROW.stateOf(jobId).isPendingAt(milestone)) revert MilestoneSettlement_NothingClaimed(jobId);
        uint64 most = standing.claimedAt + LONGEST_WINDOWS * uint64(terms.challengeSeconds);
        if (finalAt <= standing.finalAt || finalAt > most) revert MilestoneSettlement_BadExtension(finalAt, most);

        // Effect
        standing.finalAt = finalAt;
        emit ClaimExtended(jobId, milestone, finalAt);
    }

    /// @inheritdoc IMilestoneSettlement
    function statementOf(JobTerms calldata terms, Claim calldata claimed) external view returns (Statement memory) {
        return _statement(terms, terms.idOf(JOB_DOMAIN), claimed);
    }

    /// @inheritdoc IMilestoneSettlement
    function digestOf(Statement calldata statement) external view returns (bytes32) {
        return _hashTypedDataV4(statement.hash());
    }

    /// @inheritdoc IMilestoneSettlement
    function claimOf(JobId jobId, uint16 milestone) external view returns (OptimisticClaim memory) {
        return claims[jobId][milestone];
    }

    /// @inheritdoc IMilestoneSettlement
    function outputRootOf(JobId jobId, uint16 milestone) external view returns (bytes32) {
        return outputRoots[jobId][milestone];
    }

    /// @inheritdoc IMilestoneSettlement
    function escrow() external view returns (IJobEscrow) {
        return ESCROW;
    }

    /// @param program Whatever the claim before this one was checked with: most batches are of one model.
    function _claim(JobTerms calldata terms, JobId jobId, Claim calldata claimed, Program memory program) private {
        // Check: INVARIANT 10: nothing is paid without a proof of the statement that this contract built itself, or a claim
        // of it that stood its whole window unrefuted. That there is such a job, and that it is the caller's turn, the
        // escrow checks, once.
        Statement memory statement = _statement(terms, jobId, claimed);
        if (terms.proofKind == ProofKind.Zk) {
            if (ModelId.unwrap(program.modelId) != ModelId.unwrap(terms.modelId)) _look(terms.modelId, program);
            ProofCheckLib.check(program.adapter, program.gasCap, program.programId, statement, claimed.proof);
        } else {
            _commit(jobId, statement, terms.challengeSeconds, claimed.proof);
        }

        // Effect
        if (terms.mode == JobMode.Chained) outputRoots[jobId][claimed.milestone] = claimed.outputRoot;

        // Interaction
        bytes32[4] memory words = [
            bytes32(uint256(claimed.milestone)),
            bytes32(uint256(uint160(msg.sender))),
            claimed.outputRoot,
            claimed.manifest
        ];
        bytes memory call = terms.encodeCall(IJobEscrow.claimMilestone.selector, words);
        if (!LowLevelCall.callNoReturn(address(ESCROW), call)) LowLevelCall.bubbleRevert();
    }

    /// @dev The caller is the judge that the job's model names, and the claim's window is not over.
    function _requireJudged(JobTerms calldata terms, uint16 milestone)
        private
        view
        returns (JobId jobId, OptimisticClaim storage standing)
    {
        (address judge,,) = REGISTRY.programOf(terms.modelId);
        if (msg.sender != judge) revert MilestoneSettlement_NotJudge(msg.sender, judge);
        jobId = terms.idOf(JOB_DOMAIN);
        standing = claims[jobId][milestone];
        uint64 finalAt = standing.finalAt;
        if (block.timestamp > finalAt) revert MilestoneSettlement_AlreadyFinal(finalAt, uint64(block.timestamp));
    }

    function _look(ModelId modelId, Program memory program) private view {
        (program.adapter, program.gasCap, program.programId) = REGISTRY.programOf(modelId);
        program.modelId = modelId;
    }

    function _commit(JobId jobId, Statement memory statement, uint32 challengeSeconds, bytes calldata traceRoot)
        private
    {
        if (traceRoot.length != 32) revert MilestoneSettlement_BadTraceRoot(traceRoot.length);
        claims[jobId][statement.milestone] = OptimisticClaim({
            commitment: keccak256(abi.encode(statement.hash(), bytes32(traceRoot))),
            finalAt: uint64(block.timestamp) + challengeSeconds,
            claimedAt: uint64(block.timestamp)
        });
        // Said aloud, because calldata of a claim that comes through another contract is not where anybody looks for it.
        emit OptimisticClaimed(jobId, statement.milestone, statement.inputRoot, bytes32(traceRoot));
    }

    /// @dev Bounded by the number of milestones of one job.
    function _finalize(JobTerms calldata terms, JobId jobId) private returns (uint256 paid) {
        JobState memory job = ESCROW.stateOf(jobId);
        if (!job.isPending()) return 0;
        for (uint256 m = job.paidMilestones; m < job.nextMilestone; ++m) {
            if (block.timestamp <= claims[jobId][m].finalAt) break;
            ESCROW.payMilestone(terms);
            ++paid;
        }
    }

    function _statement(JobTerms calldata terms, JobId jobId, Claim calldata claimed)
        private
        view
        returns (Statement memory)
    {
        bool chained = terms.mode == JobMode.Chained;
        bool isJobs = chained ? _isNextInChain(terms, jobId, claimed) : _isInTree(terms, claimed);
        if (!isJobs) {
            revert MilestoneSettlement_InputNotInJob(claimed.inputRoot, claimed.milestone, terms.inputRoot);
        }
        return Statement({
            schemaVersion: SCHEMA_VERSION,
            chainId: block.chainid,
            settlement: address(this),
            jobId: jobId,
            milestone: claimed.milestone,
            modelId: terms.modelId,
            inputRoot: claimed.inputRoot,
            startRoot: chained ? claimed.inputRoot : bytes32(0),
            outputRoot: claimed.outputRoot,
            proofKind: terms.proofKind
        });
    }

    function _isInTree(JobTerms calldata terms, Claim calldata claimed) private pure returns (bool) {
        uint256 count = terms.shareBps.length;
        return MerkleLib.verify(terms.inputRoot, claimed.milestone, count, claimed.inputRoot, claimed.inputProof);
    }

    /// @dev The escrow lets only the next milestone be claimed, so the one before it has just been, by this assignment or, when
    ///      it is paid, by an earlier one.
    function _isNextInChain(JobTerms calldata terms, JobId jobId, Claim calldata claimed) private view returns (bool) {
        bytes32 expected = claimed.milestone == 0 ? terms.inputRoot : outputRoots[jobId][claimed.milestone - 1];
        return claimed.inputRoot == expected && claimed.inputProof.length == 0;
    }
}
