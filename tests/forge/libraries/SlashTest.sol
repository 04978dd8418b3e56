// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SlashLib} from "../../../contracts/libraries/SlashLib.sol";
import {Economy, SlashDivision} from "../../../contracts/types/ParameterTypes.sol";

import {ForgeTest} from "../ForgeTest.sol";
import {Dice} from "../market/Dice.sol";

/// @notice Who gets what of a slash, for any lock under any economy inside its bounds.
contract SlashTest is ForgeTest {
    function testFuzz_late_underAnyEconomy_dividesTheWholeAndBurnsATenth(uint96 lock, uint256 unfinished, uint256 seed)
        public
        pure
    {
        Economy memory economy = _economy(seed);
        unfinished = bound(unfinished, 0, 10_000);
        (uint96 slashed, SlashDivision memory division) = SlashLib.late(economy, lock, unfinished);
        assertLe(slashed, (uint256(lock) * economy.lateSlashBps) / 10_000, "a part of the lock");
        _check(division, slashed);
        _checkShare(division.toFinder, slashed, economy.lateFinderBps);
        _checkShare(division.toCreator, slashed, economy.lateCreatorBps);
        _checkShare(division.toBounty, slashed, economy.lateBountyBps);
    }

    function testFuzz_fault_underAnyEconomy_dividesTheWholeLockAndBurnsATenth(uint96 lock, uint256 seed) public pure {
        Economy memory economy = _economy(seed);
        SlashDivision memory division = SlashLib.fault(economy, lock);
        _check(division, lock);
        _checkShare(division.toFinder, lock, economy.faultChallengerBps);
        _checkShare(division.toCreator, lock, economy.faultCreatorBps);
        _checkShare(division.toBounty, lock, economy.faultBountyBps);
    }

    /// @dev INVARIANT 15, by the division alone.
    function _check(SlashDivision memory division, uint256 slashed) private pure {
        uint256 parts = uint256(division.toFinder) + division.toCreator + division.toBounty + division.burned;
        assertEq(parts, slashed, "the parts make the whole");
        assertLe(slashed, uint256(division.burned) * 10, "a tenth is burnt");
        assertTrue(division.finder == address(0) && division.creator == address(0), "names are the caller's to fill in");
    }

    function _checkShare(uint256 part, uint256 slashed, uint256 bps) private pure {
        assertEq(part, (slashed * bps) / 10_000, "each has its own share");
    }

    function _economy(uint256 seed) private pure returns (Economy memory economy) {
        Dice memory dice = Dice(seed);
        economy.lateSlashBps = uint16(dice.between(1_000, 8_000));
        economy.releaseBps = uint16(dice.between(10, economy.lateSlashBps));
        economy.lateFinderBps = uint16(dice.between(100, 9_000));
        economy.lateCreatorBps = uint16(dice.roll(9_001 - economy.lateFinderBps));
        economy.lateBountyBps = 9_000 - economy.lateFinderBps - economy.lateCreatorBps;
        economy.faultChallengerBps = uint16(dice.between(1_000, 9_000));
        economy.faultCreatorBps = uint16(dice.roll(9_001 - economy.faultChallengerBps));
        economy.faultBountyBps = 9_000 - economy.faultChallengerBps - economy.faultCreatorBps;
    }
}
