// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {HeaderLib} from "../libraries/HeaderLib.sol";
import {OpeningLib} from "../libraries/OpeningLib.sol";
import {PlaceLib} from "../libraries/PlaceLib.sol";
import {RequantisationLib} from "../libraries/RequantisationLib.sol";
import {StepLib} from "../libraries/StepLib.sol";
import {Opened, Step, TensorHeader} from "../types/StepTypes.sol";

/// @title The elements of ARITH: an integer expression of one to three elements.
contract ArithChecker is IStepChecker {
    using HeaderLib for TensorHeader;
    using OpeningLib for Opened;
    using StepLib for Step;

    uint256 private constant ADD = 0;
    uint256 private constant SUB = 1;
    uint256 private constant MUL = 2;
    uint256 private constant MUL_SHIFT = 3;
    uint256 private constant DIV = 4;
    uint256 private constant DIV_ROUND = 5;
    uint256 private constant MIN = 6;
    uint256 private constant MAX = 7;
    uint256 private constant LESS = 8;
    uint256 private constant LESS_EQUAL = 9;
    uint256 private constant EQUAL = 10;
    uint256 private constant SELECT = 11;
    uint256 private constant SQRT = 12;
    uint256 private constant REQUANTIZE = 13;

    uint256 private constant MAX_SHIFT = 31;

    /// @inheritdoc IStepChecker
    function element(bytes calldata data, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        external
        pure
        returns (int256)
    {
        Step memory step = StepLib.open(data, headers, openings, index);
        StepLib.need(step.opcode == StepLib.ARITH && step.attributes == 3);
        TensorHeader[] memory operands = HeaderLib.decodeAll(headers);
        // Below zero it is a large number, and no kind or shift either.
        uint256 kind = uint256(step.attribute(0));
        uint256 shift = uint256(step.attribute(1));
        int256 zero = step.attribute(2);
        _check(kind, shift, zero, step, operands);

        int256[3] memory values = _values(step, operands, openings, index);
        uint256 dtype = step.output.dtype;
        if (kind == REQUANTIZE) return RequantisationLib.requantize(values[0], values[1], zero, dtype);
        return HeaderLib.saturate(_value(kind, shift, values[0], values[1], values[2]), dtype);
    }

    function _check(uint256 kind, uint256 shift, int256 zero, Step memory step, TensorHeader[] memory operands)
        private
        pure
    {
        StepLib.need(kind <= REQUANTIZE);
        StepLib.need(step.operands == (kind == SQRT ? 1 : kind == SELECT ? 3 : 2));
        bool shifted = kind == MUL_SHIFT || kind == DIV || kind == DIV_ROUND || kind == SQRT;
        StepLib.need(shift <= (shifted ? MAX_SHIFT : 0));
        if (kind == REQUANTIZE) StepLib.need(operands[1].dtype == HeaderLib.I32 && step.output.holds(zero));
        else StepLib.need(zero == 0);
    }

    /// @dev The elements that broadcasting brings together.
    function _values(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256[3] memory values)
    {
        uint256[3] memory flats;
        uint256 covered;
        for (uint256 k = 0; k < operands.length; ++k) {
            uint256 has;
            (flats[k], has) = PlaceLib.broadcastIndex(index, step.output, operands[k]);
            covered |= has;
        }
        StepLib.need(PlaceLib.isCovered(covered, step.output));
        for (uint256 k = 0; k < operands.length; ++k) {
            values[k] = OpeningLib.open(openings, k).value(operands[k], flats[k]);
        }
    }

    /// @dev Operands have 32 bits and the shift is below 32, so nothing leaves 64 bits.
    function _value(uint256 kind, uint256 shift, int256 a, int256 b, int256 c) private pure returns (int256) {
        unchecked {
            if (kind == ADD) return a + b;
            if (kind == SUB) return a - b;
            if (kind == MUL) return a * b;
            if (kind == MUL_SHIFT) return (a * b + (shift == 0 ? int256(0) : int256(1 << (shift - 1)))) >> shift;
            if (kind == DIV) return b == 0 ? int256(0) : (a << shift) / b;
            if (kind == DIV_ROUND) return _roundedQuotient(a << shift, b);
            if (kind == MIN) return a < b ? a : b;
            if (kind == MAX) return a > b ? a : b;
            if (kind == LESS) return a < b ? int256(1) : int256(0);
            if (kind == LESS_EQUAL) return a <= b ? int256(1) : int256(0);
            if (kind == EQUAL) return a == b ? int256(1) : int256(0);
            if (kind == SELECT) return a != 0 ? b : c;
            return a > 0 ? int256(Math.sqrt(uint256(a) << shift)) : int256(0); // SQRT
        }
    }

    /// @dev `a / b` to the nearest, halves away from 0; 0 where `b` is 0.
    function _roundedQuotient(int256 a, int256 b) private pure returns (int256) {
        if (b == 0) return 0;
        unchecked {
            int256 size = b < 0 ? -b : b;
            int256 quotient = ((a < 0 ? -a : a) + size / 2) / size;
            return (a < 0) == (b < 0) ? quotient : -quotient;
        }
    }
}
