// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";
import {IStakeManager} from "./interfaces/IStakeManager.sol";
import {JobId, TokenPermit} from "./types/JobTypes.sol";
import {SlashDivision} from "./types/ParameterTypes.sol";
import {TokenLib} from "./libraries/TokenLib.sol";

/// @title Operators' stake. No owner, no pause, no upgrade.
/// @dev   INVARIANT 1: the stake token's balance here is at least the sum of all operators' stake, the rewards, and the
///        bounties that the escrow keeps account of, and equal to it unless somebody sent tokens past `deposit`.
///
///        A job's lock has no record of its own here: its size is in the job's terms, and that it stands is in the job's
///        state, so a second record could only contradict them. What is kept is their sum for each operator.
///
///        An operator may be a contract. Delegation, when it comes, is such a contract that holds many people's shares,
///        and needs no change here.
contract StakeManager is IStakeManager, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using TokenLib for IERC20;

    struct Account {
        uint96 stake;
        uint96 locked; // never above stake
    }

    struct Unbonding {
        uint96 amount; // never above stake; may overlap with what is locked
        uint40 readyAt;
    }

    /// @inheritdoc IStakeManager
    /// @dev Not the zero address, which most tokens refuse to send to.
    address public constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;

    IERC20 private immutable STAKE_TOKEN;
    IProtocolParameters private immutable PARAMETERS;
    address private immutable ESCROW;

    mapping(address operator => Account) private accounts;
    mapping(address operator => Unbonding) private unbondings;
    mapping(address operator => mapping(address agent => bool)) private agents;
    mapping(address account => uint256) private rewards;

    modifier onlyEscrow() {
        if (msg.sender != ESCROW) revert StakeManager_NotEscrow(msg.sender);
        _;
    }

    constructor(IERC20 stakeToken_, IProtocolParameters parameters_, address escrow_) {
        bool isThere = address(stakeToken_).code.length > 0 && address(parameters_).code.length > 0;
        if (!isThere || escrow_ == address(0)) revert StakeManager_ZeroAddress();
        STAKE_TOKEN = stakeToken_;
        PARAMETERS = parameters_;
        ESCROW = escrow_;
    }

    // ---- operators ------------------------------------------------------------------------------------------------

    /// @inheritdoc IStakeManager
    function deposit(address operator, uint256 amount) external nonReentrant {
        _deposit(operator, amount);
    }

    /// @inheritdoc IStakeManager
    function depositWithPermit(address operator, uint256 amount, TokenPermit calldata permit) external nonReentrant {
        STAKE_TOKEN.permitOrSkip(msg.sender, amount, permit);
        _deposit(operator, amount);
    }

    /// @inheritdoc IStakeManager
    function requestUnbond(uint256 amount) external {
        // Check: it is there, and not on its way already.
        if (amount == 0) revert StakeManager_ZeroAmount();
        Unbonding storage mine = unbondings[msg.sender];
        uint256 available = accounts[msg.sender].stake - mine.amount;
        if (amount > available) revert StakeManager_StakeTooLow(msg.sender, available, amount);

        // Effect: the delay starts anew for everything that is unbonding, so that the last request sets the time.
        uint40 readyAt = uint40(block.timestamp) + PARAMETERS.entryRules().unbondSeconds;
        mine.amount += uint96(amount);
        mine.readyAt = readyAt;
        emit UnbondRequested(msg.sender, amount, readyAt);
    }

    /// @inheritdoc IStakeManager
    function cancelUnbond() external {
        uint256 amount = unbondings[msg.sender].amount;

        // Check
        if (amount == 0) revert StakeManager_NothingToWithdraw(msg.sender);

        // Effect
        delete unbondings[msg.sender];
        emit UnbondCancelled(msg.sender, amount);
    }

    /// @inheritdoc IStakeManager
    function completeUnbond() external nonReentrant {
        Unbonding memory mine = unbondings[msg.sender];
        Account memory account = accounts[msg.sender];

        // Check: INVARIANT 17: what is locked stays, whatever was requested, until its job lets go of it.
        if (mine.amount == 0) revert StakeManager_NothingToWithdraw(msg.sender);
        if (block.timestamp < mine.readyAt) {
            revert StakeManager_StillUnbonding(msg.sender, mine.readyAt, uint64(block.timestamp));
        }
        uint96 unlocked = account.stake - account.locked;
        uint96 amount = mine.amount < unlocked ? mine.amount : unlocked;
        if (amount == 0) revert StakeManager_StillLocked(msg.sender, account.locked, mine.amount);

        // Effect
        unbondings[msg.sender].amount = mine.amount - amount;
        accounts[msg.sender].stake = account.stake - amount;
        emit UnbondCompleted(msg.sender, amount);

        // Interaction
        STAKE_TOKEN.safeTransfer(msg.sender, amount);
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
    function lock(address operator, address caller, uint96 amount) external onlyEscrow {
        // Check: INVARIANT 18: no operator has more at stake for jobs than it has stake, whatever it accepts.
        requireAgent(caller, operator);
        Account memory account = accounts[operator];
        uint256 available = _free(account, unbondings[operator].amount);
        if (available < amount) revert StakeManager_StakeTooLow(operator, available, amount);

        // Effect
        accounts[operator].locked = account.locked + amount;
    }

    /// @inheritdoc IStakeManager
    function release(address operator, uint96 amount, uint96 fee) external onlyEscrow {
        _endLock(operator, amount, fee);
    }

    /// @inheritdoc IStakeManager
    function slash(JobId jobId, address operator, uint96 amount, SlashDivision calldata division) external onlyEscrow {
        // Effect: INVARIANT 2: no more is slashed than was locked for this very job.
        uint96 slashed = division.toFinder + division.toCreator + division.toBounty + division.burned;
        _endLock(operator, amount, slashed);
        _reward(division.finder, division.toFinder);
        _reward(division.creator, division.toCreator);
        _reward(BURN_ADDRESS, division.burned);
        emit StakeSlashed(
            jobId,
            operator,
            division.finder,
            slashed,
            division.toFinder,
            division.toCreator,
            division.toBounty,
            division.burned
        );
    }

    /// @inheritdoc IStakeManager
    function payBounty(JobId jobId, address account, uint96 amount) external onlyEscrow {
        _reward(account, amount);
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
    function requireAgent(address caller, address operator) public view {
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
    function parameters() external view returns (IProtocolParameters) {
        return PARAMETERS;
    }

    /// @inheritdoc IStakeManager
    function stakeOf(address operator) external view returns (uint256) {
        return accounts[operator].stake;
    }

    /// @inheritdoc IStakeManager
    function freeStakeOf(address operator) external view returns (uint256) {
        return _free(accounts[operator], unbondings[operator].amount);
    }

    /// @inheritdoc IStakeManager
    function lockedStakeOf(address operator) external view returns (uint256) {
        return accounts[operator].locked;
    }

    /// @inheritdoc IStakeManager
    function unbondingOf(address operator) external view returns (uint256 amount, uint64 readyAt) {
        return (unbondings[operator].amount, unbondings[operator].readyAt);
    }

    /// @inheritdoc IStakeManager
    function rewardOf(address account) external view returns (uint256) {
        return rewards[account];
    }

    // ---- inside ---------------------------------------------------------------------------------------------------

    function _deposit(address operator, uint256 amount) private {
        // Check: something for somebody, and no more than a job could ever count.
        if (operator == address(0)) revert StakeManager_ZeroAddress();
        if (amount == 0) revert StakeManager_ZeroAmount();
        uint256 room = type(uint96).max - accounts[operator].stake;
        if (amount > room) revert StakeManager_AmountTooLarge(amount, room);

        // Effect: before the call, although the token is the protocol's own choice.
        accounts[operator].stake += uint96(amount);
        emit StakeDeposited(operator, msg.sender, amount);

        // Interaction: what arrives is counted, not what was asked for.
        uint256 received = STAKE_TOKEN.pull(msg.sender, amount);
        if (received != amount) revert StakeManager_UnexpectedAmount(amount, received);
    }

    function _free(Account memory account, uint96 unbonding) private pure returns (uint256) {
        uint256 used = uint256(account.locked) + unbonding;
        return used < account.stake ? account.stake - used : 0;
    }

    /// @dev INVARIANT 3: a lock ends once. The job's status keeps that; that the sum of locks never goes below zero is
    ///      kept here.
    function _endLock(address operator, uint96 amount, uint96 lost) private {
        Account storage account = accounts[operator];
        uint96 locked = account.locked;
        if (amount > locked) revert StakeManager_LockTooLow(operator, locked, amount);
        if (lost > amount) revert StakeManager_BadDivision(lost, amount);

        account.locked = locked - amount;
        if (lost == 0) return;
        uint96 stake = account.stake - lost;
        account.stake = stake;
        // What was slashed cannot go home: without this, it would be taken out of the operator's next deposit.
        if (unbondings[operator].amount > stake) unbondings[operator].amount = stake;
    }

    function _reward(address account, uint96 amount) private {
        if (amount > 0) rewards[account] += amount;
    }
}
