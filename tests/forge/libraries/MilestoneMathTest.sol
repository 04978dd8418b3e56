// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MilestoneMathLib} from "../../../contracts/libraries/MilestoneMathLib.sol";

import {ForgeTest} from "../ForgeTest.sol";
import {Dice} from "../market/Dice.sol";
import {LibraryDoor} from "./LibraryDoor.sol";

/// @notice The arithmetic of prices and fees over the whole of its ranges. None of these may overflow, so none may
/// revert.
contract MilestoneMathTest is ForgeTest {
    uint256 private constant BPS = 10_000;

    LibraryDoor private immutable door = new LibraryDoor();

    function testFuzz_rampPriceDown_whenTimePasses_neverFalls(
        uint96 a,
        uint96 b,
        uint32 rampSeconds,
        uint256 earlier,
        uint256 later
    ) public pure {
        (uint96 least, uint96 most) = a < b ? (a, b) : (b, a);
        (earlier, later) = earlier < later ? (earlier, later) : (later, earlier);
        uint256 before = MilestoneMathLib.rampPriceDown(least, most, rampSeconds, earlier);
        uint256 after_ = MilestoneMathLib.rampPriceDown(least, most, rampSeconds, later);
        assertLe(least, before, "the price is at least minPrice");
        assertLe(before, after_, "the price never falls");
        assertLe(after_, most, "the price is at most maxPrice");
    }

    /// @dev Fuzzed times are mostly behind the ramp: here they are on it, where the line has to be straight.
    function testFuzz_rampPriceDown_onTheRamp_isOnTheLine(uint96 a, uint96 b, uint32 rampSeconds, uint256 at)
        public
        pure
    {
        (uint96 least, uint96 most) = a < b ? (a, b) : (b, a);
        uint256 ramp = bound(rampSeconds, 1, type(uint32).max);
        uint256 elapsed = bound(at, 0, ramp);
        uint256 price = MilestoneMathLib.rampPriceDown(least, most, uint32(ramp), elapsed);
        // price = least + floor((most - least) * elapsed / ramp), said without dividing
        uint256 rise = uint256(most - least) * elapsed;
        assertLe((price - least) * ramp, rise, "not above the line");
        assertLe(rise + 1, (price - least) * ramp + ramp, "less than one unit below it");
    }

    /// @dev Paid milestones, the dispatcher's fees out of them and what goes home make the deposit, to the unit.
    function testFuzz_shareDown_overAllMilestones_neverTakesMoreThanThePrice(
        uint96 deposit,
        uint96 price,
        uint16 feeBps,
        uint256 seed
    ) public view {
        price = uint96(bound(price, 0, deposit));
        feeBps = uint16(bound(feeBps, 0, 1_000));
        uint16[] memory shares = _shares(seed);
        uint256 left = deposit;
        for (uint256 m = 0; m < shares.length; ++m) {
            uint96 paid = MilestoneMathLib.shareDown(price, shares[m]);
            uint96 fee = MilestoneMathLib.shareDown(paid, feeBps);
            assertLe(fee, paid, "the fee is a part of the payment");
            assertLe(paid, left, "what is left covers every payment");
            left -= paid;
        }
        assertLe(deposit - price, left, "the surplus is left");
        assertLe(left, deposit - price + shares.length, "rounding leaves less than a unit a milestone");
        assertEq(door.sumFrom(shares, 0), BPS, "the shares are the whole");
    }

    function testFuzz_sumFrom_anyMilestone_isWhatTheOnesBeforeItLeave(uint256 seed, uint256 first) public view {
        uint16[] memory shares = _shares(seed);
        first = bound(first, 0, shares.length);
        uint256 before = 0;
        for (uint256 m = 0; m < first; ++m) {
            before += shares[m];
        }
        assertEq(door.sumFrom(shares, first), BPS - before, "the unfinished part");
    }

    function testFuzz_lateSlashDown_ofAnyLock_isAtMostItsUnfinishedPart(uint96 lock, uint256 unfinished, uint256 slash)
        public
        pure
    {
        unfinished = bound(unfinished, 0, BPS);
        slash = bound(slash, 0, BPS);
        uint256 lost = MilestoneMathLib.lateSlashDown(lock, unfinished, slash);
        assertLe(lost, MilestoneMathLib.shareDown(lock, unfinished), "no more than the unfinished part");
        assertLe(lost, MilestoneMathLib.shareDown(lock, slash), "no more than the slash of a whole lock");
    }

    function testFuzz_releaseFeeDown_whenHeldLonger_risesToTheLateSlash(
        uint96 lock,
        uint256 unfinished,
        uint256 release,
        uint256 slash,
        uint256 earlier,
        uint256 later,
        uint256 duration
    ) public pure {
        unfinished = bound(unfinished, 1, BPS);
        slash = bound(slash, 0, BPS);
        release = bound(release, 0, slash);
        duration = bound(duration, 1, 365 days);
        (earlier, later) = earlier < later ? (earlier, later) : (later, earlier);
        uint256 before = MilestoneMathLib.releaseFeeDown(lock, unfinished, release, slash, earlier, duration);
        uint256 after_ = MilestoneMathLib.releaseFeeDown(lock, unfinished, release, slash, later, duration);
        assertLe(MilestoneMathLib.lateSlashDown(lock, unfinished, release), before, "at least the share at once");
        assertLe(before, after_, "it never falls");
        assertLe(after_, MilestoneMathLib.lateSlashDown(lock, unfinished, slash), "at most what being late costs");
    }

    function testFuzz_releaseFeeDown_atItsEnds_isExact(uint96 lock, uint256 unfinished, uint256 slash, uint256 duration)
        public
        pure
    {
        unfinished = bound(unfinished, 1, BPS);
        slash = bound(slash, 10, BPS);
        duration = bound(duration, 1, 365 days);
        uint256 atOnce = MilestoneMathLib.releaseFeeDown(lock, unfinished, 10, slash, 0, duration);
        uint256 atDeadline = MilestoneMathLib.releaseFeeDown(lock, unfinished, 10, slash, duration, duration);
        assertEq(atOnce, MilestoneMathLib.lateSlashDown(lock, unfinished, 10), "at once");
        assertEq(atDeadline, MilestoneMathLib.lateSlashDown(lock, unfinished, slash), "at the deadline");
    }

    /// @dev 1 to 256 milestones with at least one bps each.
    function _shares(uint256 seed) private pure returns (uint16[] memory shares) {
        Dice memory dice = Dice(seed);
        shares = new uint16[](dice.between(1, dice.chance(2) ? 256 : 8));
        uint256 left = BPS;
        for (uint256 m = 0; m < shares.length; ++m) {
            uint256 after_ = shares.length - m - 1;
            uint256 share =
                after_ == 0 ? left : dice.between(1, dice.chance(8) ? left - after_ : (left - after_) / 4 + 1);
            shares[m] = uint16(share);
            left -= share;
        }
    }
}
