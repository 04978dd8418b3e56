// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId} from "../types/JobTypes.sol";

/// @title  Operators' stake: deposits, unbonding, one lock per assigned job, and who gets what is slashed.
/// @notice Units are the stake token's. An operator's cold key owns stake and withdraws it; agents it appoints act for
///         it and can move nothing.
interface IStakeManager {
    error StakeManager_ZeroAmount();
    error StakeManager_ZeroAddress();
    error StakeManager_StakeTooLow(address operator, uint256 free, uint256 wanted);
    error StakeManager_LockTooSmall(uint256 lock, uint256 minimum);
    error StakeManager_NotEscrow(address caller);
    error StakeManager_NotAgent(address caller, address operator);
    error StakeManager_AlreadyLocked(JobId jobId, address operator);
    error StakeManager_NotLocked(JobId jobId);
    error StakeManager_SlashTooLarge(JobId jobId, uint256 slash, uint256 lock);
    error StakeManager_StillUnbonding(address operator, uint64 readyAt, uint64 nowAt);
    error StakeManager_NothingToWithdraw(address account);
    error StakeManager_UnexpectedAmount(uint256 expected, uint256 received);
    error StakeManager_BadSplit(uint256 sumBps, uint256 burnBps, uint256 minBurnBps);

    event StakeDeposited(address indexed operator, address indexed from, uint256 amount);
    event UnbondRequested(address indexed operator, uint256 amount, uint64 readyAt);
    event UnbondCompleted(address indexed operator, uint256 amount);
    event AgentAppointed(address indexed operator, address indexed agent);
    event AgentRevoked(address indexed operator, address indexed agent);
    event StakeLocked(JobId indexed jobId, address indexed operator, uint256 amount);
    event StakeReleased(JobId indexed jobId, address indexed operator, uint256 amount);
    event StakeSlashed(
        JobId indexed jobId,
        address indexed operator,
        address indexed finder,
        uint256 amount,
        uint256 toFinder,
        uint256 toCreator,
        uint256 toBounty,
        uint256 burned
    );
    event BountyPaid(JobId indexed jobId, address indexed account, uint256 amount);
    event RewardWithdrawn(address indexed account, uint256 amount);

    /// @notice How a slashed amount is divided, in bps of it. Set once, at deployment.
    struct SlashSplit {
        uint16 finderBps;
        uint16 creatorBps;
        uint16 bountyBps;
        uint16 burnBps;
    }

    /// @notice Adds `amount` from the caller to `operator`'s free stake.
    /// @dev    Emits StakeDeposited. Requires an allowance. A token that delivers less than `amount` is refused.
    function deposit(address operator, uint256 amount) external;

    /// @notice Starts the delay after which `amount` of the caller's free stake can be withdrawn. It stops counting as
    ///         free at once. A second request joins the first and starts the delay anew for both.
    /// @dev    Emits UnbondRequested.
    function requestUnbond(uint256 amount) external;

    /// @notice Sends the caller's unbonded stake home once its delay is over.
    /// @dev    Emits UnbondCompleted.
    function completeUnbond() external;

    /// @notice Lets `agent` accept jobs and claim milestones for the caller, and nothing else.
    function appointAgent(address agent) external;

    function revokeAgent(address agent) external;

    /// @notice Reverts unless `caller` is `operator` or one of its agents.
    function requireAgent(address caller, address operator) external view;

    /// @notice Holds `amount` of `operator`'s free stake for a job. Only the escrow.
    function lock(JobId jobId, address operator, uint256 amount) external;

    /// @notice Ends a job's lock: all of it returns to the operator's free stake. Only the escrow.
    function release(JobId jobId) external;

    /// @notice Ends a job's lock: `amount` of it is divided by the split, the rest is free again. Only the escrow.
    /// @dev    Shares round down; what is left over is burnt, that is, credited to an address that nobody holds.
    function slash(JobId jobId, uint256 amount, address finder, address creator) external;

    /// @notice Credits the job's bounty, if any, to `account`. Only the escrow.
    function payBounty(JobId jobId, address account) external;

    /// @notice Credited with what is burnt; `withdrawReward` of it sends that out of reach.
    function BURN_ADDRESS() external view returns (address);

    /// @notice Sends `account` what it was credited. Anyone may call; only `account` receives.
    function withdrawReward(address account) external;

    function stakeToken() external view returns (address);

    /// @notice The only caller of `lock`, `release`, `slash` and `payBounty`. Fixed at deployment.
    function escrow() external view returns (address);

    /// @notice The least that any job must lock.
    function minLock() external view returns (uint256);

    function unbondSeconds() external view returns (uint32);

    function slashSplit() external view returns (SlashSplit memory);

    /// @notice What an operator can still lock for jobs, or unbond.
    function freeStakeOf(address operator) external view returns (uint256);

    /// @notice What is held for all of an operator's assigned jobs together.
    function lockedStakeOf(address operator) external view returns (uint256);

    function unbondingOf(address operator) external view returns (uint256 amount, uint64 readyAt);

    /// @notice Zero for a job that is not assigned.
    function lockOf(JobId jobId) external view returns (address operator, uint256 amount);

    /// @notice What waits for whoever completes a job that was reopened.
    function bountyOf(JobId jobId) external view returns (uint256);

    /// @notice What `withdrawReward` would send.
    function rewardOf(address account) external view returns (uint256);

    function isAgent(address operator, address agent) external view returns (bool);
}
