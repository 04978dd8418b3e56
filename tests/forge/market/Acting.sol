// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {JobState} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {JobModel} from "./JobModel.sol";
import {Expected, ExpectedStake} from "./MarketTypes.sol";

/// @notice How every action goes: say what should happen, send it, see whether it did, compare what it touched.
abstract contract Acting is JobModel {
    /// @dev Tells one campaign's calls from another's that forge plays with the same seed.
    uint256 internal immutable salt;
    uint256 private sent;

    /// @dev What the model allows is obeyed: INVARIANT 11, nothing is ever stuck. What it does not allow is refused:
    /// every rule about who may do what and when has its place among the model's `_may` functions.
    error Acting_NotAsAgreed(string action, bool allowed);

    constructor(uint256 salt_) {
        salt = salt_;
    }

    function _dice(uint256 seed) internal view returns (Dice memory) {
        return Dice(uint256(keccak256(abi.encode(seed, msg.sig, salt))));
    }

    // ---- sending -------------------------------------------------------------------------------------------------

    /// @notice Sends a call that the model has an opinion of. Every third that is obeyed is copied by a thief at once;
    /// a copy that has any effect at all shows in the comparison that follows.
    function _play(bytes32 action, bool wanted, address who, address target, bytes memory data)
        internal
        returns (bool done)
    {
        done = _send(who, target, data);
        if (done != wanted) revert Acting_NotAsAgreed(string(abi.encodePacked(action)), wanted);
        _count(action, done);
        if (!done || ++sent % 3 != 0) return done;

        address thief = thieves[sent % thieves.length];
        _count("copy", _send(thief, target, data));
    }

    /// @notice Sends a call that nobody may get through.
    function _mustFail(address who, address target, bytes memory data, string memory claim) internal {
        mustHold(!_send(who, target, data), claim);
    }

    function _send(address who, address target, bytes memory data) internal returns (bool done) {
        vm.prank(who);
        (done,) = target.call(data);
    }

    // ---- choosing people -----------------------------------------------------------------------------------------

    function _one(address[] storage group, Dice memory dice) internal view returns (address) {
        return group[dice.roll(group.length)];
    }

    /// @notice The operator or one of the agents, appointed or not.
    function _handOf(address operator, Dice memory dice) internal view returns (address) {
        return dice.chance(3) ? _one(agents, dice) : operator;
    }

    /// @notice Somebody who calls what anyone may call: a finder, and sometimes a thief.
    function _anyone(Dice memory dice) internal view returns (address) {
        return dice.chance(4) ? _one(thieves, dice) : _one(finders, dice);
    }

    /// @notice A thief whom no operator ever appoints.
    function _thief(Dice memory dice) internal view returns (address) {
        return thieves[dice.roll(2)];
    }

    // ---- comparing -----------------------------------------------------------------------------------------------

    function _checkJob(uint256 number) internal view {
        Expected storage job = jobs[number];
        JobState memory found = escrow.stateOf(job.id);
        JobState memory wanted = JobState({
            operator: job.operator,
            timer: job.timer,
            round: job.round,
            nextMilestone: job.next,
            status: job.status,
            remaining: job.remaining,
            bounty: job.bounty,
            acceptedAfter: job.acceptedAfter,
            paidMilestones: job.paid,
            economyVersion: job.economyVersion
        });
        bool same = keccak256(abi.encode(found)) == keccak256(abi.encode(wanted));
        mustHold(same, "07 12: a job is in the state that its steps lead to");
    }

    function _checkOperator(address operator) internal view {
        ExpectedStake storage mine = stakeOf[operator];
        mustEqual(stakes.stakeOf(operator), mine.stake, "14: stake shrinks by withdrawals and slashes only");
        mustEqual(stakes.lockedStakeOf(operator), mine.locked, "06: locked is what its assigned jobs name");
        mustEqual(stakes.freeStakeOf(operator), _freeOf(operator), "18: free is what is neither locked nor unbonding");
        (uint256 unbonding, uint64 readyAt) = stakes.unbondingOf(operator);
        mustEqual(unbonding, mine.unbonding, "17: what is unbonding is what was asked for and is left");
        mustEqual(readyAt, mine.readyAt, "34: the delay runs from the last request");
    }

    function _checkAccount(address token, address account) internal view {
        mustEqual(escrow.creditOf(token, account), creditOf[token][account], "09: a credit is what jobs have paid");
        mustEqual(IERC20(token).balanceOf(account), purseOf[token][account], "20: a purse moves by its owner's word");
    }

    function _checkReward(address account) internal view {
        mustEqual(stakes.rewardOf(account), rewardOf[account], "21: a reward is what the job's own economy gives");
    }
}
