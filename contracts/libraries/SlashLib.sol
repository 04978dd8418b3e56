// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Economy, SlashDivision} from "../types/ParameterTypes.sol";
import {MilestoneMathLib} from "./MilestoneMathLib.sol";

/// @title How much is slashed, and who gets it.
/// @dev   INVARIANT 15: three shares round down and the burn takes the rest, so that the four make the whole, and the burn is
///        never less than the parameters' hard bound.
library SlashLib {
    /// @notice For a missed deadline, of the part of the lock that stood for `unfinishedBps` of the work.
    function late(Economy memory economy, uint96 lock, uint256 unfinishedBps)
        internal
        pure
        returns (uint96 slashed, SlashDivision memory division)
    {
        slashed = MilestoneMathLib.lateSlashDown(lock, unfinishedBps, economy.lateSlashBps);
        division = _divide(slashed, economy.lateFinderBps, economy.lateCreatorBps, economy.lateBountyBps);
    }

    /// @notice For a fault: the whole lock.
    function fault(Economy memory economy, uint96 lock) internal pure returns (SlashDivision memory division) {
        return _divide(lock, economy.faultChallengerBps, economy.faultCreatorBps, economy.faultBountyBps);
    }

    function _divide(uint96 slashed, uint256 finderBps, uint256 creatorBps, uint256 bountyBps)
        private
        pure
        returns (SlashDivision memory division)
    {
        division.toFinder = MilestoneMathLib.shareDown(slashed, finderBps);
        division.toCreator = MilestoneMathLib.shareDown(slashed, creatorBps);
        division.toBounty = MilestoneMathLib.shareDown(slashed, bountyBps);
        division.burned = slashed - division.toFinder - division.toCreator - division.toBounty;
    }
}
