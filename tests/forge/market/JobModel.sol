// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobStatus, JobTerms, ProofKind} from "../../../contracts/types/JobTypes.sol";
import {Economy} from "../../../contracts/types/ParameterTypes.sol";

import {MarketLedger} from "./MarketLedger.sol";
import {Expected} from "./MarketTypes.sol";

/// @notice What every step of a job should do, and when it is allowed: the protocol once more, written from its
/// documents and on top of the ledger, instead of from the contracts.
abstract contract JobModel is MarketLedger {
    uint256 private constant BPS = 10_000;

    // ---- creation ------------------------------------------------------------------------------------------------

    /// @notice Whether the rules of the day let such a job in. JobMaker makes no terms that break any other rule.
    /// @dev INVARIANT 22: this is the only place where it matters whether new jobs are stopped.
    function _mayEnter(JobTerms memory terms) internal view returns (bool) {
        if (paused || terms.stakeLock < rules.minLock) return false;
        if (terms.proofKind == ProofKind.Optimistic && terms.challengeSeconds < rules.minChallengeSeconds) {
            return false;
        }
        if (terms.paymentToken != address(stakeToken)) return true;
        return terms.stakeLock >= (uint256(terms.maxPrice) * rules.minLockRatioBps) / BPS;
    }

    function _open(JobTerms memory terms, uint256 seed, uint256 openedAt) internal returns (uint256 number) {
        number = jobs.length;
        live.push(number);
        Expected storage job = jobs.push();
        job.id = _idOf(terms);
        isKnown[JobId.unwrap(job.id)] = true;
        job.seed = seed;
        job.inputRoot = terms.inputRoot;
        job.timer = uint40(openedAt);
        job.openedAt = uint40(openedAt);
        job.round = 1;
        job.status = JobStatus.Open;
        job.remaining = terms.maxPrice;
        job.lock = terms.stakeLock;
        job.acceptSeconds = terms.acceptSeconds;
        job.economyVersion = economyVersion;
        job.count = uint16(terms.shareBps.length);
        _takeDeposit(terms.paymentToken, terms.creator, terms.maxPrice);
    }

    // ---- acceptance ----------------------------------------------------------------------------------------------

    /// @param assigned Whether the caller shows a valid assignment of this opening.
    function _mayAccept(uint256 number, JobTerms memory terms, address operator, address caller, bool assigned)
        internal
        view
        returns (bool)
    {
        Expected storage job = jobs[number];
        return job.status == JobStatus.Open && _mayTake(terms, job.openedAt, operator, caller, assigned);
    }

    /// @dev The same of a job that is being created in the same transaction.
    function _mayTake(JobTerms memory terms, uint256 openedAt, address operator, address caller, bool assigned)
        internal
        view
        returns (bool)
    {
        if (clock > openedAt + terms.acceptSeconds) return false;
        if (clock < openedAt + terms.exclusiveSeconds && !assigned) return false;
        return _isAgentOf(operator, caller) && _freeOf(operator) >= terms.stakeLock;
    }

    function _assign(uint256 number, JobTerms memory terms, address operator) internal {
        Expected storage job = jobs[number];
        uint256 elapsed = clock - job.openedAt;
        job.status = JobStatus.Assigned;
        job.operator = operator;
        job.acceptedAfter = elapsed < terms.rampSeconds ? uint32(elapsed) : terms.rampSeconds;
        job.timer = uint40(clock + terms.durationSeconds[job.next]);
        stakeOf[operator].locked += terms.stakeLock;
    }

    /// @notice The price after `elapsed` seconds of an opening.
    function _priceAfter(JobTerms memory terms, uint256 elapsed) internal pure returns (uint256) {
        if (elapsed >= terms.rampSeconds) return terms.maxPrice;
        return terms.minPrice + ((terms.maxPrice - terms.minPrice) * elapsed) / terms.rampSeconds;
    }

    // ---- claims --------------------------------------------------------------------------------------------------

    function _mayClaim(uint256 number, address caller) internal view returns (bool) {
        Expected storage job = jobs[number];
        return job.status == JobStatus.Assigned && job.next < job.count && clock <= job.timer
            && _isAgentOf(job.operator, caller);
    }

    function _claimed(uint256 number, JobTerms memory terms, bytes32 output, bool wrong) internal {
        Expected storage job = jobs[number];
        uint16 milestone = job.next;
        outputs[number][milestone] = output;
        finalAt[number][milestone] = clock + terms.challengeSeconds;
        claimedAt[number][milestone] = clock;
        job.wrong = wrong ? job.wrong | (1 << milestone) : job.wrong & ~(uint256(1) << milestone);
        job.next = milestone + 1;
        job.timer = job.next == job.count ? 0 : job.timer + terms.durationSeconds[job.next];
        if (terms.proofKind == ProofKind.Zk) _pay(number, terms);
    }

    /// @notice How many claims of a job are final and not paid.
    function _countFinal(uint256 number) internal view returns (uint256 count) {
        Expected storage job = jobs[number];
        if (job.status != JobStatus.Assigned) return 0;
        while (job.paid + count < job.next && clock > finalAt[number][job.paid + count]) ++count;
    }

    function _pay(uint256 number, JobTerms memory terms) internal {
        Expected storage job = jobs[number];
        uint256 share = (_priceAfter(terms, job.acceptedAfter) * terms.shareBps[job.paid]) / BPS;
        uint256 fee = (share * terms.dispatcherFeeBps) / BPS;
        _leave(job, terms, job.operator, share - fee);
        _leave(job, terms, terms.dispatcher, fee);
        if (++job.paid < job.count) return;

        // The last one: the surplus goes home, the lock ends, the bounty is earned.
        address operator = job.operator;
        _leave(job, terms, terms.creator, job.remaining);
        _endLock(operator, terms.stakeLock, 0);
        if (_isRing(operator)) ringIncome += job.bounty - job.ringBounty;
        _spendBounty(job, operator);
        _end(number, JobStatus.Completed);
    }

    // ---- endings and reopenings ----------------------------------------------------------------------------------

    function _mayRefund(uint256 number, JobTerms memory terms) internal view returns (bool) {
        Expected storage job = jobs[number];
        return job.status == JobStatus.Open && clock > uint256(job.openedAt) + terms.acceptSeconds;
    }

    function _refunded(uint256 number, JobTerms memory terms) internal {
        Expected storage job = jobs[number];
        _leave(job, terms, terms.creator, job.remaining);
        _spendBounty(job, BURN);
        _end(number, JobStatus.Refunded);
    }

    function _mayRelease(uint256 number, address caller) internal view returns (bool) {
        Expected storage job = jobs[number];
        return job.status == JobStatus.Assigned && job.paid == job.next && clock <= job.timer
            && _isAgentOf(job.operator, caller);
    }

    /// @notice INVARIANT 24: from `releaseBps` of the lock's unfinished part at once to `lateSlashBps` at the deadline,
    /// counted from when the milestone's own time began.
    function _releaseFee(uint256 number, JobTerms memory terms) internal view returns (uint256) {
        Expected storage job = jobs[number];
        Economy storage economy = economies[job.economyVersion];
        uint256 duration = terms.durationSeconds[job.next];
        uint256 left = job.timer - clock;
        uint256 held = left > duration ? 0 : duration - left;
        uint256 rise = uint256(economy.lateSlashBps - economy.releaseBps) * held;
        uint256 scale = BPS * BPS * duration;
        return (uint256(terms.stakeLock) * _unfinished(job, terms) * (economy.releaseBps * duration + rise)) / scale;
    }

    function _released(uint256 number, JobTerms memory terms) internal {
        Expected storage job = jobs[number];
        uint96 fee = uint96(_leastOf(_releaseFee(number, terms), type(uint96).max - job.bounty));
        _endLock(job.operator, terms.stakeLock, fee);
        _raiseBounty(job, fee);
        _reopen(job);
    }

    function _expired(uint256 number, JobTerms memory terms, address finder) internal {
        Economy storage economy = economies[jobs[number].economyVersion];
        uint256 lost =
            (uint256(terms.stakeLock) * _unfinished(jobs[number], terms) * economy.lateSlashBps) / (BPS * BPS);
        uint16[3] memory split = [economy.lateFinderBps, economy.lateCreatorBps, economy.lateBountyBps];
        _slash(number, terms, finder, lost, split);
    }

    function _mayFault(uint256 number, uint256 milestone) internal view returns (bool) {
        Expected storage job = jobs[number];
        return job.status == JobStatus.Assigned && milestone >= job.paid && milestone < job.next
            && clock <= finalAt[number][milestone];
    }

    function _faulted(uint256 number, JobTerms memory terms, address challenger) internal {
        Economy storage economy = economies[jobs[number].economyVersion];
        uint16[3] memory split = [economy.faultChallengerBps, economy.faultCreatorBps, economy.faultBountyBps];
        _slash(number, terms, challenger, terms.stakeLock, split);
    }

    function _unfinished(Expected storage job, JobTerms memory terms) private view returns (uint256 bps) {
        for (uint256 m = job.paid; m < job.count; ++m) {
            bps += terms.shareBps[m];
        }
    }

    function _slash(uint256 number, JobTerms memory terms, address finder, uint256 lost, uint16[3] memory split)
        private
    {
        Expected storage job = jobs[number];
        uint256 toFinder = (lost * split[0]) / BPS;
        uint256 toCreator = (lost * split[1]) / BPS;
        // What does not fit a bounty's 96 bits is burnt with the rest.
        uint256 toBounty = _leastOf((lost * split[2]) / BPS, type(uint96).max - job.bounty);
        mustHold(lost <= terms.stakeLock, "02: no more is slashed than was locked for this job");
        mustHold((lost - toFinder - toCreator - toBounty) * 10 >= lost, "15: a tenth of every slash goes to nobody");
        _endLock(job.operator, terms.stakeLock, uint96(lost));
        _giveReward(finder, toFinder);
        _giveReward(terms.creator, toCreator);
        _giveReward(BURN, lost - toFinder - toCreator - toBounty);
        earnedBy[finder] += toFinder;
        if (!_isRing(job.operator)) {
            if (_isRing(finder)) ringIncome += toFinder;
            if (_isRing(terms.creator)) ringIncome += toCreator;
        }
        _raiseBounty(job, toBounty);
        _reopen(job);
    }

    function _reopen(Expected storage job) private {
        job.operator = address(0);
        job.timer = uint40(clock);
        job.openedAt = uint40(clock);
        job.round += 1;
        job.next = job.paid;
        job.status = JobStatus.Open;
        job.acceptedAfter = 0;
        job.wrong = 0;
    }

    function _end(uint256 number, JobStatus status) private {
        Expected storage job = jobs[number];
        job.operator = address(0);
        job.timer = 0;
        job.status = status;
        job.acceptedAfter = 0;
        job.paid = 0;
        job.economyVersion = 0;
        ended.push(number);
        uint256 count = live.length;
        for (uint256 i = 0; i < count; ++i) {
            if (live[i] != number) continue;
            live[i] = live[count - 1];
            live.pop();
            return;
        }
    }

    // ---- a job's money -------------------------------------------------------------------------------------------

    function _leave(Expected storage job, JobTerms memory terms, address account, uint256 amount) private {
        if (amount == 0) return;
        job.remaining -= uint96(amount);
        job.left += uint96(amount);
        _giveCredit(terms.paymentToken, account, amount);
        bool isIncome = _isRing(account) && !_isRing(terms.creator) && terms.paymentToken == address(stakeToken);
        if (isIncome) ringIncome += amount;
    }

    function _raiseBounty(Expected storage job, uint256 amount) private {
        job.bounty += uint96(amount);
        if (_isRing(job.operator)) job.ringBounty += uint96(amount);
        bountySum += amount;
    }

    function _leastOf(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _spendBounty(Expected storage job, address account) private {
        bountySum -= job.bounty;
        _giveReward(account, job.bounty);
        job.bounty = 0;
    }
}
