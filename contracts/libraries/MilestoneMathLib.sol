// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The arithmetic of prices, shares and penalties. Pure, in the smallest unit of whichever token it is about.
/// @dev    Amounts are uint128 and factors at most 10,000 or 2^32, so no product here leaves 256 bits. Everything rounds
///         down, and the last milestone takes what rounding left, so that a job's deposit is always spent to the unit.
library MilestoneMathLib {
    uint256 internal constant BPS = 10_000;

    /// @notice The offer `elapsed` seconds after an opening: from `minPrice` to `maxPrice` in a straight line.
    function rampPriceDown(uint128 minPrice, uint128 maxPrice, uint32 rampSeconds, uint256 elapsed)
        internal
        pure
        returns (uint128)
    {
        if (elapsed >= rampSeconds) return maxPrice;
        // Below maxPrice, so the cast cannot truncate.
        return uint128(minPrice + (uint256(maxPrice - minPrice) * elapsed) / rampSeconds);
    }

    /// @notice `shareBps` of `amount`.
    function shareDown(uint256 amount, uint256 shareBps) internal pure returns (uint256) {
        return (amount * shareBps) / BPS;
    }

    /// @notice Shares of the milestones from `first` on, together.
    function sumFrom(uint16[] calldata shareBps, uint256 first) internal pure returns (uint256 sumBps) {
        for (uint256 m = first; m < shareBps.length; ++m) {
            sumBps += shareBps[m];
        }
    }

    /// @notice How one milestone's part of the deposit is divided.
    /// @dev    `toOperator + toDispatcher + toCreator == allocation`, because `paid <= allocation`:
    ///         - before the last milestone `allocation = floor(maxPrice * share / BPS)`, `price <= maxPrice` and floor
    ///           is monotone;
    ///         - for the last one it is what the others left, `maxPrice - sum of their floors`, which is at least
    ///           `maxPrice - maxPrice * (BPS - share) / BPS = maxPrice * share / BPS`.
    function divide(uint256 allocation, uint256 price, uint256 shareBps, uint256 dispatcherFeeBps)
        internal
        pure
        returns (uint256 toOperator, uint256 toDispatcher, uint256 toCreator)
    {
        uint256 paid = shareDown(price, shareBps);
        toDispatcher = shareDown(paid, dispatcherFeeBps);
        toOperator = paid - toDispatcher;
        toCreator = allocation - paid;
    }

    /// @notice What a missed deadline costs: `penaltyBps` of the part of the lock that stood for unfinished milestones.
    function deadlineSlashDown(uint256 lock, uint256 unfinishedBps, uint256 penaltyBps) internal pure returns (uint256) {
        return (lock * unfinishedBps * penaltyBps) / (BPS * BPS);
    }
}
