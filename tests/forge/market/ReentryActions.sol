// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "../../../contracts/interfaces/IMilestoneSettlement.sol";
import {IStakeManager} from "../../../contracts/interfaces/IStakeManager.sol";
import {Claim} from "../../../contracts/types/ClaimTypes.sol";
import {Assignment, JobStatus, JobTerms} from "../../../contracts/types/JobTypes.sol";

import {HookedAccount} from "../hostile/HookedAccount.sol";
import {Dice} from "./Dice.sol";
import {GovernorActions} from "./GovernorActions.sol";
import {Want} from "./MarketTypes.sol";

/// @notice Receivers and tokens that call back in the middle of a transfer.
/// @dev Into the contract that is sending, nothing may come of it. Into another one, what comes of it is exactly what
/// the same call would do right after.
abstract contract ReentryActions is GovernorActions {
    enum Inner {
        Withdraw,
        Finalize,
        Expire,
        Refund,
        Accept,
        Claim,
        Cancel,
        WithdrawReward,
        CompleteUnbond,
        Deposit,
        RequestUnbond
    }

    struct Inside {
        Inner what;
        uint256 job;
        uint256 amount;
        bytes32 output; // of a claim
        address target;
        bytes data;
    }

    /// @dev In the middle of a transfer of stake by the stake manager, or of payment by the escrow.
    function reenter(uint256 seed) external {
        Dice memory dice = _dice(seed);
        HookedAccount account = dice.chance(3) ? hookedCreator : hookedOperator;
        stakeToken.tellBefore(dice.chance(2));
        Inside memory inside = _inside(address(account), dice);
        account.arm(inside.target, inside.data);
        address sending = _outside(address(account), dice);
        bool fired = account.fired();
        bool succeeded = account.succeeded();
        account.arm(address(0), "");
        mustHold(fired, "31: the hook was called");
        _judge(inside, address(account), sending, succeeded);
    }

    /// @dev The token itself calls, as nobody in particular, and finds the escrow closed.
    function reenterByToken(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address token = address(reentrantToken);
        address account = _owedIn(token, dice);
        (address target, bytes memory call) = _anyonesCall(token, dice);
        reentrantToken.arm(target, call);
        _mustSend(passer, address(escrow), abi.encodeCall(IJobEscrow.withdraw, (token, account)));
        _takeCredit(token, account);
        bool fired = reentrantToken.target() == address(0);
        mustHold(fired && !reentrantToken.reentered(), "31: nobody comes in while the escrow is sending");
        _count("reenter by token", true);
        _checkAccount(token, account);
    }

    // ---- the transfer --------------------------------------------------------------------------------------------

    /// @return sending The contract that is sending or receiving when the hook is called.
    function _outside(address account, Dice memory dice) private returns (address sending) {
        address token = address(stakeToken);
        if (account == address(hookedCreator) && dice.chance(2)) return _createOutside(dice);
        if (_mayComplete(account)) {
            _mustSend(account, address(stakes), abi.encodeCall(IStakeManager.completeUnbond, ()));
            _completed(account);
            return address(stakes);
        }
        if (rewardOf[account] > 0) {
            _mustSend(passer, address(stakes), abi.encodeCall(IStakeManager.withdrawReward, (account)));
            _takeReward(account);
            return address(stakes);
        }
        if (creditOf[token][account] > 0) {
            _mustSend(passer, address(escrow), abi.encodeCall(IJobEscrow.withdraw, (token, account)));
            _takeCredit(token, account);
            return address(escrow);
        }
        vm.assume(account == address(hookedOperator) && _mayDeposit(account, TALLY));
        _mustSend(account, address(stakes), abi.encodeCall(IStakeManager.deposit, (account, TALLY)));
        _takeStake(account, account, TALLY);
        return address(stakes);
    }

    function _createOutside(Dice memory dice) private returns (address) {
        for (uint256 look = 0; look < 20; ++look) {
            (uint256 made, JobTerms memory terms) = _newTerms(dice.roll(type(uint256).max), false);
            bool fits = terms.creator == address(hookedCreator) && terms.paymentToken == address(stakeToken);
            if (!fits || !_mayEnter(terms) || _exists(terms)) continue; // the same dice may have made it before
            _mustSend(terms.creator, address(escrow), abi.encodeCall(IJobEscrow.createJob, (terms)));
            _open(terms, made, clock);
            return address(escrow);
        }
        vm.assume(false);
    }

    function _mustSend(address who, address target, bytes memory data) private {
        mustHold(_send(who, target, data), "31: who calls back harms no call but its own");
    }

    // ---- the call inside it --------------------------------------------------------------------------------------

    function _inside(address account, Dice memory dice) private view returns (Inside memory inside) {
        inside.what = Inner(dice.roll(11));
        inside.job = _jobFor(inside.what, dice);
        inside.amount = dice.between(1, TALLY);
        inside.target = inside.what >= Inner.WithdrawReward ? address(stakes) : address(escrow);
        Inner what = inside.what;
        if (what == Inner.Withdraw) inside.data = abi.encodeCall(IJobEscrow.withdraw, (address(stakeToken), account));
        if (what == Inner.WithdrawReward) inside.data = abi.encodeCall(IStakeManager.withdrawReward, (account));
        if (what == Inner.CompleteUnbond) inside.data = abi.encodeCall(IStakeManager.completeUnbond, ());
        if (what == Inner.Deposit) {
            inside.data = abi.encodeCall(IStakeManager.deposit, (operators[HOOKED], inside.amount));
        }
        if (what == Inner.RequestUnbond) inside.data = abi.encodeCall(IStakeManager.requestUnbond, (inside.amount));
        if (inside.data.length == 0) _insideJob(inside, account, dice);
    }

    function _insideJob(Inside memory inside, address account, Dice memory dice) private view {
        JobTerms memory terms = _terms(inside.job);
        Inner what = inside.what;
        if (what == Inner.Expire) inside.data = abi.encodeCall(IJobEscrow.expire, (terms));
        if (what == Inner.Refund) inside.data = abi.encodeCall(IJobEscrow.refund, (terms));
        if (what == Inner.Cancel) inside.data = abi.encodeCall(IJobEscrow.cancel, (terms));
        if (what == Inner.Accept) {
            Assignment memory none;
            inside.data = abi.encodeCall(IJobEscrow.accept, (terms, account, none, ""));
        }
        if (inside.data.length > 0) return;

        inside.target = address(settlement);
        inside.data = abi.encodeCall(IMilestoneSettlement.finalize, (terms));
        if (what != Inner.Claim) return;
        Claim memory made = _rightClaim(inside.job, terms, dice);
        inside.output = made.outputRoot;
        inside.data = abi.encodeCall(IMilestoneSettlement.claim, (terms, made));
    }

    /// @dev A job that the call would do something to, where there is one.
    function _jobFor(Inner what, Dice memory dice) private view returns (uint256) {
        Want want = Want.Live;
        if (what == Inner.Finalize) want = Want.Pending;
        if (what == Inner.Expire) want = Want.Late;
        if (what == Inner.Refund) want = Want.Refundable;
        if (what == Inner.Accept) want = Want.Acceptable;
        if (what == Inner.Cancel) want = Want.Open;
        if (what == Inner.Claim) want = Want.Claimable;
        return _findOr(want, Want.Live, dice);
    }

    function _judge(Inside memory inside, address account, address sending, bool succeeded) private {
        Inner what = inside.what;
        bool shut = sending == address(escrow) ? what < Inner.WithdrawReward : what >= Inner.WithdrawReward;
        if (what == Inner.RequestUnbond) shut = false; // moves nothing, and so is not guarded
        JobTerms memory terms = _terms(inside.job);
        bool allowed = _mayInside(inside, terms, account);
        if (shut) mustHold(!succeeded, "31: nobody comes in while a contract is sending");
        else mustHold(succeeded == allowed, "31: a call inside does what it would do right after");
        if (succeeded) _applyInside(inside, terms, account);
        _count(shut ? bytes32("reenter, shut") : bytes32("reenter, open"), succeeded);
        if (shut && allowed) _count("reenter, shut though allowed", false);
        _checkJob(inside.job);
        _checkAccount(address(stakeToken), account);
        _checkReward(account);
        _checkOperator(operators[HOOKED]);
    }

    function _mayInside(Inside memory inside, JobTerms memory terms, address account) private view returns (bool) {
        Inner what = inside.what;
        uint256 number = inside.job;
        if (what == Inner.Withdraw) return creditOf[address(stakeToken)][account] > 0;
        if (what == Inner.Finalize) return _countFinal(number) > 0;
        if (what == Inner.Expire) return _isLate(jobs[number]);
        if (what == Inner.Refund) return _mayRefund(number, terms);
        if (what == Inner.Accept) return _mayAccept(number, terms, account, account, false);
        if (what == Inner.Claim) return _mayClaim(number, account);
        if (what == Inner.Cancel) return jobs[number].status == JobStatus.Open && terms.creator == account;
        if (what == Inner.WithdrawReward) return rewardOf[account] > 0;
        if (what == Inner.CompleteUnbond) return _mayComplete(account);
        if (what == Inner.Deposit) return account == operators[HOOKED] && _mayDeposit(account, inside.amount);
        return inside.amount <= stakeOf[account].stake - stakeOf[account].unbonding;
    }

    function _applyInside(Inside memory inside, JobTerms memory terms, address account) private {
        Inner what = inside.what;
        if (what == Inner.Withdraw) _takeCredit(address(stakeToken), account);
        else if (what == Inner.Finalize) _finalized(inside.job, terms);
        else if (what == Inner.Expire) _expired(inside.job, terms, account);
        else if (what == Inner.Refund || what == Inner.Cancel) _refunded(inside.job, terms);
        else if (what == Inner.Accept) _assign(inside.job, terms, account);
        else if (what == Inner.Claim) _claimed(inside.job, terms, inside.output, false);
        else if (what == Inner.WithdrawReward) _takeReward(account);
        else if (what == Inner.CompleteUnbond) _completed(account);
        else if (what == Inner.Deposit) _takeStake(account, account, inside.amount);
        else _requested(account, inside.amount);
    }

    /// @dev Something on the escrow that anyone could do now, or where there is nothing, almost could.
    function _anyonesCall(address token, Dice memory dice) private view returns (address target, bytes memory call) {
        uint256 from = dice.roll(1e6);
        (bool found, uint256 number) = _look(Want.Late, from);
        if (found && dice.chance(2)) return (address(escrow), abi.encodeCall(IJobEscrow.expire, (_terms(number))));
        (found, number) = _look(Want.Pending, from);
        if (found && dice.chance(2)) {
            return (address(settlement), abi.encodeCall(IMilestoneSettlement.finalize, (_terms(number))));
        }
        (found, number) = _look(Want.Refundable, from);
        if (found && dice.chance(2)) return (address(escrow), abi.encodeCall(IJobEscrow.refund, (_terms(number))));
        return (address(escrow), abi.encodeCall(IJobEscrow.withdraw, (token, _owedIn(token, dice))));
    }

    function _owedIn(address token, Dice memory dice) private view returns (address account) {
        uint256 first = dice.roll(people.length);
        for (uint256 i = 0; i < people.length; ++i) {
            account = people[(first + i) % people.length];
            if (creditOf[token][account] > 0) return account;
        }
        vm.assume(false);
    }
}
