// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The arithmetic of prices, shares and penalties. Pure, in the smallest unit of whichever token it is about.
/// @dev    Amounts are uint96 and factors at most 10,000 or 2^40, so no product here leaves 256 bits, and no share of an
///         amount leaves 96. Everything rounds down; what rounding leaves stays with the job, and the creator in the end.
library MilestoneMathLib {
    uint256 internal constant BPS = 10_000;

    /// @notice The offer `elapsed` seconds after an opening: from `minPrice` to `maxPrice` in a straight line.
    function rampPriceDown(uint96 minPrice, uint96 maxPrice, uint32 rampSeconds, uint256 elapsed)
        internal
        pure
        returns (uint96)
    {
        if (elapsed >= rampSeconds) return maxPrice;
        // Below maxPrice, so the cast cannot truncate.
        return uint96(minPrice + (uint256(maxPrice - minPrice) * elapsed) / rampSeconds);
    }

    /// @notice `shareBps` of `amount`.
    /// @dev    `shareBps` is at most BPS, so the cast cannot truncate.
    function shareDown(uint96 amount, uint256 shareBps) internal pure returns (uint96) {
        return uint96((amount * shareBps) / BPS);
    }

    /// @notice Shares of the milestones from `first` on, together.
    function sumFrom(uint16[] calldata shareBps, uint256 first) internal pure returns (uint256 sumBps) {
        for (uint256 m = first; m < shareBps.length; ++m) {
            sumBps += shareBps[m];
        }
    }

    /// @notice What a missed deadline costs: `slashBps` of the part of the lock that stood for unfinished milestones.
    function lateSlashDown(uint96 lock, uint256 unfinishedBps, uint256 slashBps) internal pure returns (uint96) {
        return uint96((lock * unfinishedBps * slashBps) / (BPS * BPS));
    }

    /// @notice What an early release costs: from `releaseBps` of the unfinished part of the lock at once, in a straight
    ///         line, to `slashBps` at the deadline.
    function releaseFeeDown(
        uint96 lock,
        uint256 unfinishedBps,
        uint256 releaseBps,
        uint256 slashBps,
        uint256 heldSeconds,
        uint256 durationSeconds
    ) internal pure returns (uint96) {
        uint256 held = heldSeconds < durationSeconds ? heldSeconds : durationSeconds;
        uint256 scaledBps = releaseBps * durationSeconds + (slashBps - releaseBps) * held;
        return uint96((lock * unfinishedBps * scaledBps) / (BPS * BPS * durationSeconds));
    }
}
