// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {HeaderLib} from "../libraries/HeaderLib.sol";
import {Int8DotLib} from "../libraries/Int8DotLib.sol";
import {OpeningLib} from "../libraries/OpeningLib.sol";
import {RequantisationLib} from "../libraries/RequantisationLib.sol";
import {StepLib} from "../libraries/StepLib.sol";
import {WindowLib} from "../libraries/WindowLib.sol";
import {DotTerms, Opened, Step, Taps, TensorHeader} from "../types/StepTypes.sol";

/// @title  The elements of CONV, MATMUL and POOL_SUM: exact sums, and where they are requantised, their 8-bit images.
/// @notice The terms of a dot product are brought together in memory, without those of taps outside the image, and summed
///         there in one go.
contract DotChecker is IStepChecker {
    using HeaderLib for TensorHeader;
    using OpeningLib for Opened;
    using StepLib for Step;

    uint256 private constant WINDOW_ATTRIBUTES = 8;

    /// @inheritdoc IStepChecker
    function element(bytes calldata data, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        external
        pure
        returns (int256)
    {
        Step memory step = StepLib.open(data, headers, openings, index);
        TensorHeader[] memory operands = HeaderLib.decodeAll(headers);
        if (step.opcode == StepLib.CONV) return _conv(step, operands, openings, index);
        if (step.opcode == StepLib.MATMUL) return _matmul(step, operands, openings, index);
        if (step.opcode == StepLib.POOL_SUM) return _poolSum(step, operands, openings, index);
        revert StepChecker_Invalid();
    }

    // ---- CONV ----------------------------------------------------------------------------------------------------

    function _conv(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        step.expect(3, WINDOW_ATTRIBUTES + 5);
        _checkConv(step, operands[0], operands[1], operands[2]);
        Taps memory taps = WindowLib.inside(step, operands[0], index);
        DotTerms memory dot = _dotTerms(step, operands, WINDOW_ATTRIBUTES + 1);
        _gather(step, operands[1], taps, dot, openings);
        return _finish(step, WINDOW_ATTRIBUTES + 3, OpeningLib.open(openings, 2), taps.channel, Int8DotLib.sum(dot));
    }

    function _checkConv(Step memory step, TensorHeader memory x, TensorHeader memory w, TensorHeader memory params)
        private
        pure
    {
        StepLib.need(x.rank == 4 && x.isByte() && w.rank == 4 && w.isByte());
        uint256 channels = x.fromEnd(0);
        uint256 outputs = w.fromEnd(3);
        int256 parts = step.attribute(WINDOW_ATTRIBUTES);
        StepLib.need(parts >= 1 && parts <= int256(channels));
        uint256 groups = uint256(parts);
        StepLib.need(channels % groups == 0 && outputs % groups == 0);
        StepLib.need(w.fromEnd(0) == channels / groups);
        StepLib.need(int256(w.fromEnd(2)) == step.attribute(0) && int256(w.fromEnd(1)) == step.attribute(1));
        _checkParams(params, outputs, false);
        StepLib.need(x.holds(step.attribute(WINDOW_ATTRIBUTES + 1)) && w.holds(step.attribute(WINDOW_ATTRIBUTES + 2)));
        _checkRequantised(step, WINDOW_ATTRIBUTES + 3);
        TensorHeader memory output = step.output;
        StepLib.need(output.fromEnd(3) == x.fromEnd(3) && output.fromEnd(0) == outputs);
    }

    /// @dev Makes room for the terms and writes them.
    function _gather(
        Step memory step,
        TensorHeader memory w,
        Taps memory taps,
        DotTerms memory dot,
        bytes[] calldata openings
    ) private pure {
        uint256 channels = w.fromEnd(0);
        uint256 size = w.inner(3);
        // The whole filter is there and shown before memory is taken for it.
        uint256 filter = OpeningLib.open(openings, 1).locate(taps.channel * size, size);
        dot.terms = taps.rows * taps.columns * channels;
        Int8DotLib.allocate(dot);
        _gatherFilter(taps, filter, channels, dot.right);
        uint256 group = taps.channel / (w.fromEnd(3) / uint256(step.attribute(WINDOW_ATTRIBUTES)));
        _gatherImage(taps, OpeningLib.open(openings, 0), taps.first + group * channels, channels, dot.left);
    }

    /// @dev Writes the channels of each tap, row by row. Taps that lie side by side in the image are one run, if all its
    ///      channels are read.
    function _gatherImage(Taps memory taps, Opened memory x, uint256 first, uint256 channels, uint256 to) private pure {
        uint256 runs = taps.columns;
        uint256 size = channels;
        if (taps.columnStride == channels) (runs, size) = (1, runs * channels);
        unchecked {
            for (uint256 i = 0; i < taps.rows; ++i) {
                uint256 place = first;
                for (uint256 j = 0; j < runs; ++j) {
                    _copy(x.locate(place, size), size, to);
                    to += size;
                    place += taps.columnStride;
                }
                first += taps.rowStride;
            }
        }
    }

    /// @dev Writes the weights of the same taps; the whole filter stands at `filter` in calldata.
    function _gatherFilter(Taps memory taps, uint256 filter, uint256 channels, uint256 to) private pure {
        unchecked {
            uint256 size = taps.columns * channels;
            uint256 place = filter + taps.tap * channels;
            for (uint256 i = 0; i < taps.rows; ++i) {
                _copy(place, size, to);
                to += size;
                place += taps.kernelWidth * channels;
            }
        }
    }

    // ---- MATMUL --------------------------------------------------------------------------------------------------

    function _matmul(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        step.expect(3, 4);
        _checkMatmul(step, operands[0], operands[1], operands[2]);
        DotTerms memory dot = _dotTerms(step, operands, 0);
        _bring(operands[0], operands[1], dot, openings, index);
        TensorHeader memory params = operands[2];
        uint256 row = params.fromEnd(1) > 1 ? index % operands[1].fromEnd(1) : 0;
        return _finish(step, 2, OpeningLib.open(openings, 2), row, Int8DotLib.sum(dot));
    }

    /// @dev Makes room for the terms and writes them.
    function _bring(
        TensorHeader memory a,
        TensorHeader memory b,
        DotTerms memory dot,
        bytes[] calldata openings,
        uint256 index
    ) private pure {
        uint256 terms = a.fromEnd(0);
        uint256 columns = b.fromEnd(1);
        // Of rank 2, b is the same for all leading places of a; otherwise both have the same leading dims.
        uint256 row = b.rank > 2 ? (index / (a.fromEnd(1) * columns)) * columns : 0;
        row += index % columns;
        // Both are there and shown before memory is taken for them.
        uint256 left = OpeningLib.open(openings, 0).locate((index / columns) * terms, terms);
        uint256 right = OpeningLib.open(openings, 1).locate(row * terms, terms);
        dot.terms = terms;
        Int8DotLib.allocate(dot);
        _copy(left, terms, dot.left);
        _copy(right, terms, dot.right);
    }

    function _checkMatmul(Step memory step, TensorHeader memory a, TensorHeader memory b, TensorHeader memory params)
        private
        pure
    {
        StepLib.need(a.isByte() && a.rank >= 2 && b.isByte() && b.rank >= 2);
        StepLib.need(a.fromEnd(0) == b.fromEnd(0));
        StepLib.need(b.rank == 2 || (b.rank == a.rank && a.leading(2) == b.leading(2)));
        _checkParams(params, b.fromEnd(1), true);
        StepLib.need(a.holds(step.attribute(0)) && b.holds(step.attribute(1)));
        _checkRequantised(step, 2);
        TensorHeader memory output = step.output;
        StepLib.need(output.rank == a.rank && output.dims == HeaderLib.joined(a.leading(1), b.fromEnd(1), 1));
    }

    // ---- POOL_SUM ------------------------------------------------------------------------------------------------

    function _poolSum(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        bool requantised = _checkPoolSum(step, operands);
        Taps memory taps = WindowLib.inside(step, operands[0], index);
        int256 sum = _sumOf(taps, operands[0], OpeningLib.open(openings, 0));
        uint256 count = taps.rows * taps.columns;
        sum = HeaderLib.saturate(sum - int256(count) * step.attribute(WINDOW_ATTRIBUTES), HeaderLib.I32);
        if (!requantised) return sum;

        int256 zero = step.attribute(WINDOW_ATTRIBUTES + 1);
        if (count == 0) return zero; // the dtype has it, so there is nothing to saturate
        int256 multiplier = OpeningLib.open(openings, 1).value(operands[1], count - 1);
        return RequantisationLib.requantize(sum, multiplier, zero, step.output.dtype);
    }

    /// @dev Of at most 2^30 elements of 32 bits.
    function _sumOf(Taps memory taps, TensorHeader memory x, Opened memory image) private pure returns (int256 sum) {
        unchecked {
            uint256 row = taps.first + taps.channel;
            for (uint256 i = 0; i < taps.rows; ++i) {
                uint256 place = row;
                for (uint256 j = 0; j < taps.columns; ++j) {
                    sum += image.value(x, place);
                    place += taps.columnStride;
                }
                row += taps.rowStride;
            }
        }
    }

    function _checkPoolSum(Step memory step, TensorHeader[] memory operands) private pure returns (bool requantised) {
        StepLib.need(operands.length > 0 && step.attributes == WINDOW_ATTRIBUTES + 3);
        TensorHeader memory x = operands[0];
        TensorHeader memory output = step.output;
        StepLib.need(x.rank == 4 && output.rank == 4);
        StepLib.need(x.holds(step.attribute(WINDOW_ATTRIBUTES)));
        StepLib.need(output.fromEnd(3) == x.fromEnd(3) && output.fromEnd(0) == x.fromEnd(0));
        requantised = _checkRequantised(step, WINDOW_ATTRIBUTES + 1);
        if (!requantised) {
            step.expect(1, WINDOW_ATTRIBUTES + 3);
        } else {
            step.expect(2, WINDOW_ATTRIBUTES + 3);
            TensorHeader memory multipliers = operands[1];
            StepLib.need(multipliers.dtype == HeaderLib.I32 && multipliers.rank == 1);
            StepLib.need(int256(multipliers.elements) == step.attribute(0) * step.attribute(1));
        }
    }

    // ---- dot products --------------------------------------------------------------------------------------------

    /// @dev The attribute `zeroPlace` is the left operand's zero point, the one behind it the right one's.
    function _dotTerms(Step memory step, TensorHeader[] memory operands, uint256 zeroPlace)
        private
        pure
        returns (DotTerms memory dot)
    {
        dot.leftSigned = operands[0].isSigned();
        dot.rightSigned = operands[1].isSigned();
        dot.leftZero = step.attribute(zeroPlace);
        dot.rightZero = step.attribute(zeroPlace + 1);
    }

    /// @dev To where `Int8DotLib.allocate` has made room.
    function _copy(uint256 from, uint256 size, uint256 to) private pure {
        assembly ("memory-safe") {
            calldatacopy(to, from, size)
        }
    }

    // ---- bias and requantisation ---------------------------------------------------------------------------------

    /// @dev The attribute `zeroPlace` is the output's zero point, the one behind it says whether the sum is requantised at all.
    function _checkRequantised(Step memory step, uint256 zeroPlace) private pure returns (bool requantised) {
        int256 zero = step.attribute(zeroPlace);
        int256 flag = step.attribute(zeroPlace + 1);
        StepLib.need(flag == 0 || flag == 1);
        requantised = flag == 1;
        TensorHeader memory output = step.output;
        StepLib.need(requantised ? output.isByte() && output.holds(zero) : !output.isByte() && zero == 0);
    }

    /// @dev A bias and a multiplier for each output, or of MATMUL one row for all.
    function _checkParams(TensorHeader memory params, uint256 outputs, bool orOne) private pure {
        StepLib.need(params.dtype == HeaderLib.I32 && params.rank == 2 && params.fromEnd(0) == 2);
        uint256 rows = params.fromEnd(1);
        StepLib.need(rows == outputs || (orOne && rows == 1));
    }

    /// @dev `row` of the params; `zeroPlace` as above.
    function _finish(Step memory step, uint256 zeroPlace, Opened memory params, uint256 row, int256 sum)
        private
        pure
        returns (int256)
    {
        uint256 place = params.locate(8 * row, 8);
        int256 bias;
        int256 multiplier;
        assembly ("memory-safe") {
            let word := calldataload(place)
            bias := sar(224, word)
            multiplier := sar(224, shl(32, word))
        }
        sum = HeaderLib.saturate(sum + bias, HeaderLib.I32);
        if (step.attribute(zeroPlace + 1) == 0) return sum;
        return RequantisationLib.requantize(sum, multiplier, step.attribute(zeroPlace), step.output.dtype);
    }
}
