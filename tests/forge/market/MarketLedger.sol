// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStatus, JobTerms} from "../../../contracts/types/JobTypes.sol";
import {Economy, EntryRules} from "../../../contracts/types/ParameterTypes.sol";

import {Dice} from "./Dice.sol";
import {JobMaker} from "./JobMaker.sol";
import {Expected, ExpectedStake, SignedOffer, Want} from "./MarketTypes.sol";

/// @notice What should be true, kept beside the contracts: jobs, credits, stakes, rewards, purses, and their sums.
/// @dev Nothing in here is read from the contracts. Sums are kept on their own, so that a check of a sum costs one
/// call.
abstract contract MarketLedger is JobMaker {
    Expected[] internal jobs;
    /// @dev Numbers of jobs that are open or assigned, and of those that are over.
    uint256[] internal live;
    uint256[] internal ended;
    mapping(bytes32 id => bool) internal isKnown;
    mapping(uint256 job => mapping(uint256 milestone => uint256)) internal finalAt;
    mapping(uint256 job => mapping(uint256 milestone => uint256)) internal claimedAt;
    mapping(uint256 job => mapping(uint256 milestone => bytes32)) internal outputs;
    SignedOffer[] internal orders;
    mapping(address creator => mapping(uint256 nonce => bool)) internal isNonceUsed;

    mapping(address token => mapping(address account => uint256)) internal creditOf;
    mapping(address account => uint256) internal rewardOf;
    mapping(address operator => ExpectedStake) internal stakeOf;
    mapping(address operator => mapping(address agent => bool)) internal isAppointed;
    mapping(address token => mapping(address account => uint256)) internal purseOf;
    /// @dev Finder's shares that a thief earned by calls that anyone may make, and by nothing else.
    mapping(address account => uint256) internal earnedBy;

    mapping(address token => uint256) internal heldSum; //   for jobs
    mapping(address token => uint256) internal creditSum;
    mapping(address token => uint256) internal escrowIn; //  deposits
    mapping(address token => uint256) internal escrowOut; // withdrawals
    mapping(address token => uint256) internal escrowGifts;
    uint256 internal stakeSum;
    uint256 internal rewardSum;
    uint256 internal bountySum;
    uint256 internal stakesIn;
    uint256 internal stakesOut;
    uint256 internal stakeGifts;
    /// @dev Stake tokens that people outside the ring have given it: payments, compensation, rewards, bounties, stake.
    uint256 internal ringIncome;

    mapping(uint16 version => Economy) internal economies;
    uint16 internal economyVersion;
    EntryRules internal rules;
    bool internal paused;

    /// @dev The time as this contract set it. `block.timestamp` is a constant to an optimizer that does not know of
    /// `warp`.
    uint256 internal clock;

    /// @notice How often each action was obeyed, and refused as it should be.
    mapping(bytes32 action => uint256) public obeyed;
    mapping(bytes32 action => uint256) public refused;

    constructor() {
        clock = 1_700_000_000;
        rules = _firstRules();
        economyVersion = 1;
        economies[1] = _firstEconomy();
        for (uint256 i = 0; i < creators.length; ++i) {
            _fillPurse(creators[i]);
        }
        for (uint256 i = 0; i < operators.length; ++i) {
            _fillPurse(operators[i]);
        }
        for (uint256 i = 0; i < thieves.length; ++i) {
            purseOf[address(stakeToken)][thieves[i]] = TALLY;
        }
        purseOf[address(stakeToken)][passer] = PURSE;
    }

    // ---- finding -------------------------------------------------------------------------------------------------

    /// @notice A job that the action can be tried on. Where there is none, forge throws the call away.
    function _find(Want want, uint256 from) internal view returns (uint256 number) {
        bool found;
        (found, number) = _look(want, from);
        vm.assume(found);
    }

    /// @notice One of the second kind where there is none of the first.
    function _findOr(Want first, Want second, Dice memory dice) internal view returns (uint256 number) {
        bool found;
        (found, number) = _look(first, dice.roll(1e6));
        if (!found) number = _find(second, dice.roll(1e6));
    }

    function _look(Want want, uint256 from) internal view returns (bool found, uint256 number) {
        uint256[] storage list = want == Want.Ended ? ended : live;
        uint256 count = list.length;
        for (uint256 step = 0; step < count; ++step) {
            number = list[addmod(from, step, count)];
            if (_is(jobs[number], want)) return (true, number);
        }
    }

    function _is(Expected storage job, Want want) private view returns (bool) {
        if (want == Want.Live || want == Want.Ended) return true;
        if (job.status == JobStatus.Open) {
            bool over = clock > uint256(job.openedAt) + job.acceptSeconds;
            return want == Want.Open || want == (over ? Want.Refundable : Want.Acceptable);
        }
        if (want == Want.Assigned) return true;
        if (want == Want.Claimable) return job.next < job.count && clock <= job.timer;
        if (want == Want.Pending) return job.paid < job.next;
        return want == Want.Late && _isLate(job);
    }

    function _isLate(Expected storage job) internal view returns (bool) {
        return job.status == JobStatus.Assigned && job.paid == job.next && clock > job.timer;
    }

    function _terms(uint256 job) internal view returns (JobTerms memory) {
        return _termsOf(jobs[job].seed, jobs[job].inputRoot);
    }

    function _isAgentOf(address operator, address caller) internal view returns (bool) {
        return caller == operator || isAppointed[operator][caller];
    }

    function _freeOf(address operator) internal view returns (uint256) {
        ExpectedStake storage mine = stakeOf[operator];
        uint256 used = uint256(mine.locked) + mine.unbonding;
        return mine.stake > used ? mine.stake - used : 0;
    }

    // ---- moving money --------------------------------------------------------------------------------------------

    function _takeDeposit(address token, address creator, uint256 amount) internal {
        purseOf[token][creator] -= amount;
        escrowIn[token] += amount;
        heldSum[token] += amount;
    }

    function _giveCredit(address token, address account, uint256 amount) internal {
        heldSum[token] -= amount;
        creditOf[token][account] += amount;
        creditSum[token] += amount;
    }

    function _takeCredit(address token, address account) internal {
        uint256 amount = creditOf[token][account];
        creditOf[token][account] = 0;
        creditSum[token] -= amount;
        escrowOut[token] += amount;
        purseOf[token][account] += amount;
    }

    function _takeStake(address operator, address from, uint256 amount) internal {
        purseOf[address(stakeToken)][from] -= amount;
        stakeOf[operator].stake += uint96(amount);
        stakeOf[operator].broughtIn += amount;
        stakeSum += amount;
        stakesIn += amount;
        if (_isRing(operator) && !_isRing(from)) ringIncome += amount;
    }

    /// @dev A lock of `amount` ends, and `lost` of it is no longer the operator's.
    function _endLock(address operator, uint96 amount, uint96 lost) internal {
        ExpectedStake storage mine = stakeOf[operator];
        mine.locked -= amount;
        mine.stake -= lost;
        mine.slashed += lost;
        stakeSum -= lost;
        if (mine.unbonding > mine.stake) mine.unbonding = mine.stake;
    }

    function _giveReward(address account, uint256 amount) internal {
        rewardOf[account] += amount;
        rewardSum += amount;
    }

    function _takeReward(address account) internal {
        uint256 amount = rewardOf[account];
        rewardOf[account] = 0;
        rewardSum -= amount;
        stakesOut += amount;
        purseOf[address(stakeToken)][account] += amount;
    }

    /// @dev Two accounts and a hot key that work for one purse, whatever they look like from outside.
    function _isRing(address account) internal view returns (bool) {
        return account == operators[RING] || account == creators[RING] || account == finders[0];
    }

    // ---- counting ------------------------------------------------------------------------------------------------

    function _count(bytes32 action, bool done) internal {
        if (done) ++obeyed[action];
        else ++refused[action];
    }

    function _fillPurse(address owner) private {
        for (uint256 t = 0; t < tokens.length; ++t) {
            purseOf[tokens[t]][owner] = PURSE;
        }
    }
}
