// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TensorHeader} from "../types/StepTypes.sol";
import {HeaderLib} from "./HeaderLib.sol";
import {StepLib} from "./StepLib.sol";

/// @title  Where an element stands: flat row-major indices and places in dims.
library PlaceLib {
    /// @notice Which element of an operand the output's element `index` takes, as numpy broadcasts: dims are aligned at the
    ///         right, and a dim of 1 repeats.
    /// @return flat    Its flat index.
    /// @return covered One bit for each dim of the output, counted from the last, that the operand has as well. The
    ///                 output's dims are the broadcast of all operands' exactly where together they have them all.
    function broadcastIndex(uint256 index, TensorHeader memory output, TensorHeader memory operand)
        internal
        pure
        returns (uint256 flat, uint256 covered)
    {
        uint256 rank = operand.rank;
        if (operand.dims == output.dims && rank == output.rank) return (index, (1 << rank) - 1);
        StepLib.need(rank <= output.rank);
        // An operand has at most 2^30 elements.
        unchecked {
            uint256 stride = 1;
            for (uint256 k = 0; k < rank; ++k) {
                uint256 size = HeaderLib.fromEnd(output, k);
                uint256 dim = HeaderLib.fromEnd(operand, k);
                if (dim == size) {
                    covered |= 1 << k;
                    flat += (index % size) * stride;
                    stride *= dim;
                } else {
                    StepLib.need(dim == 1);
                }
                index /= size;
            }
        }
    }

    /// @notice Whether all of the output's dims are covered by its operands together.
    function isCovered(uint256 covered, TensorHeader memory output) internal pure returns (bool) {
        return covered == (1 << output.rank) - 1;
    }
}
