// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DotTerms} from "../types/StepTypes.sol";

/// @title  Exact dot products of 8-bit integers with zero points, eight products to one multiplication.
/// @notice Of a word of each operand every fourth byte is masked out, which makes eight lanes of 32 bits. A product of two such
///         words holds in its top lane the sum over pairs of lanes that lie opposite each other, so one operand's lanes
///         are reversed first; what leaves the word above is lost, and nothing there is wanted.
/// @dev    Lanes are signed: a word stands for the sum of its lanes times powers of 2^32, negative lanes borrowing from
///         the one above, and sums and products of such words are exact modulo 2^256. The top lane is rounded to,
///         because lower lanes may have borrowed from it.
library Int8DotLib {
    uint256 private constant ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant SIGNS = 0x8080808080808080808080808080808080808080808080808080808080808080;
    uint256 private constant LANES = 0x0000000100000001000000010000000100000001000000010000000100000001;

    /// @notice Makes room in memory for the terms. They are for the caller to write; what lies behind them does not matter.
    function allocate(DotTerms memory dot) internal pure {
        uint256 terms = dot.terms;
        uint256 left;
        uint256 right;
        assembly ("memory-safe") {
            left := mload(0x40)
            // One word is written behind the last term, and whole words are read.
            let room := and(add(terms, 0x3f), not(0x1f))
            right := add(left, room)
            mstore(0x40, add(right, room))
        }
        dot.left = left;
        dot.right = right;
    }

    /// @notice The sum over k of `(left[k] - leftZero) * (right[k] - rightZero)`.
    function sum(DotTerms memory dot) internal pure returns (int256) {
        uint256 end = dot.left + dot.terms;
        uint256 padding = (uint256(dot.leftZero) & 0xff) * ONES;
        assembly ("memory-safe") {
            // Behind the last term the left run is its zero point, which makes nothing of whatever the right one is there.
            mstore(end, padding)
        }
        // A signed byte with its top bit flipped is itself and 128, and its zero point is then higher by as much.
        unchecked {
            return _sum(
                dot.left,
                dot.right - dot.left,
                end,
                dot.leftSigned ? SIGNS : 0,
                uint256(dot.leftZero + (dot.leftSigned ? int256(128) : int256(0))) * LANES,
                dot.rightSigned ? SIGNS : 0,
                uint256(dot.rightZero + (dot.rightSigned ? int256(128) : int256(0))) * LANES
            );
        }
    }

    /// @param left     Where the left run stands.
    /// @param apart    How far behind it the right one stands.
    /// @param leftFlip Bits to flip of the left run's words.
    /// @param leftZero To subtract from the left run's lanes, in each of them.
    function _sum(
        uint256 left,
        uint256 apart,
        uint256 end,
        uint256 leftFlip,
        uint256 leftZero,
        uint256 rightFlip,
        uint256 rightZero
    ) private pure returns (int256 total) {
        assembly ("memory-safe") {
            let mask := 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff
            for {} lt(left, end) {} {
                // After 1,024 words, 4,096 multiplications, a lane is at most 4,096 * 8 * 255^2 < 2^31.
                let pause := add(left, 0x8000)
                if gt(pause, end) { pause := end }
                let lanes := 0
                for {} lt(left, pause) { left := add(left, 0x20) } {
                    let a := xor(mload(left), leftFlip)
                    let b := xor(mload(add(left, apart)), rightFlip)
                    // Eight lanes reversed: halves, quarters, eighths change places.
                    b := or(shl(128, b), shr(128, b))
                    b := or(
                        shl(64, and(b, 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)),
                        and(shr(64, b), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                    )
                    b := or(
                        shl(32, and(b, 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)),
                        and(shr(32, b), 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                    )
                    lanes := add(lanes, mul(sub(and(a, mask), leftZero), sub(and(b, mask), rightZero)))
                    lanes := add(
                        lanes,
                        mul(sub(and(shr(8, a), mask), leftZero), sub(and(shr(8, b), mask), rightZero))
                    )
                    lanes := add(
                        lanes,
                        mul(sub(and(shr(16, a), mask), leftZero), sub(and(shr(16, b), mask), rightZero))
                    )
                    lanes := add(
                        lanes,
                        mul(sub(and(shr(24, a), mask), leftZero), sub(and(shr(24, b), mask), rightZero))
                    )
                }
                total := add(total, sar(224, add(lanes, shl(223, 1))))
            }
        }
    }
}
