// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMilestoneSettlement} from "../../../contracts/interfaces/IMilestoneSettlement.sol";
import {ITraceDemands} from "../../../contracts/interfaces/ITraceDemands.sol";
import {ITraceDispute} from "../../../contracts/interfaces/ITraceDispute.sol";
import {Demand} from "../../../contracts/types/DemandTypes.sol";
import {JobTerms} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "../market/Dice.sol";
import {DemandModel} from "./DemandModel.sol";

/// @notice Claims, demands for them, answers and silence, by everybody, at every second that matters.
contract DemandHandler is DemandModel {
    error DemandHandler_NotAsAgreed(string action, bool allowed);

    uint256 private constant MOST_JOBS = 16;
    uint256 private salts;
    /// @notice How often each action was obeyed, and refused.
    mapping(string action => uint256[2]) public counts;

    constructor() {
        clock = block.timestamp;
        for (uint256 i = 0; i < people.length; ++i) {
            vm.deal(people[i], 1e9 ether);
        }
    }

    // ---- claims ----------------------------------------------------------------------------------------------------

    /// @dev A new job, or one that was slashed and is open again, by an operator of any kind.
    function claim(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address operator = operators[dice.chance(3) ? DILIGENT : 1];
        uint256 salt = 0;
        while (salt < salts && claims[latest[salt] - 1].standing != Standing.Void) ++salt;
        if (salt == salts) {
            vm.assume(salts < MOST_JOBS);
            ++salts;
            JobTerms memory terms = _termsOf(salt);
            vm.prank(terms.creator);
            escrow.createJob(terms);
        }
        _claim(_termsOf(salt), operator, traceRoot);
        _note(salt, operator);
    }

    function finalize(uint256 seed) external {
        uint256 number = _anyClaim(_dice(seed));
        bytes memory call = abi.encodeCall(IMilestoneSettlement.finalize, (_terms(number)));
        if (_play("finalize", _mayFinalize(number), people[seed % 9], address(settlement), 0, call)) {
            claims[number].standing = Standing.Paid;
        }
    }

    // ---- demands ---------------------------------------------------------------------------------------------------

    function ask(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _anyClaim(dice);
        uint256 place = dice.roll(places.length);
        address payer = people[dice.roll(people.length)];
        Claimed storage one = claims[number];
        (uint256 base, uint256 crowding) = _price(places[place].priced, one.open);
        bool stands = one.standing == Standing.Stands;
        mustHold(!stands || _quote(number, place) == base + crowding, "39: a demand costs its answer, and the crowd");
        uint256 value = base + crowding + (dice.chance(3) ? dice.roll(1 ether) : 0);
        if (dice.chance(8)) --value;

        bytes memory call = abi.encodeCall(
            ITraceDemands.demand, (_terms(number), _ref(), places[place].asked, places[place].evidence)
        );
        bool wanted = _mayAsk(number, place) && value >= base + crowding;
        if (!_play("ask", wanted, payer, address(demands), value, call)) return;
        asked.push(Asked(number, place, payer, clock, base, crowding, false));
        askedAs[number][place] = asked.length;
        ++one.open;
        openSum += base + crowding;
        _credit(payer, value - base - crowding);
        uint256 finalAt = one.claimedAt + WINDOW + 2 * (places[place].level + 1) * STEP;
        if (finalAt > one.finalAt) one.finalAt = finalAt;
    }

    /// @dev Something that the claim's roots do not lead to, or that nobody asks for.
    function askWrongly(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _anyClaim(dice);
        Place memory place = places[dice.roll(places.length)];
        uint256 what = dice.roll(6);
        if (what == 0) place.asked.node = keccak256(abi.encode(seed));
        else if (what == 1) place.asked.index += uint32(dice.between(1, 1000));
        else if (what == 2) place.asked.height += uint8(dice.between(1, 100));
        else if (what == 3) place.asked.count += uint32(dice.between(1, 1000));
        else if (what == 4) place.asked.tensor += uint32(dice.between(1, 1000));
        else place.evidence[dice.roll(place.evidence.length)] ^= bytes1(uint8(dice.between(1, 255)));
        bytes memory call =
            abi.encodeCall(ITraceDemands.demand, (_terms(number), _ref(), place.asked, place.evidence));
        _play("ask wrongly", false, people[seed % 9], address(demands), 1e6 ether, call);
    }

    function answer(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _standingOne(_anyDemand(dice));
        bytes memory shown = places[asked[number].place].answer;
        bool isRight = !dice.chance(4);
        if (!isRight) shown[dice.roll(shown.length)] ^= bytes1(uint8(dice.between(1, 255)));
        _answer(number, people[dice.roll(people.length)], shown, isRight);
    }

    function fault(uint256 seed) external {
        uint256 number = _dueOr(_standingOne(_anyDemand(_dice(seed))));
        Asked storage one = asked[number];
        Claimed storage of_ = claims[one.claim];
        bytes memory call =
            abi.encodeCall(ITraceDemands.faultUnanswered, (_terms(one.claim), 0, places[one.place].asked));
        bool wanted = _mayFault(number);
        bool hasFirstTurn = clock <= one.askedAt + STEP + STEP / 2;
        address challenger = hasFirstTurn ? one.payer : people[seed % 9];
        uint256 reward = stakes.rewardOf(challenger);
        if (!_play("fault", wanted, people[seed % 9], address(demands), 0, call)) return;
        mustHold(of_.operator != operators[DILIGENT], "40: who answers is never slashed");
        mustHold(stakes.rewardOf(challenger) > reward, "40: who asked is the challenger, and later who calls");
        _credit(one.payer, _close(number));
        of_.standing = Standing.Void;
    }

    function giveBack(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _anyDemand(dice);
        Asked storage one = asked[number];
        Claimed storage of_ = claims[one.claim];
        Demand memory words = places[one.place].asked;
        // Of another job, which may have no claim at all, nothing is given back.
        Claimed storage other = claims[_anyClaim(dice)];
        if (other.salt != of_.salt) {
            _play("give back", false, thieves[0], address(demands), 0, abi.encodeCall(ITraceDemands.giveBack, (other.jobId, 0, of_.key, words)));
        }
        bytes memory call = abi.encodeCall(ITraceDemands.giveBack, (of_.jobId, 0, of_.key, words));
        if (_play("give back", _mayGiveBack(number), people[seed % 9], address(demands), 0, call)) {
            _credit(one.payer, _close(number));
        }
    }

    function withdraw(uint256 seed) external {
        Dice memory dice = _dice(seed);
        address account = people[dice.roll(people.length)];
        if (account == address(hookedCreator) || account == address(hookedOperator)) account = operators[0];
        _withdraw(account, people[dice.roll(9)]);
    }

    /// @dev What only the demands may tell the judge, and only the judge the settlement.
    function reachInside(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _anyClaim(dice);
        JobTerms memory terms = _terms(number);
        address thief = people[dice.roll(people.length)];
        uint64 later = uint64(claims[number].finalAt + dice.between(1, WINDOW));
        bytes[4] memory calls = [
            abi.encodeCall(ITraceDispute.extend, (terms, 0, later)),
            abi.encodeCall(ITraceDispute.faultWithheld, (terms, 0, thief)),
            abi.encodeCall(IMilestoneSettlement.extend, (terms, 0, later)),
            abi.encodeCall(IMilestoneSettlement.fault, (terms, 0, thief))
        ];
        uint256 which = dice.roll(4);
        _play("reach inside", false, thief, which < 2 ? address(dispute) : address(settlement), 0, calls[which]);
    }

    // ---- time and fees -----------------------------------------------------------------------------------------------

    function pass(uint256 seed) external {
        Dice memory dice = _dice(seed);
        _pass(clock + dice.between(1, dice.chance(4) ? 120 : 20));
    }

    /// @dev To the last second in which something is allowed, or the first in which it is not.
    function passToEdge(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 edge;
        if (asked.length > 0 && dice.chance(2)) {
            edge = asked[_anyDemand(dice)].askedAt + STEP;
        } else {
            Claimed storage one = claims[_anyClaim(dice)];
            edge = dice.chance(2) ? one.finalAt : one.claimedAt + WINDOW + 2 * dice.roll(4) * STEP;
        }
        edge += dice.roll(2);
        vm.assume(edge > clock && edge <= clock + WINDOW / 2);
        _pass(edge);
    }

    function setBaseFee(uint256 seed) external {
        uint256[5] memory fees = [uint256(0), 1 gwei, 30 gwei, 200 gwei, 5_000 gwei];
        vm.fee(fees[_dice(seed).roll(5)]);
    }

    // ---- rules ---------------------------------------------------------------------------------------------------------

    function check() external view {
        mustEqual(demands.burnt(), burntSum, "39: what was shown in a crowd is burnt");
        mustEqual(address(demands).balance, creditSum + openSum + burntSum, "39: every coin is somebody's, held or burnt");
        for (uint256 i = 0; i < people.length; ++i) {
            mustEqual(demands.creditOf(people[i]), creditOf[people[i]], "39: a credit is what demands came to");
        }
        for (uint256 c = 0; c < claims.length; ++c) {
            Claimed storage one = claims[c];
            mustEqual(demands.openOf(one.key), one.open, "41: open is what is neither shown nor given back");
            mustHold(one.finalAt <= one.claimedAt + 3 * WINDOW, "38: a claim is final within three windows");
            bool diligent = one.operator == operators[DILIGENT];
            mustHold(!diligent || one.standing != Standing.Void, "40: who answers is never slashed");
            if (one.standing != Standing.Stands) continue;
            mustEqual(settlement.claimOf(one.jobId, 0).finalAt, one.finalAt, "38: the times follow from the level");
            mustHold(demands.claimKeyOf(one.jobId, 0) == one.key, "41: a claim keeps its key while it stands");
        }
    }

    /// @dev INVARIANT 41, and 11: whatever happened, calls that anyone may make bring every demand to its end.
    function drain() external {
        _pass(clock + 3 * WINDOW + 1);
        for (uint256 c = 0; c < claims.length; ++c) {
            if (claims[c].standing != Standing.Stands) continue;
            settlement.finalize(_terms(c));
            claims[c].standing = Standing.Paid;
        }
        for (uint256 d = 0; d < asked.length; ++d) {
            if (asked[d].isOver) continue;
            Claimed storage of_ = claims[asked[d].claim];
            demands.giveBack(of_.jobId, 0, of_.key, places[asked[d].place].asked);
            _credit(asked[d].payer, _close(d));
        }
        mustEqual(openSum, 0, "41: nothing is held for ever");
        for (uint256 i = 0; i < people.length; ++i) {
            mustEqual(demands.creditOf(people[i]), creditOf[people[i]], "39: a credit is what demands came to");
            // A contract that takes no coin keeps its credit, and nobody else's.
            if (people[i].code.length == 0 && creditOf[people[i]] > 0) _withdraw(people[i], people[0]);
        }
        mustEqual(address(demands).balance, creditSum + burntSum, "39: what is left is burnt, or of who takes no coin");
    }

    // ---- inside --------------------------------------------------------------------------------------------------------

    function _answer(uint256 number, address who, bytes memory shown, bool isRight) private {
        Asked storage one = asked[number];
        bytes memory call =
            abi.encodeCall(ITraceDemands.answer, (_terms(one.claim), 0, places[one.place].asked, shown));
        if (!_play("answer", isRight && _mayAnswer(number), who, address(demands), 0, call)) return;
        _close(number);
        burntSum += one.crowding;
        _credit(claims[one.claim].operator, one.base);
    }

    function _withdraw(address account, address who) private {
        uint256 before = account.balance;
        bytes memory call = abi.encodeCall(ITraceDemands.withdraw, (account));
        bool takes = account.code.length == 0;
        if (!_play("withdraw", takes && creditOf[account] > 0, who, address(demands), 0, call)) return;
        mustEqual(account.balance - before, creditOf[account], "39: a credit is paid in full");
        creditSum -= creditOf[account];
        creditOf[account] = 0;
    }

    /// @dev Whoever is diligent answers before it is too late, whenever it was asked.
    function _pass(uint256 to) private {
        for (uint256 d = 0; d < asked.length; ++d) {
            bool isDue = !asked[d].isOver && asked[d].askedAt + STEP < to;
            if (!isDue || claims[asked[d].claim].operator != operators[DILIGENT] || !_mayAnswer(d)) continue;
            _answer(d, operators[DILIGENT], places[asked[d].place].answer, true);
        }
        clock = to;
        vm.warp(to);
    }

    function _quote(uint256 number, uint256 place) private view returns (uint256) {
        return demands.priceOf(claims[number].jobId, 0, places[place].asked);
    }

    function _play(string memory action, bool wanted, address who, address target, uint256 value, bytes memory data)
        private
        returns (bool done)
    {
        vm.prank(who);
        (done,) = target.call{value: value}(data);
        if (done != wanted) revert DemandHandler_NotAsAgreed(action, wanted);
        ++counts[action][done ? 0 : 1];
    }

    function _anyClaim(Dice memory dice) private view returns (uint256) {
        vm.assume(claims.length > 0);
        // Mostly the latest ones, of which something can still come.
        uint256 from = claims.length > 4 && dice.chance(2) ? claims.length - 4 : 0;
        // Of a job that was claimed again, calls mean the claim that was made last.
        return latest[claims[from + dice.roll(claims.length - from)].salt] - 1;
    }

    /// @dev The same demand of the job's last claim, where it was made of that as well: the words are the same.
    function _standingOne(uint256 number) private view returns (uint256) {
        Asked storage one = asked[number];
        uint256 same = askedAs[latest[claims[one.claim].salt] - 1][one.place];
        return same == 0 ? number : same - 1;
    }

    /// @dev A demand that nobody answered in time, where there is one and the first is even.
    function _dueOr(uint256 number) private view returns (uint256) {
        for (uint256 d = number & 1 == 0 ? 0 : asked.length; d < asked.length; ++d) {
            if (_mayFault(d)) return d;
        }
        return number;
    }

    function _anyDemand(Dice memory dice) private view returns (uint256) {
        vm.assume(asked.length > 0);
        uint256 from = asked.length > 8 && dice.chance(2) ? asked.length - 8 : 0;
        return from + dice.roll(asked.length - from);
    }

    function _dice(uint256 seed) private pure returns (Dice memory) {
        return Dice(uint256(keccak256(abi.encode(seed, msg.sig))));
    }
}
