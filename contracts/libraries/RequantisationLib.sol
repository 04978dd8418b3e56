// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HeaderLib} from "./HeaderLib.sol";
import {StepLib} from "./StepLib.sol";

/// @title  From a 32-bit sum back to 8 bits by one single-precision product: `sat(rne(f32(acc) * M) + zero)`.
/// @notice In integers, from the multiplier's bits: `tallystick/engine/requantisation.py`. A finite positive single is
///         `m * 2^e` with `m < 2^24`. Three roundings, all to nearest and ties to even: the accumulator to 24 bits, the
///         product of the two to 24 bits, that product to an integer. Products below 2^-126 have fewer than 24 bits in
///         IEEE 754; nothing is done about it, because whatever they are rounded to, the integer is 0.
library RequantisationLib {
    uint256 private constant SIGNIFICAND_BITS = 24;
    int256 private constant LARGEST_MULTIPLIER = 0x7f7fffff;

    /// @dev Beyond every dtype.
    uint256 private constant FAR = 64;

    /// @notice The requantised element. Reverts where the bits are not those of a finite single above zero.
    /// @param  acc  Of at most 2^31 in magnitude.
    /// @param  bits Of the multiplier, as the i32 that programs hold it as.
    /// @param  zero Added after rounding.
    function requantize(int256 acc, int256 bits, int256 zero, uint256 dtype) internal pure returns (int256) {
        StepLib.need(bits >= 1 && bits <= LARGEST_MULTIPLIER);
        unchecked {
            uint256 biased = uint256(bits) >> 23;
            uint256 fraction = uint256(bits) & 0x7fffff;
            (uint256 a, uint256 excess) = _toSignificand(uint256(acc < 0 ? -acc : acc));
            int256 exponent = int256(excess);
            (a, excess) = _toSignificand(a * (biased == 0 ? fraction : fraction | 0x800000));
            exponent += int256(excess) + (biased == 0 ? int256(-149) : int256(biased) - 150);

            uint256 size = exponent < 0
                ? _shiftToEven(a, uint256(-exponent))
                : a << (uint256(exponent) < FAR ? uint256(exponent) : FAR);
            return HeaderLib.saturate((acc < 0 ? -int256(size) : int256(size)) + zero, dtype);
        }
    }

    /// @dev `value / 2^bits` to the nearest integer, of two equally near the even one; `bits` is below 256.
    function _shiftToEven(uint256 value, uint256 bits) private pure returns (uint256 whole) {
        if (bits == 0) return value;
        unchecked {
            whole = value >> bits;
            uint256 rest = value & ((1 << bits) - 1);
            uint256 half = 1 << (bits - 1);
            if (rest > half || (rest == half && whole & 1 == 1)) ++whole;
        }
    }

    /// @dev `m * 2^excess` is the number of at most 24 significant bits that is nearest to `value`, which is below 2^56.
    function _toSignificand(uint256 value) private pure returns (uint256 m, uint256 excess) {
        // The bits above the 24th, counted: a binary search of at most 32.
        assembly ("memory-safe") {
            let above := shr(24, value)
            let step := shl(4, gt(above, 0xffff))
            above := shr(step, above)
            excess := step
            step := shl(3, gt(above, 0xff))
            above := shr(step, above)
            excess := or(excess, step)
            step := shl(2, gt(above, 0xf))
            above := shr(step, above)
            excess := or(excess, step)
            step := shl(1, gt(above, 0x3))
            above := shr(step, above)
            excess := add(or(excess, step), sub(above, gt(above, 2)))
        }
        return (_shiftToEven(value, excess), excess);
    }
}
