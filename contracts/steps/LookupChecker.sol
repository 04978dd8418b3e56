// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {HeaderLib} from "../libraries/HeaderLib.sol";
import {OpeningLib} from "../libraries/OpeningLib.sol";
import {PlaceLib} from "../libraries/PlaceLib.sol";
import {StepLib} from "../libraries/StepLib.sol";
import {Opened, Step, TensorHeader} from "../types/StepTypes.sol";

/// @title  The elements of LOOKUP and LOOKUP2: entries of tables of 256 and of 65,536.
/// @notice Which entry follows from bytes that are read first. An index is a byte without a sign: an i8 of -1 is 255.
contract LookupChecker is IStepChecker {
    using HeaderLib for TensorHeader;
    using OpeningLib for Opened;
    using StepLib for Step;

    uint256 private constant TABLE = 256;

    /// @inheritdoc IStepChecker
    function element(bytes calldata data, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        external
        pure
        returns (int256)
    {
        Step memory step = StepLib.open(data, headers, openings, index);
        TensorHeader[] memory operands = HeaderLib.decodeAll(headers);
        if (step.opcode == StepLib.LOOKUP) return _lookup(step, operands, openings, index);
        if (step.opcode == StepLib.LOOKUP2) return _lookup2(step, operands, openings, index);
        revert StepChecker_Invalid();
    }

    function _lookup(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        step.expect(2, 0);
        TensorHeader memory x = operands[0];
        TensorHeader memory table = operands[1];
        TensorHeader memory output = step.output;
        StepLib.need(x.isByte() && table.fromEnd(0) == TABLE);
        uint256 channels = x.fromEnd(0);
        StepLib.need(table.rank == 1 || (table.rank == 2 && x.rank > 0 && table.fromEnd(1) == channels));
        StepLib.need(output.dtype == table.dtype && output.rank == x.rank && output.dims == x.dims);

        uint256 row = table.rank == 2 ? index % channels : 0;
        uint256 entry = OpeningLib.open(openings, 0).byteAt(index);
        return OpeningLib.open(openings, 1).value(table, TABLE * row + entry);
    }

    function _lookup2(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        step.expect(3, 0);
        TensorHeader memory table = operands[2];
        StepLib.need(operands[0].isByte() && operands[1].isByte());
        StepLib.need(table.rank == 1 && table.elements == TABLE * TABLE && step.output.dtype == table.dtype);

        (uint256 a, uint256 coveredByA) = PlaceLib.broadcastIndex(index, step.output, operands[0]);
        (uint256 b, uint256 coveredByB) = PlaceLib.broadcastIndex(index, step.output, operands[1]);
        StepLib.need(PlaceLib.isCovered(coveredByA | coveredByB, step.output));
        uint256 entry = TABLE * OpeningLib.open(openings, 0).byteAt(a) + OpeningLib.open(openings, 1).byteAt(b);
        return OpeningLib.open(openings, 2).value(table, entry);
    }
}
