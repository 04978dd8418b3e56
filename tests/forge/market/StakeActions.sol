// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeManager} from "../../../contracts/interfaces/IStakeManager.sol";
import {TokenPermit} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {ExpectedStake} from "./MarketTypes.sol";
import {OrderActions} from "./OrderActions.sol";

/// @notice Operators bring stake, take it home, appoint agents and revoke them.
abstract contract StakeActions is OrderActions {
    function deposit(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = _one(operators, dice);
        address payer = dice.chance(4) ? _one(operators, dice) : operator;
        uint256 amount = _stakeFor(operator, dice);
        bytes memory call = abi.encodeCall(IStakeManager.deposit, (operator, amount));
        if (_play("deposit", _mayDeposit(operator, amount), payer, address(stakes), call)) {
            _takeStake(operator, payer, amount);
        }
        _checkOperator(operator);
        _checkAccount(address(stakeToken), payer);
    }

    function depositWithPermit(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = _one(operators, dice);
        uint256 amount = _stakeFor(operator, dice);
        TokenPermit memory permit = _permit(address(stakeToken), passer, address(stakes), amount);
        if (dice.chance(3)) _usePermit(address(stakeToken), passer, address(stakes), amount, permit);
        bytes memory call = abi.encodeCall(IStakeManager.depositWithPermit, (operator, amount, permit));
        _mustFail(_thief(dice), address(stakes), call, "20: a permit moves money for its owner only");
        if (_play("deposit with permit", _mayDeposit(operator, amount), passer, address(stakes), call)) {
            _takeStake(operator, passer, amount);
        }
        _checkOperator(operator);
    }

    function requestUnbond(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = _one(operators, dice);
        ExpectedStake storage mine = stakeOf[operator];
        uint256 most = mine.stake - mine.unbonding;
        uint256 amount = dice.chance(8) ? most + dice.roll(2) : dice.roll(most / 4 + 1);
        bytes memory call = abi.encodeCall(IStakeManager.requestUnbond, (amount));
        // An agent owns nothing: the same words from its key move nothing.
        if (amount > 0) _mustFail(_one(agents, dice), address(stakes), call, "33: an agent can move no stake");
        bool wanted = amount > 0 && amount <= most;
        if (_play("request unbond", wanted, operator, address(stakes), call)) {
            _requested(operator, amount);
        }
        _checkOperator(operator);
    }

    function cancelUnbond(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = _unbonding(dice);
        ExpectedStake storage mine = stakeOf[operator];
        bytes memory call = abi.encodeCall(IStakeManager.cancelUnbond, ());
        _mustFail(_one(agents, dice), address(stakes), call, "33: an agent can move no stake");
        if (_play("cancel unbond", mine.unbonding > 0, operator, address(stakes), call)) {
            (mine.unbonding, mine.readyAt) = (0, 0);
        }
        _checkOperator(operator);
    }

    function completeUnbond(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = _unbonding(dice);
        bytes memory call = abi.encodeCall(IStakeManager.completeUnbond, ());
        _mustFail(_one(agents, dice), address(stakes), call, "33: an agent can move no stake");
        if (_play("complete unbond", _mayComplete(operator), operator, address(stakes), call)) _completed(operator);
        _checkOperator(operator);
        _checkAccount(address(stakeToken), operator);
    }

    function appointAgent(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = _one(operators, dice);
        address agent = _one(agents, dice);
        bool appoint = dice.roll(3) > 0;
        bytes memory call = appoint
            ? abi.encodeCall(IStakeManager.appointAgent, (agent))
            : abi.encodeCall(IStakeManager.revokeAgent, (agent));
        _play(appoint ? bytes32("appoint agent") : bytes32("revoke agent"), true, operator, address(stakes), call);
        isAppointed[operator][agent] = appoint;
        mustHold(stakes.isAgent(operator, agent) == appoint, "33: an agent is who was appointed and not revoked");
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    /// @dev Somebody who has something unbonding, where there is anybody.
    function _unbonding(Dice memory dice) private view returns (address operator) {
        uint256 first = dice.roll(operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            operator = operators[(first + i) % operators.length];
            if (stakeOf[operator].unbonding > 0) return operator;
        }
    }

    function _stakeFor(address operator, Dice memory dice) private view returns (uint256) {
        if (dice.chance(20)) return 0;
        return operator == operators[4] ? dice.between(1, 2 ** 94) : dice.between(1, 100 * TALLY);
    }

    function _mayDeposit(address operator, uint256 amount) internal view returns (bool) {
        return amount > 0 && amount <= type(uint96).max - stakeOf[operator].stake;
    }

    function _requested(address operator, uint256 amount) internal {
        stakeOf[operator].unbonding += uint96(amount);
        stakeOf[operator].readyAt = uint40(clock + rules.unbondSeconds);
    }

    function _mayComplete(address operator) internal view returns (bool) {
        ExpectedStake storage mine = stakeOf[operator];
        return mine.unbonding > 0 && clock >= mine.readyAt && mine.stake > mine.locked;
    }

    function _completed(address operator) internal {
        ExpectedStake storage mine = stakeOf[operator];
        uint96 unlocked = mine.stake - mine.locked;
        uint96 amount = mine.unbonding < unlocked ? mine.unbonding : unlocked;
        mine.unbonding -= amount;
        mine.stake -= amount;
        mine.takenHome += amount;
        stakeSum -= amount;
        stakesOut += amount;
        purseOf[address(stakeToken)][operator] += amount;
    }
}
