// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Step, Taps, TensorHeader} from "../types/StepTypes.sol";
import {HeaderLib} from "./HeaderLib.sol";
import {StepLib} from "./StepLib.sol";

/// @title  The taps of a two-dimensional window that lie inside an image.
/// @notice Tap (i, j) of output (y, x) reads row `y * stride_h - pad_top + i * dilation_h`, and its column likewise. The first
///         eight attributes of a windowed opcode say so, in pairs: kernel, stride, pad, dilation, of rows and of columns.
/// @dev    Computed instead of searched for, so that no kernel, however large, takes longer than what is read.
library WindowLib {
    int256 private constant MAX_REACH = 1 << 16;
    int256 private constant MAX_TAPS = 2 ** 31 - 1;

    /// @notice The taps inside `x`, of the output's element `index`. Reverts where the rules of windows are broken.
    function inside(Step memory step, TensorHeader memory x, uint256 index) internal pure returns (Taps memory taps) {
        TensorHeader memory output = step.output;
        int256 kernelWidth = StepLib.attribute(step, 1);
        StepLib.need(x.rank == 4 && output.rank == 4 && StepLib.attribute(step, 0) * kernelWidth <= MAX_TAPS);
        // Members are written one by one, as they become known: all of them at once are too many for the stack.
        unchecked {
            taps.kernelWidth = uint256(kernelWidth);
            taps.channel = index % HeaderLib.fromEnd(output, 0);
            index /= HeaderLib.fromEnd(output, 0);
            uint256 first;
            (taps.tap, first, taps.columns) = _axis(step, x, 1, index % HeaderLib.fromEnd(output, 1));
            index /= HeaderLib.fromEnd(output, 1);
            {
                (uint256 skipped, uint256 row, uint256 rows) = _axis(step, x, 0, index % HeaderLib.fromEnd(output, 2));
                taps.tap += skipped * uint256(kernelWidth);
                taps.rows = rows;
                // What is left is the image's place, whose dim the output shares with `x`: that is the opcode's own rule.
                index = (index / HeaderLib.fromEnd(output, 2)) * HeaderLib.fromEnd(x, 2) + row;
            }
            // Without rows there are no columns either.
            if (taps.rows == 0) taps.columns = 0;
            if (taps.columns == 0) taps.rows = 0;

            uint256 width = HeaderLib.fromEnd(x, 1);
            uint256 channels = HeaderLib.fromEnd(x, 0);
            taps.first = (index * width + first) * channels;
            taps.rowStride = uint256(StepLib.attribute(step, 6)) * width * channels;
            taps.columnStride = uint256(StepLib.attribute(step, 7)) * channels;
        }
    }

    /// @dev Of rows (0) or columns (1): how many taps lie before the image, where the first one inside is, how many are.
    function _axis(Step memory step, TensorHeader memory x, uint256 axis, uint256 place)
        private
        pure
        returns (uint256 skipped, uint256 first, uint256 count)
    {
        int256 size = int256(HeaderLib.fromEnd(x, 2 - axis));
        int256 kernel = StepLib.attribute(step, axis);
        int256 stride = StepLib.attribute(step, 2 + axis);
        int256 pad = StepLib.attribute(step, 4 + axis);
        int256 dilation = StepLib.attribute(step, 6 + axis);
        StepLib.need(
            kernel >= 1 && stride >= 1 && stride <= MAX_REACH && dilation >= 1 && dilation <= MAX_REACH && pad >= 0
                && pad <= MAX_REACH
        );
        // Everything is below 2^32 and multiplied by at most 2^16.
        unchecked {
            int256 places = int256(HeaderLib.fromEnd(step.output, 2 - axis));
            int256 behind = (places - 1) * stride - pad + (kernel - 1) * dilation + 1 - size;
            StepLib.need(behind <= MAX_REACH);

            int256 start = int256(place) * stride - pad;
            int256 before = start < 0 ? (dilation - 1 - start) / dilation : int256(0);
            start += before * dilation;
            if (start >= size || before >= kernel) return (0, 0, 0);
            int256 fitting = (size - 1 - start) / dilation + 1;
            return (
                uint256(before), uint256(start), uint256(fitting < kernel - before ? fitting : kernel - before)
            );
        }
    }
}
