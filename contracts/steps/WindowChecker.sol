// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {HeaderLib} from "../libraries/HeaderLib.sol";
import {OpeningLib} from "../libraries/OpeningLib.sol";
import {StepLib} from "../libraries/StepLib.sol";
import {WindowLib} from "../libraries/WindowLib.sol";
import {Opened, Step, Taps, TensorHeader} from "../types/StepTypes.sol";

/// @title The elements of MAX_POOL and ARG_MAX: the largest tap inside the image, and which one it is.
contract WindowChecker is IStepChecker {
    using HeaderLib for TensorHeader;
    using OpeningLib for Opened;
    using StepLib for Step;

    /// @inheritdoc IStepChecker
    function element(bytes calldata data, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        external
        pure
        returns (int256)
    {
        Step memory step = StepLib.open(data, headers, openings, index);
        bool isMax = step.opcode == StepLib.MAX_POOL;
        StepLib.need(isMax || step.opcode == StepLib.ARG_MAX);
        step.expect(1, 8);
        TensorHeader memory x = HeaderLib.decodeAll(headers)[0];
        Taps memory taps = WindowLib.inside(step, x, index);
        TensorHeader memory output = step.output;
        StepLib.need(output.dtype == (isMax ? x.dtype : HeaderLib.I32));
        StepLib.need(output.fromEnd(3) == x.fromEnd(3) && output.fromEnd(0) == x.fromEnd(0));

        if (taps.rows == 0) return isMax ? HeaderLib.low(x.dtype) : int256(0);
        (int256 largest, uint256 tap) = _largest(taps, x, OpeningLib.open(openings, 0));
        return isMax ? largest : int256(tap);
    }

    /// @dev The first of equals, row by row. At least one tap is inside.
    function _largest(Taps memory taps, TensorHeader memory x, Opened memory image)
        private
        pure
        returns (int256 largest, uint256 tap)
    {
        largest = type(int256).min;
        unchecked {
            uint256 row = taps.first + taps.channel;
            for (uint256 i = 0; i < taps.rows; ++i) {
                uint256 flat = row;
                for (uint256 j = 0; j < taps.columns; ++j) {
                    int256 value = image.value(x, flat);
                    if (value > largest) (largest, tap) = (value, taps.tap + i * taps.kernelWidth + j);
                    flat += taps.columnStride;
                }
                row += taps.rowStride;
            }
        }
    }
}
