// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {JobId, JobState, JobStatus, JobTerms} from "./types/JobTypes.sol";
import {Economy} from "./types/ParameterTypes.sol";
import {JobStateLib} from "./libraries/JobStateLib.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {MilestoneMathLib} from "./libraries/MilestoneMathLib.sol";

/// @title What the escrow keeps and how it is read: jobs, credits, used nonces. `JobEscrow` makes the changes.
abstract contract JobLedger is IJobEscrow, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using JobTermsLib for JobTerms;
    using JobStateLib for JobState;

    IStakeManager internal immutable STAKE_MANAGER;
    IProtocolParameters internal immutable PARAMETERS;
    IModelRegistry internal immutable REGISTRY;
    address internal immutable SETTLEMENT;
    address internal immutable STAKE_TOKEN;
    bytes32 internal immutable JOB_DOMAIN;

    mapping(JobId => JobState) internal jobs;
    mapping(address token => mapping(address account => uint256)) internal credits;
    mapping(address creator => mapping(uint256 word => uint256 bits)) internal orderNonces;

    constructor(IStakeManager stakeManager_, IModelRegistry registry_, address settlement_)
        EIP712("Tallystick", "1")
    {
        // Each of the two was told the other's address before it existed; a wrong prediction must not survive deployment.
        if (stakeManager_.escrow() != address(this)) revert JobEscrow_Misdeployed(stakeManager_.escrow());
        STAKE_MANAGER = stakeManager_;
        PARAMETERS = stakeManager_.parameters();
        STAKE_TOKEN = stakeManager_.stakeToken();
        REGISTRY = registry_;
        SETTLEMENT = settlement_;
        JOB_DOMAIN = _domainSeparatorV4();
    }

    // ---- everyone -------------------------------------------------------------------------------------------------

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
    function jobIdOf(JobTerms calldata terms) external view returns (JobId) {
        return terms.idOf(JOB_DOMAIN);
    }

    /// @inheritdoc IJobEscrow
    function jobDomain() external view returns (bytes32) {
        return JOB_DOMAIN;
    }

    /// @inheritdoc IJobEscrow
    function stateOf(JobId jobId) external view returns (JobState memory) {
        return jobs[jobId].load();
    }

    /// @inheritdoc IJobEscrow
    function priceOf(JobTerms calldata terms) external view returns (uint256) {
        JobId jobId = terms.idOf(JOB_DOMAIN);
        JobState memory job = jobs[jobId].load();
        if (job.status == JobStatus.Assigned) return _priceAt(terms, job.acceptedAfter);
        if (job.status != JobStatus.Open) revert JobEscrow_WrongStatus(jobId, job.status, JobStatus.Open);
        return _priceAt(terms, block.timestamp - job.timer);
    }

    /// @inheritdoc IJobEscrow
    function releaseFeeOf(JobTerms calldata terms) external view returns (uint256) {
        (, JobState memory job) = _load(terms, JobStatus.Assigned);
        job.requireNothingPending();
        return job.addBounty(_releaseFee(terms, job));
    }

    /// @inheritdoc IJobEscrow
    function creditOf(address token, address account) external view returns (uint256) {
        return credits[token][account];
    }

    /// @inheritdoc IJobEscrow
    function orderNoncesOf(address creator, uint256 word) external view returns (uint256) {
        return orderNonces[creator][word];
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

    /// @inheritdoc IJobEscrow
    function parameters() external view returns (IProtocolParameters) {
        return PARAMETERS;
    }

    // ---- inside: reading ------------------------------------------------------------------------------------------

    /// @dev The terms are never stored: bringing the right ones is what finds the job.
    function _load(JobTerms calldata terms, JobStatus wanted) internal view returns (JobId jobId, JobState memory job) {
        jobId = terms.idOf(JOB_DOMAIN);
        job = jobs[jobId].load();
        if (job.status != wanted) revert JobEscrow_WrongStatus(jobId, job.status, wanted);
    }

    function _priceAt(JobTerms calldata terms, uint256 elapsed) internal pure returns (uint96) {
        return MilestoneMathLib.rampPriceDown(terms.minPrice, terms.maxPrice, terms.rampSeconds, elapsed);
    }

    /// @dev The time held counts from when the milestone's own time began. Time that was banked before that is free.
    function _releaseFee(JobTerms calldata terms, JobState memory job) internal view returns (uint96) {
        Economy memory economy = PARAMETERS.economyOf(job.economyVersion);
        uint256 duration = terms.durationSeconds[job.nextMilestone];
        uint256 heldFrom = job.timer - duration;
        return MilestoneMathLib.releaseFeeDown(
            terms.stakeLock,
            MilestoneMathLib.sumFrom(terms.shareBps, job.nextMilestone),
            economy.releaseBps,
            economy.lateSlashBps,
            block.timestamp > heldFrom ? block.timestamp - heldFrom : 0,
            duration
        );
    }
}
