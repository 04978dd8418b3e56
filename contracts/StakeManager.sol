// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {JobId} from "./types/JobTypes.sol";
import {MilestoneMathLib} from "./libraries/MilestoneMathLib.sol";

/// @title Operators' stake. No owner, no pause, no upgrade: parameters are fixed at deployment.
/// @dev   INVARIANT 1: the stake token's balance here is at least the sum of free, locked and unbonding stake, bounties
///        and rewards, and equal to it unless somebody sent tokens past `deposit`.
contract StakeManager is IStakeManager, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Unbonding {
        uint256 amount;
        uint64 readyAt;
    }

    struct Lock {
        address operator;
        uint256 amount;
    }

    /// @notice Least part of every slash that nobody gets, so that slashing oneself through a second identity costs.
    uint16 public constant MIN_BURN_BPS = 1_000;
    /// @inheritdoc IStakeManager
    /// @dev Not the zero address, which most tokens refuse to send to.
    address public constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;

    IERC20 private immutable STAKE_TOKEN;
    address private immutable ESCROW;
    uint256 private immutable MIN_LOCK;
    uint32 private immutable UNBOND_SECONDS;

    SlashSplit private split;
    mapping(address operator => uint256) private free;
    mapping(address operator => uint256) private locked;
    mapping(address operator => Unbonding) private unbonding;
    mapping(address operator => mapping(address agent => bool)) private agents;
    mapping(JobId => Lock) private locks;
    mapping(JobId => uint256) private bounties;
    mapping(address account => uint256) private rewards;

    modifier onlyEscrow() {
        if (msg.sender != ESCROW) revert StakeManager_NotEscrow(msg.sender);
        _;
    }

    constructor(
        IERC20 stakeToken_,
        address escrow_,
        uint256 minLock_,
        uint32 unbondSeconds_,
        SlashSplit memory slashSplit_
    ) {
        if (address(stakeToken_).code.length == 0 || escrow_ == address(0)) revert StakeManager_ZeroAddress();
        if (minLock_ == 0) revert StakeManager_ZeroAmount();
        uint256 sumBps = uint256(slashSplit_.finderBps) + slashSplit_.creatorBps + slashSplit_.bountyBps
            + slashSplit_.burnBps;
        if (sumBps != MilestoneMathLib.BPS || slashSplit_.burnBps < MIN_BURN_BPS) {
            revert StakeManager_BadSplit(sumBps, slashSplit_.burnBps, MIN_BURN_BPS);
        }

        STAKE_TOKEN = stakeToken_;
        ESCROW = escrow_;
        MIN_LOCK = minLock_;
        UNBOND_SECONDS = unbondSeconds_;
        split = slashSplit_;
    }

    // ---- operators ------------------------------------------------------------------------------------------------

    /// @inheritdoc IStakeManager
    function deposit(address operator, uint256 amount) external nonReentrant {
        // Check: something for somebody.
        if (operator == address(0)) revert StakeManager_ZeroAddress();
        if (amount == 0) revert StakeManager_ZeroAmount();

        // Effect: before the call, although the token is the protocol's own choice.
        free[operator] += amount;
        emit StakeDeposited(operator, msg.sender, amount);

        // Interaction: what arrives is counted, not what was asked for.
        uint256 before = STAKE_TOKEN.balanceOf(address(this));
        STAKE_TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = STAKE_TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert StakeManager_UnexpectedAmount(amount, received);
    }

    /// @inheritdoc IStakeManager
    function requestUnbond(uint256 amount) external {
        // Check: it is there and free.
        if (amount == 0) revert StakeManager_ZeroAmount();
        _takeFree(msg.sender, amount);

        // Effect: the delay starts anew for everything that is unbonding, so that the last request sets the time.
        uint64 readyAt = uint64(block.timestamp) + UNBOND_SECONDS;
        Unbonding storage mine = unbonding[msg.sender];
        mine.amount += amount;
        mine.readyAt = readyAt;
        emit UnbondRequested(msg.sender, amount, readyAt);
    }

    /// @inheritdoc IStakeManager
    function completeUnbond() external nonReentrant {
        Unbonding memory mine = unbonding[msg.sender];

        // Check: there is something, and its delay is over.
        if (mine.amount == 0) revert StakeManager_NothingToWithdraw(msg.sender);
        if (block.timestamp < mine.readyAt) {
            revert StakeManager_StillUnbonding(msg.sender, mine.readyAt, uint64(block.timestamp));
        }

        // Effect
        delete unbonding[msg.sender];
        emit UnbondCompleted(msg.sender, mine.amount);

        // Interaction
        STAKE_TOKEN.safeTransfer(msg.sender, mine.amount);
    }

    /// @inheritdoc IStakeManager
    function appointAgent(address agent) external {
        if (agent == address(0)) revert StakeManager_ZeroAddress();
        agents[msg.sender][agent] = true;
        emit AgentAppointed(msg.sender, agent);
    }

    /// @inheritdoc IStakeManager
    function revokeAgent(address agent) external {
        agents[msg.sender][agent] = false;
        emit AgentRevoked(msg.sender, agent);
    }

    // ---- the escrow -----------------------------------------------------------------------------------------------
    // None of these calls out, so that the escrow may call them in the middle of its own work.

    /// @inheritdoc IStakeManager
    function lock(JobId jobId, address operator, uint256 amount) external onlyEscrow {
        // Check: one lock per job, worth taking, and covered.
        if (locks[jobId].operator != address(0)) revert StakeManager_AlreadyLocked(jobId, locks[jobId].operator);
        if (amount < MIN_LOCK) revert StakeManager_LockTooSmall(amount, MIN_LOCK);
        _takeFree(operator, amount);

        // Effect
        locked[operator] += amount;
        locks[jobId] = Lock({operator: operator, amount: amount});
        emit StakeLocked(jobId, operator, amount);
    }

    /// @inheritdoc IStakeManager
    function release(JobId jobId) external onlyEscrow {
        Lock memory ended = _endLock(jobId);
        free[ended.operator] += ended.amount;
        emit StakeReleased(jobId, ended.operator, ended.amount);
    }

    /// @inheritdoc IStakeManager
    function slash(JobId jobId, uint256 amount, address finder, address creator) external onlyEscrow {
        Lock memory ended = _endLock(jobId);

        // Check: INVARIANT 2: no more is slashed than was locked for this very job.
        if (amount > ended.amount) revert StakeManager_SlashTooLarge(jobId, amount, ended.amount);

        // Effect
        free[ended.operator] += ended.amount - amount;
        _divide(jobId, ended.operator, amount, finder, creator);
    }

    /// @inheritdoc IStakeManager
    function payBounty(JobId jobId, address account) external onlyEscrow {
        uint256 amount = bounties[jobId];
        // Most jobs never had one; that is no reason to stop the escrow.
        if (amount == 0) return;

        delete bounties[jobId];
        rewards[account] += amount;
        emit BountyPaid(jobId, account, amount);
    }

    // ---- everyone -------------------------------------------------------------------------------------------------

    /// @inheritdoc IStakeManager
    function withdrawReward(address account) external nonReentrant {
        uint256 amount = rewards[account];

        // Check
        if (amount == 0) revert StakeManager_NothingToWithdraw(account);

        // Effect
        delete rewards[account];
        emit RewardWithdrawn(account, amount);

        // Interaction
        STAKE_TOKEN.safeTransfer(account, amount);
    }

    /// @inheritdoc IStakeManager
    function requireAgent(address caller, address operator) external view {
        if (!isAgent(operator, caller)) revert StakeManager_NotAgent(caller, operator);
    }

    /// @inheritdoc IStakeManager
    function isAgent(address operator, address agent) public view returns (bool) {
        return agent == operator || agents[operator][agent];
    }

    /// @inheritdoc IStakeManager
    function stakeToken() external view returns (address) {
        return address(STAKE_TOKEN);
    }

    /// @inheritdoc IStakeManager
    function escrow() external view returns (address) {
        return ESCROW;
    }

    /// @inheritdoc IStakeManager
    function minLock() external view returns (uint256) {
        return MIN_LOCK;
    }

    /// @inheritdoc IStakeManager
    function unbondSeconds() external view returns (uint32) {
        return UNBOND_SECONDS;
    }

    /// @inheritdoc IStakeManager
    function slashSplit() external view returns (SlashSplit memory) {
        return split;
    }

    /// @inheritdoc IStakeManager
    function freeStakeOf(address operator) external view returns (uint256) {
        return free[operator];
    }

    /// @inheritdoc IStakeManager
    function lockedStakeOf(address operator) external view returns (uint256) {
        return locked[operator];
    }

    /// @inheritdoc IStakeManager
    function unbondingOf(address operator) external view returns (uint256 amount, uint64 readyAt) {
        return (unbonding[operator].amount, unbonding[operator].readyAt);
    }

    /// @inheritdoc IStakeManager
    function lockOf(JobId jobId) external view returns (address operator, uint256 amount) {
        return (locks[jobId].operator, locks[jobId].amount);
    }

    /// @inheritdoc IStakeManager
    function bountyOf(JobId jobId) external view returns (uint256) {
        return bounties[jobId];
    }

    /// @inheritdoc IStakeManager
    function rewardOf(address account) external view returns (uint256) {
        return rewards[account];
    }

    // ---- inside ---------------------------------------------------------------------------------------------------

    function _takeFree(address operator, uint256 amount) private {
        uint256 available = free[operator];
        if (available < amount) revert StakeManager_StakeTooLow(operator, available, amount);
        free[operator] = available - amount;
    }

    /// @dev INVARIANT 3: a lock ends once. Whoever ends it gives its amount a new place in the same call.
    function _endLock(JobId jobId) private returns (Lock memory ended) {
        ended = locks[jobId];
        if (ended.operator == address(0)) revert StakeManager_NotLocked(jobId);
        delete locks[jobId];
        locked[ended.operator] -= ended.amount;
    }

    /// @dev Three shares round down and the burn takes the rest, so that the four always add up to the whole.
    function _divide(JobId jobId, address operator, uint256 amount, address finder, address creator) private {
        SlashSplit memory bps = split;
        uint256 toFinder = MilestoneMathLib.shareDown(amount, bps.finderBps);
        uint256 toCreator = MilestoneMathLib.shareDown(amount, bps.creatorBps);
        uint256 toBounty = MilestoneMathLib.shareDown(amount, bps.bountyBps);
        uint256 burned = amount - toFinder - toCreator - toBounty;

        rewards[finder] += toFinder;
        rewards[creator] += toCreator;
        bounties[jobId] += toBounty;
        rewards[BURN_ADDRESS] += burned;
        emit StakeSlashed(jobId, operator, finder, amount, toFinder, toCreator, toBounty, burned);
    }
}
