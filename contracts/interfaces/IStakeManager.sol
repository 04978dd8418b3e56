// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId} from "../types/JobTypes.sol";
import {SlashDivision} from "../types/ParameterTypes.sol";
import {TokenPermit} from "../types/JobTypes.sol";
import {IProtocolParameters} from "./IProtocolParameters.sol";

/// @title  Operators' stake: deposits, unbonding, what is locked for jobs, and who gets what is slashed.
/// @notice Units are the stake token's. An operator's cold key owns stake and withdraws it; agents it appoints act for
///         it and can move nothing.
///
///         An operator has one stake. Part of it may be locked for jobs, and part of it unbonding; the two may overlap,
///         so that an operator can begin to leave while it still works, and stake that is unbonding can be slashed for
///         what is still locked. Free is what is in neither.
///
///         Locking and releasing have no event of their own: a lock stands, in the size that the job's terms name, from the
///         escrow's JobAssigned to its JobCompleted, JobReleased, JobExpired or JobFaulted.
interface IStakeManager {
    error StakeManager_ZeroAmount();
    error StakeManager_ZeroAddress();
    error StakeManager_AmountTooLarge(uint256 amount, uint256 most);
    error StakeManager_StakeTooLow(address operator, uint256 available, uint256 wanted);
    error StakeManager_NotEscrow(address caller);
    error StakeManager_NotAgent(address caller, address operator);
    error StakeManager_LockTooLow(address operator, uint256 locked, uint256 wanted);
    error StakeManager_BadDivision(uint256 divided, uint256 lock);
    error StakeManager_StillUnbonding(address operator, uint64 readyAt, uint64 nowAt);
    error StakeManager_StillLocked(address operator, uint256 locked, uint256 unbonding);
    error StakeManager_NothingToWithdraw(address account);
    error StakeManager_UnexpectedAmount(uint256 expected, uint256 received);

    event StakeDeposited(address indexed operator, address indexed from, uint256 amount);
    event UnbondRequested(address indexed operator, uint256 amount, uint64 readyAt);
    event UnbondCancelled(address indexed operator, uint256 amount);
    event UnbondCompleted(address indexed operator, uint256 amount);
    event AgentAppointed(address indexed operator, address indexed agent);
    event AgentRevoked(address indexed operator, address indexed agent);
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

    /// @notice Adds `amount` from the caller to `operator`'s stake.
    /// @dev    Emits StakeDeposited. A token that delivers less is refused with UnexpectedAmount.
    function deposit(address operator, uint256 amount) external;

    /// @notice `deposit`, with an EIP-2612 signature of the caller's in place of an earlier approval.
    /// @dev    A signature that somebody else has used already is not missed: the allowance is there then.
    function depositWithPermit(address operator, uint256 amount, TokenPermit calldata permit) external;

    /// @notice Takes `amount` of the caller's stake out of use, locked or not. It can go home once the delay is over and
    ///         nothing locks it any more. The delay starts anew for everything that is unbonding.
    /// @dev    Emits UnbondRequested.
    function requestUnbond(uint256 amount) external;

    /// @notice Puts everything of the caller's that is unbonding back to use.
    /// @dev    Emits UnbondCancelled.
    function cancelUnbond() external;

    /// @notice Sends the caller home what is unbonding, once its delay is over; what is still locked waits.
    /// @dev    Emits UnbondCompleted.
    function completeUnbond() external;

    /// @notice Lets `agent` accept jobs, claim milestones and release jobs early for the caller, and nothing else.
    function appointAgent(address agent) external;

    function revokeAgent(address agent) external;

    /// @notice Reverts unless `caller` is `operator` or one of its agents.
    function requireAgent(address caller, address operator) external view;

    /// @notice Holds `amount` of `operator`'s free stake for a job that `caller` accepts for it. Only the escrow.
    function lock(address operator, address caller, uint96 amount) external;

    /// @notice Ends a job's lock of `amount`: all but `fee` of it is the operator's again; `fee` leaves its stake and becomes
    ///         part of the bounty that the escrow keeps account of. Only the escrow.
    function release(address operator, uint96 amount, uint96 fee) external;

    /// @notice Ends a job's lock of `amount`: what `division` adds up to leaves the operator's stake, the rest is the
    ///         operator's again. The bounty's part stays here for the escrow to give away. Only the escrow.
    function slash(JobId jobId, address operator, uint96 amount, SlashDivision calldata division) external;

    /// @notice Credits a job's bounty to `account`. Only the escrow.
    function payBounty(JobId jobId, address account, uint96 amount) external;

    /// @notice Credited with what is burnt; `withdrawReward` of it sends that out of reach.
    function BURN_ADDRESS() external view returns (address);

    /// @notice Sends `account` what it was credited. Anyone may call; only `account` receives.
    function withdrawReward(address account) external;

    function stakeToken() external view returns (address);

    /// @notice The only caller of `lock`, `release`, `slash` and `payBounty`. Fixed at deployment.
    function escrow() external view returns (address);

    /// @notice Where the delay of unbonding stands. Fixed at deployment.
    function parameters() external view returns (IProtocolParameters);

    /// @notice Everything of an operator's: free, locked and unbonding.
    function stakeOf(address operator) external view returns (uint256);

    /// @notice What an operator can still lock for jobs.
    function freeStakeOf(address operator) external view returns (uint256);

    /// @notice What is held for all of an operator's assigned jobs together.
    function lockedStakeOf(address operator) external view returns (uint256);

    function unbondingOf(address operator) external view returns (uint256 amount, uint64 readyAt);

    /// @notice What `withdrawReward` would send.
    function rewardOf(address account) external view returns (uint256);

    function isAgent(address operator, address agent) external view returns (bool);
}
