// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "../../../contracts/interfaces/IMilestoneSettlement.sol";
import {IStakeManager} from "../../../contracts/interfaces/IStakeManager.sol";
import {MockJudge} from "../../../contracts/mocks/MockJudge.sol";
import {JobTerms, ProofKind} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {ExecutorActions} from "./ExecutorActions.sol";
import {Expected, Want} from "./MarketTypes.sol";

/// @notice What anyone may call: finalize, expire, refund, show a fault, send people what they are owed.
abstract contract ClosingActions is ExecutorActions {
    uint256 private constant MOST_AT_ONCE = 6;

    function finalize(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(Want.Pending, Want.Live, dice);
        JobTerms memory terms = _terms(number);
        uint256 count = _countFinal(number);
        bytes memory call = abi.encodeCall(IMilestoneSettlement.finalize, (terms));
        if (_play("finalize", count > 0, _anyone(dice), address(settlement), call)) _finalized(number, terms);
        _checkPaid(number, terms);
    }

    function finalizeMany(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256[] memory numbers = _some(Want.Pending, dice);
        JobTerms[] memory terms = _termsOfAll(numbers);
        uint256 wanted = 0;
        bytes memory call = abi.encodeCall(IMilestoneSettlement.finalizeMany, (terms));
        uint256 paid = _many("finalize many", address(settlement), call, _anyone(dice));
        for (uint256 i = 0; i < numbers.length; ++i) {
            wanted += _finalized(numbers[i], terms[i]);
        }
        mustEqual(paid, wanted, "25: a batch does what its singles would do");
        for (uint256 i = 0; i < numbers.length; ++i) {
            _checkPaid(numbers[i], terms[i]);
        }
        if (paid > 0) _count("finalize many, some", true);
    }

    function expire(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(Want.Late, Want.Live, dice);
        JobTerms memory terms = _terms(number);
        address operator = jobs[number].operator;
        address finder = _anyone(dice);
        bytes memory call = abi.encodeCall(IJobEscrow.expire, (terms));
        if (_play("expire", _isLate(jobs[number]), finder, address(escrow), call)) _expired(number, terms, finder);
        _checkSlashed(number, terms, operator, finder);
    }

    function expireMany(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256[] memory numbers = _some(Want.Late, dice);
        JobTerms[] memory terms = _termsOfAll(numbers);
        address finder = _anyone(dice);
        uint256 wanted = 0;
        bytes memory call = abi.encodeCall(IJobEscrow.expireMany, (terms));
        uint256 expired = _many("expire many", address(escrow), call, finder);
        for (uint256 i = 0; i < numbers.length; ++i) {
            if (!_isLate(jobs[numbers[i]])) continue;
            _expired(numbers[i], terms[i], finder);
            ++wanted;
        }
        mustEqual(expired, wanted, "25: a batch does what its singles would do");
        for (uint256 i = 0; i < numbers.length; ++i) {
            _checkJob(numbers[i]);
        }
        _checkReward(finder);
        if (expired > 0) _count("expire many, some", true);
    }

    /// @dev A challenger goes to the judge with claims that are wrong and with no others: the judge of this campaign
    /// believes whoever asks. In its window a wrong claim is always void after this; behind it nobody is slashed any
    /// more.
    function proveFault(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findWrong(dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        Expected storage job = jobs[number];
        uint16 milestone = job.paid;
        while (job.wrong & (1 << milestone) == 0) ++milestone;
        address operator = job.operator;
        address challenger = _anyone(dice);
        uint256 judge = _numberOf(terms) - 2;
        _tryOtherFaults(number, terms, milestone, judge, dice);
        bytes memory call = abi.encodeCall(MockJudge.proveFault, (settlement, terms, milestone));
        bool wanted = _mayFault(number, milestone);
        if (_play("prove fault", wanted, challenger, address(judges[judge]), call)) {
            uint256 before = jobs[number].paid;
            uint256 count = _finalized(number, terms);
            _faulted(number, terms, challenger);
            uint256 paid = escrow.stateOf(jobs[number].id).paidMilestones;
            mustEqual(paid, before + count, "37: what was final is paid, whoever is found wrong afterwards");
            call = abi.encodeCall(IMilestoneSettlement.finalize, (terms));
            _mustFail(operator, address(settlement), call, "19 27: a claim that was shown to be wrong is never paid");
        }
        _checkSlashed(number, terms, operator, challenger);
    }

    /// @dev A judge that believes whoever asks it to wait; the settlement does not.
    function extend(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(Want.Pending, Want.Live, dice);
        JobTerms memory terms = _terms(number);
        if (terms.proofKind != ProofKind.Optimistic) vm.assume(false);
        Expected storage job = jobs[number];
        uint16 milestone = uint16(dice.between(job.paid, job.next));
        uint256 longest = claimedAt[number][milestone] + 3 * uint256(terms.challengeSeconds);
        uint256 to = dice.chance(3) ? longest + dice.roll(2) : finalAt[number][milestone] + dice.roll(100);
        bool wanted = _mayFault(number, milestone) && to > finalAt[number][milestone] && to <= longest;
        uint256 judge = _numberOf(terms) - 2;
        bytes memory call = abi.encodeCall(MockJudge.extend, (settlement, terms, milestone, uint64(to)));
        _mustFail(_thief(dice), address(judges[1 - judge]), call, "38: only the model's judge can hold a claim open");
        vm.prank(_anyone(dice));
        (bool done,) = address(judges[judge]).call(call);
        mustHold(done == wanted, "38: a claim is final within three windows, and an extension shortens nothing");
        _count("extend", done);
        if (done) finalAt[number][milestone] = to;
        mustEqual(settlement.claimOf(job.id, milestone).finalAt, finalAt[number][milestone], "38: as the judge said");
    }

    function refund(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _findOr(dice.chance(4) ? Want.Live : Want.Refundable, Want.Live, dice);
        JobTerms memory terms = _terms(number);
        bytes memory call = abi.encodeCall(IJobEscrow.refund, (terms));
        bool wanted = _mayRefund(number, terms);
        if (_play("refund", wanted, _anyone(dice), address(escrow), call)) _refunded(number, terms);
        _checkJob(number);
        _checkAccount(terms.paymentToken, terms.creator);
        _checkReward(BURN);
    }

    function withdraw(uint256 seed) external {
        Dice memory dice = _dice(seed);
        (address token, address account) = _owed(dice);
        bytes memory call = abi.encodeCall(IJobEscrow.withdraw, (token, account));
        bool wanted = _mayWithdraw(token, account);
        if (_play("withdraw", wanted, _anyone(dice), address(escrow), call)) _takeCredit(token, account);
        _checkAccount(token, account);
    }

    function withdrawReward(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address account = people[dice.roll(people.length)];
        bytes memory call = abi.encodeCall(IStakeManager.withdrawReward, (account));
        if (_play("withdraw reward", rewardOf[account] > 0, _anyone(dice), address(stakes), call)) {
            _takeReward(account);
        }
        _checkReward(account);
        _checkAccount(address(stakeToken), account);
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    /// @dev Applies what `finalize` should do, and says how many it should pay.
    function _finalized(uint256 number, JobTerms memory terms) internal returns (uint256 count) {
        count = _countFinal(number);
        for (uint256 i = 0; i < count; ++i) {
            _pay(number, terms);
        }
    }

    /// @dev A batch never fails; it answers how many it applied to.
    function _many(bytes32 action, address target, bytes memory call, address caller) private returns (uint256 count) {
        vm.prank(caller);
        (bool done, bytes memory answer) = target.call(call);
        mustHold(done, "25: a batch skips what does not apply");
        _count(action, true);
        return abi.decode(answer, (uint256));
    }

    /// @dev Any jobs, in any state, some twice, and some that the batch is for.
    function _some(Want want, Dice memory dice) private view returns (uint256[] memory numbers) {
        vm.assume(jobs.length > 0);
        numbers = new uint256[](dice.between(1, MOST_AT_ONCE));
        for (uint256 i = 0; i < numbers.length; ++i) {
            (bool found, uint256 number) = _look(want, dice.roll(1e6));
            numbers[i] = found && dice.chance(2) ? number : dice.roll(jobs.length);
        }
    }

    function _termsOfAll(uint256[] memory numbers) private view returns (JobTerms[] memory terms) {
        terms = new JobTerms[](numbers.length);
        for (uint256 i = 0; i < numbers.length; ++i) {
            terms[i] = _terms(numbers[i]);
        }
    }

    function _findWrong(uint256 from) private view returns (uint256 number) {
        uint256 count = live.length;
        for (uint256 step = 0; step < count; ++step) {
            number = live[(from + step) % count];
            Expected storage job = jobs[number];
            if (job.wrong >> job.paid != 0) return number;
        }
        vm.assume(false);
    }

    /// @dev The other judge, the challenger itself, and a milestone that nobody has claimed: none of them may slash.
    function _tryOtherFaults(uint256 number, JobTerms memory terms, uint16 milestone, uint256 judge, Dice memory dice)
        private
    {
        string memory claim = "26: only the model's judge can have a claim slashed";
        address thief = _thief(dice);
        bytes memory call = abi.encodeCall(MockJudge.proveFault, (settlement, terms, milestone));
        _mustFail(thief, address(judges[1 - judge]), call, claim);
        call = abi.encodeCall(IMilestoneSettlement.fault, (terms, milestone, thief));
        _mustFail(thief, address(settlement), call, claim);
        call = abi.encodeCall(MockJudge.proveFault, (settlement, terms, jobs[number].next));
        _mustFail(thief, address(judges[judge]), call, "26: what was not claimed cannot be wrong");
        if (jobs[number].paid == 0) return;
        call = abi.encodeCall(MockJudge.proveFault, (settlement, terms, jobs[number].paid - 1));
        _mustFail(thief, address(judges[judge]), call, "19: a claim that was paid is never slashed");
    }

    function _checkSlashed(uint256 number, JobTerms memory terms, address operator, address finder) private view {
        _checkJob(number);
        _checkReward(finder);
        _checkReward(terms.creator);
        _checkReward(BURN);
        if (operator != address(0)) _checkOperator(operator);
    }

    /// @dev Somebody with a credit, where a few looks find one.
    function _owed(Dice memory dice) private view returns (address token, address account) {
        for (uint256 look = 0; look < 12; ++look) {
            token = tokens[dice.roll(tokens.length)];
            account = people[dice.roll(people.length)];
            if (creditOf[token][account] > 0) break;
        }
    }

    function _mayWithdraw(address token, address account) internal view returns (bool) {
        bool refuses = token == address(falseToken) && falseToken.refusing();
        return creditOf[token][account] > 0 && !refuses;
    }
}
