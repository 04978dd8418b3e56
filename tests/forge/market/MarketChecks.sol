// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "../../../contracts/interfaces/IMilestoneSettlement.sol";
import {IStakeManager} from "../../../contracts/interfaces/IStakeManager.sol";
import {JobStatus, JobTerms} from "../../../contracts/types/JobTypes.sol";

import {Expected, ExpectedStake, Want} from "./MarketTypes.sol";
import {TimeActions} from "./TimeActions.sol";

/// @notice The rules that hold after every call, whatever it was, and the way out that is open from every state.
/// @dev What one call touches is compared by its action. Here are the sums, which see everything at one look, and by
/// turns what no action has touched for a while.
abstract contract MarketChecks is TimeActions {
    uint256 private turn;
    /// @dev Longer than any window, duration or delay in a campaign.
    uint256 private constant AGES = 40 days;

    // ---- after every call ----------------------------------------------------------------------------------------

    function invariant_01_stake_is_covered() internal view {
        uint256 owed = stakeSum + rewardSum + bountySum + stakeGifts;
        mustEqual(stakeToken.balanceOf(address(stakes)), owed, "01: stake, rewards and bounties are covered");
    }

    function invariant_05_money_is_covered(address token) internal view {
        uint256 owed = heldSum[token] + creditSum[token] + escrowGifts[token];
        mustEqual(IERC20(token).balanceOf(address(escrow)), owed, "05: jobs and credits are covered");
    }

    function invariant_13_no_token_leaves_that_did_not_come_in(address token) internal view {
        uint256 left = escrowIn[token] + escrowGifts[token] - escrowOut[token];
        mustEqual(IERC20(token).balanceOf(address(escrow)), left, "13: deposits less withdrawals");
        uint256 staked = stakesIn + stakeGifts - stakesOut;
        mustEqual(stakeToken.balanceOf(address(stakes)), staked, "13: stakes less withdrawals");
    }

    // ---- by turns ------------------------------------------------------------------------------------------------

    function invariant_06_locks_are_those_of_assigned_jobs(address operator) internal view {
        uint256 sum = 0;
        for (uint256 i = 0; i < live.length; ++i) {
            Expected storage job = jobs[live[i]];
            if (job.status == JobStatus.Assigned && job.operator == operator) sum += job.lock;
        }
        mustEqual(stakes.lockedStakeOf(operator), sum, "03 06: what is locked is the locks of assigned jobs");
    }

    function invariant_14_stake_shrinks_by_withdrawals_and_slashes_only(address operator) internal view {
        ExpectedStake storage mine = stakeOf[operator];
        uint256 left = mine.broughtIn - mine.takenHome - mine.slashed;
        mustEqual(stakes.stakeOf(operator), left, "14: deposits less withdrawals and slashes");
    }

    function invariant_18_no_operator_has_more_locked_than_stake(address operator) internal view {
        mustHold(stakes.lockedStakeOf(operator) <= stakes.stakeOf(operator), "18: no more is locked than is there");
    }

    /// @dev Of every token together: nothing of this depends on which job or which operator it was.
    function invariant_28_a_thief_has_what_it_brought_and_earned(address thief) internal view {
        uint256 found = stakes.rewardOf(thief) + stakeToken.balanceOf(thief);
        for (uint256 t = 0; t < tokens.length; ++t) {
            found += escrow.creditOf(tokens[t], thief);
            if (tokens[t] != address(stakeToken)) found += IERC20(tokens[t]).balanceOf(thief);
        }
        mustEqual(found, TALLY + earnedBy[thief], "28: a thief has what it brought, and a finder's fees");
    }

    function invariant_29_nobody_gains_by_slashing_itself() internal view {
        address[3] memory ring = [operators[RING], creators[RING], finders[0]];
        uint256 wealth = stakes.stakeOf(ring[0]);
        for (uint256 i = 0; i < ring.length; ++i) {
            wealth += stakeToken.balanceOf(ring[i]) + stakes.rewardOf(ring[i]);
            wealth += escrow.creditOf(address(stakeToken), ring[i]);
        }
        for (uint256 i = 0; i < live.length; ++i) {
            JobTerms memory terms = _terms(live[i]);
            bool own = terms.creator == ring[1] && terms.paymentToken == address(stakeToken);
            if (own) wealth += jobs[live[i]].remaining;
        }
        // Two purses: the finder came with nothing.
        mustHold(wealth <= 2 * PURSE + ringIncome, "29: the ring has no more than it brought and was given");
    }

    /// @notice The rules that a campaign checks after every call.
    function check() external {
        invariant_01_stake_is_covered();
        uint256 n = turn++;
        invariant_05_money_is_covered(tokens[n % tokens.length]);
        invariant_13_no_token_leaves_that_did_not_come_in(tokens[n % tokens.length]);
        address operator = operators[n % operators.length];
        if (n % 2 == 0) _checkOperator(operator);
        else invariant_06_locks_are_those_of_assigned_jobs(operator);
        if (n % 4 == 1) _checkAccount(tokens[(n / 4) % tokens.length], people[(n / 20) % people.length]);
        if (n % 4 == 3) _checkReward(people[(n / 4) % people.length]);
        if (n % 8 == 0) invariant_14_stake_shrinks_by_withdrawals_and_slashes_only(operator);
        if (n % 8 == 2) invariant_18_no_operator_has_more_locked_than_stake(operator);
        if (n % 8 == 4) invariant_28_a_thief_has_what_it_brought_and_earned(thieves[(n / 8) % thieves.length]);
        if (n % 32 == 6) invariant_29_nobody_gains_by_slashing_itself();
        if (jobs.length > 0) _checkJob(n % jobs.length);
    }

    /// @notice Everything, without turns.
    function checkAll() public {
        invariant_01_stake_is_covered();
        for (uint256 t = 0; t < tokens.length; ++t) {
            invariant_05_money_is_covered(tokens[t]);
            invariant_13_no_token_leaves_that_did_not_come_in(tokens[t]);
        }
        invariant_29_nobody_gains_by_slashing_itself();
        for (uint256 i = 0; i < operators.length; ++i) {
            _checkOperator(operators[i]);
            invariant_06_locks_are_those_of_assigned_jobs(operators[i]);
            invariant_14_stake_shrinks_by_withdrawals_and_slashes_only(operators[i]);
            invariant_18_no_operator_has_more_locked_than_stake(operators[i]);
        }
        for (uint256 i = 0; i < thieves.length; ++i) {
            invariant_28_a_thief_has_what_it_brought_and_earned(thieves[i]);
        }
        for (uint256 i = 0; i < people.length; ++i) {
            _checkReward(people[i]);
            for (uint256 t = 0; t < tokens.length; ++t) {
                _checkAccount(tokens[t], people[i]);
            }
        }
        for (uint256 i = 0; i < jobs.length; ++i) {
            _checkJob(i);
        }
        for (uint16 version = 1; version <= economyVersion; ++version) {
            _checkEconomy(version);
        }
        _checkRules();
    }

    // ---- the way out ---------------------------------------------------------------------------------------------

    /// @notice INVARIANT 11, played: a passer-by ends every job and sends everybody home, whatever has happened and
    /// whether or not new jobs are stopped; operators take their stake. Then nothing is left but gifts.
    function drain() external {
        checkAll();
        falseToken.refuse(false);
        _endAll();
        _sendHome();
        checkAll();
        for (uint256 t = 0; t < tokens.length; ++t) {
            uint256 left = IERC20(tokens[t]).balanceOf(address(escrow));
            mustEqual(left, escrowGifts[tokens[t]], "11: the escrow is empty in the end");
        }
        mustEqual(stakeToken.balanceOf(address(stakes)), stakeGifts, "11: the stake manager is empty in the end");
    }

    /// @dev Claims become final, then what is late expires, then nobody takes what is open.
    function _endAll() private {
        _pass(clock + AGES);
        while (true) {
            (bool found, uint256 number) = _look(Want.Pending, 0);
            if (!found) break;
            JobTerms memory terms = _terms(number);
            _play("drain", true, passer, address(settlement), abi.encodeCall(IMilestoneSettlement.finalize, (terms)));
            _finalized(number, terms);
        }
        while (true) {
            (bool found, uint256 number) = _look(Want.Assigned, 0);
            if (!found) break;
            JobTerms memory terms = _terms(number);
            _play("drain", true, passer, address(escrow), abi.encodeCall(IJobEscrow.expire, (terms)));
            _expired(number, terms, passer);
        }
        _pass(clock + AGES);
        while (live.length > 0) {
            uint256 number = live[0];
            JobTerms memory terms = _terms(number);
            _play("drain", true, passer, address(escrow), abi.encodeCall(IJobEscrow.refund, (terms)));
            _refunded(number, terms);
        }
    }

    function _sendHome() private {
        for (uint256 i = 0; i < operators.length; ++i) {
            ExpectedStake storage mine = stakeOf[operators[i]];
            uint256 rest = mine.stake - mine.unbonding;
            if (rest > 0) {
                _play("drain", true, operators[i], address(stakes), abi.encodeCall(IStakeManager.requestUnbond, (rest)));
                _requested(operators[i], rest);
            }
        }
        _pass(clock + AGES);
        for (uint256 i = 0; i < operators.length; ++i) {
            if (stakeOf[operators[i]].stake == 0) continue;
            _play("drain", true, operators[i], address(stakes), abi.encodeCall(IStakeManager.completeUnbond, ()));
            _completed(operators[i]);
        }
        for (uint256 i = 0; i < people.length; ++i) {
            _payOut(people[i]);
        }
    }

    function _payOut(address account) private {
        for (uint256 t = 0; t < tokens.length; ++t) {
            if (creditOf[tokens[t]][account] == 0) continue;
            _play("drain", true, passer, address(escrow), abi.encodeCall(IJobEscrow.withdraw, (tokens[t], account)));
            _takeCredit(tokens[t], account);
        }
        if (rewardOf[account] == 0) return;
        _play("drain", true, passer, address(stakes), abi.encodeCall(IStakeManager.withdrawReward, (account)));
        _takeReward(account);
    }
}
