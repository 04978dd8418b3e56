// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "./interfaces/IMilestoneSettlement.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {JobId, JobMode, JobState, JobStatus, JobTerms, ProofKind} from "./types/JobTypes.sol";
import {Claim, ModelSpec, Statement} from "./types/ClaimTypes.sol";
import {MerkleLib} from "./libraries/MerkleLib.sol";

/// @title Claims. Holds no money and has no owner; what it stores is one word for each chained job.
/// @dev   A reentrancy guard is absent on purpose: everything that is called here is either our own or static.
contract MilestoneSettlement is IMilestoneSettlement {
    /// @notice Layout of the statements that this settlement builds.
    uint16 public constant SCHEMA_VERSION = 1;

    IJobEscrow private immutable ESCROW;
    IStakeManager private immutable STAKE_MANAGER;
    IModelRegistry private immutable REGISTRY;
    IVerifierRouter private immutable ROUTER;

    mapping(JobId => bytes32) private lastOutputRoots;

    /// @dev Everything else is read from the escrow, so that no two contracts can be set up with different ones.
    constructor(IJobEscrow escrow_) {
        if (escrow_.settlement() != address(this)) revert MilestoneSettlement_Misdeployed(escrow_.settlement());
        ESCROW = escrow_;
        STAKE_MANAGER = escrow_.stakeManager();
        REGISTRY = escrow_.registry();
        ROUTER = escrow_.registry().router();
    }

    /// @inheritdoc IMilestoneSettlement
    function claim(JobTerms calldata terms, Claim calldata claimed) external {
        JobId jobId = ESCROW.jobIdOf(terms);
        JobState memory job = ESCROW.stateOf(jobId);

        // Check: the next milestone, in time, by the one who holds the job.
        if (job.status != JobStatus.Assigned) revert MilestoneSettlement_NotAssigned(jobId, job.status);
        if (claimed.milestone != job.nextMilestone) {
            revert MilestoneSettlement_WrongMilestone(claimed.milestone, job.nextMilestone);
        }
        if (block.timestamp > job.deadline) {
            revert MilestoneSettlement_DeadlinePassed(job.deadline, uint64(block.timestamp));
        }
        STAKE_MANAGER.requireAgent(msg.sender, job.operator);

        // Check: INVARIANT 10: nothing is paid without a proof of the statement that this contract built itself.
        _checkProof(terms, claimed, jobId);

        // Effect
        if (terms.mode == JobMode.Chained) lastOutputRoots[jobId] = claimed.outputRoot;
        emit MilestoneClaimed(jobId, claimed.milestone, job.operator, claimed.outputRoot, claimed.manifest);

        // Interaction
        ESCROW.payMilestone(terms, claimed.milestone);
    }

    /// @inheritdoc IMilestoneSettlement
    function statementOf(JobTerms calldata terms, Claim calldata claimed) external view returns (Statement memory) {
        return _statement(terms, claimed, ESCROW.jobIdOf(terms));
    }

    /// @inheritdoc IMilestoneSettlement
    function lastOutputRootOf(JobId jobId) external view returns (bytes32) {
        return lastOutputRoots[jobId];
    }

    /// @inheritdoc IMilestoneSettlement
    function escrow() external view returns (IJobEscrow) {
        return ESCROW;
    }

    function _checkProof(JobTerms calldata terms, Claim calldata claimed, JobId jobId) private view {
        if (terms.proofKind != ProofKind.Zk) revert MilestoneSettlement_UnsupportedKind(uint8(terms.proofKind));
        Statement memory statement = _statement(terms, claimed, jobId);
        ModelSpec memory spec = REGISTRY.specOf(terms.modelId);
        ROUTER.check(spec.adapter, spec.programId, statement, claimed.proof);
    }

    function _statement(JobTerms calldata terms, Claim calldata claimed, JobId jobId)
        private
        view
        returns (Statement memory)
    {
        bool chained = terms.mode == JobMode.Chained;
        bool isJobs = chained ? _isNextInChain(terms, claimed, jobId) : _isInTree(terms, claimed);
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

    function _isNextInChain(JobTerms calldata terms, Claim calldata claimed, JobId jobId) private view returns (bool) {
        bytes32 expected = claimed.milestone == 0 ? terms.inputRoot : lastOutputRoots[jobId];
        return claimed.inputRoot == expected && claimed.inputProof.length == 0;
    }
}
