// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Int8DotLib} from "../../../contracts/libraries/Int8DotLib.sol";
import {DotTerms} from "../../../contracts/types/StepTypes.sol";

import {ForgeTest} from "../ForgeTest.sol";

/// @notice Eight products at once are what a loop over the terms gives: for all lengths, signs, zero points and ends.
contract Int8DotTest is ForgeTest {
    /// @dev Terms that the numeric contract promises to be exact for.
    uint256 private constant BOUND = 66_000;

    function testFuzz_sum_ofAnyTerms_isTheNaiveSum(uint256 terms, uint256 kinds, uint256 zeros, uint256 seed) public pure {
        DotTerms memory dot;
        dot.terms = bound(terms, 0, 300);
        dot.leftSigned = kinds & 1 == 1;
        dot.rightSigned = kinds & 2 == 2;
        dot.leftZero = _byte(zeros, dot.leftSigned);
        dot.rightZero = _byte(zeros >> 8, dot.rightSigned);
        // Every second one of the ends alone: bytes of 0x80 and 0x7f, or 0x00 and 0xff.
        _scatter(dot, seed, kinds & 4 == 0 ? 0 : kinds & 8 == 8 ? 0x80 : 0xff);
        _check(dot);
    }

    function test_sum_ofLongRunsOfTheEnds_isTheNaiveSum() public pure {
        uint256[7] memory lengths = [uint256(4_096), 32_736, 32_767, 32_768, 32_769, 65_537, BOUND];
        for (uint256 k = 0; k < lengths.length; ++k) {
            uint256 square = lengths[k] * 255 * 255;
            DotTerms memory dot = DotTerms(lengths[k], 0, 0, true, true, 127, 127);
            Int8DotLib.allocate(dot);
            _fill(dot.left, dot.terms, 0x80);
            _fill(dot.right, dot.terms, 0x80);
            assertEq(uint256(Int8DotLib.sum(dot)), square, "-128 against a zero point of 127, twice");

            (dot.leftSigned, dot.leftZero) = (false, 0);
            _fill(dot.left, dot.terms, 0xff);
            assertEq(uint256(-Int8DotLib.sum(dot)), square, "255 against -128 below 127");

            (dot.rightSigned, dot.rightZero) = (false, 0);
            _fill(dot.right, dot.terms, 0xff);
            assertEq(uint256(Int8DotLib.sum(dot)), square, "255 twice");
        }
    }

    /// @dev Each lane in turn at its largest and the others at its opposite, so that a carry or borrow would show.
    function test_sum_ofOneLargeLane_isTheNaiveSum() public pure {
        for (uint256 lane = 0; lane < 8; ++lane) {
            DotTerms memory dot = DotTerms(4_096, 0, 0, true, true, 127, lane & 1 == 0 ? int256(127) : int256(-128));
            Int8DotLib.allocate(dot);
            for (uint256 k = 0; k < dot.terms; ++k) {
                _put(dot.left, k, 0x80);
                _put(dot.right, k, (k >> 2) & 7 == lane ? 0x80 : 0x7f);
            }
            _check(dot);
        }
    }

    // ---- the naive sum -------------------------------------------------------------------------------------------

    function _check(DotTerms memory dot) private pure {
        int256 wanted = 0;
        for (uint256 k = 0; k < dot.terms; ++k) {
            int256 a = _byte(_get(dot.left, k), dot.leftSigned) - dot.leftZero;
            wanted += a * (_byte(_get(dot.right, k), dot.rightSigned) - dot.rightZero);
        }
        assertEq(uint256(Int8DotLib.sum(dot)), uint256(wanted), "the sum of the products");
    }

    function _byte(uint256 value, bool signed) private pure returns (int256) {
        return signed ? int256(int8(uint8(value))) : int256(uint256(uint8(value)));
    }

    // ---- memory --------------------------------------------------------------------------------------------------

    /// @dev Two runs with something behind each; where `ends` is not 0, of that byte and its opposite alone.
    function _scatter(DotTerms memory dot, uint256 seed, uint256 ends) private pure {
        Int8DotLib.allocate(dot);
        uint256 room = 2 * (dot.right - dot.left);
        for (uint256 k = 0; k < room; ++k) {
            uint256 random = uint256(keccak256(abi.encode(seed, k / 32))) >> (8 * (k % 32));
            _put(dot.left, k, ends == 0 ? random : random & 1 == 0 ? ends : 0xff - ends);
        }
    }

    function _fill(uint256 place, uint256 count, uint256 value) private pure {
        uint256 word = value * 0x0101010101010101010101010101010101010101010101010101010101010101;
        assembly ("memory-safe") {
            for { let k := 0 } lt(k, count) { k := add(k, 0x20) } { mstore(add(place, k), word) }
        }
    }

    function _put(uint256 place, uint256 k, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore8(add(place, k), value)
        }
    }

    function _get(uint256 place, uint256 k) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(add(place, k)))
        }
    }
}
