// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {HeaderLib} from "../libraries/HeaderLib.sol";
import {OpeningLib} from "../libraries/OpeningLib.sol";
import {StepLib} from "../libraries/StepLib.sol";
import {Opened, Step, TensorHeader} from "../types/StepTypes.sol";

/// @title The elements of RESHAPE, VIEW, CONCAT and GATHER: each is an element of an operand, or a constant.
contract MapChecker is IStepChecker {
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
        if (step.opcode == StepLib.CONCAT) return _concat(step, headers, openings, index);
        TensorHeader[] memory operands = HeaderLib.decodeAll(headers);
        if (step.opcode == StepLib.VIEW) return _view(step, operands, openings, index);
        if (step.opcode == StepLib.GATHER) return _gather(step, operands, openings, index);
        StepLib.need(step.opcode == StepLib.RESHAPE);
        step.expect(1, 0);
        StepLib.need(operands[0].elements == step.output.elements && operands[0].dtype == step.output.dtype);
        return OpeningLib.open(openings, 0).value(operands[0], index);
    }

    // ---- VIEW ----------------------------------------------------------------------------------------------------

    function _view(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        uint256 rank = step.output.rank;
        step.expect(1, 1 + 3 * rank);
        TensorHeader memory x = operands[0];
        int256 fill = step.attribute(0);
        StepLib.need(x.rank == rank && x.dtype == step.output.dtype && x.holds(fill));
        (bool outside, uint256 flat) = _source(step, x, index);
        return outside ? fill : OpeningLib.open(openings, 0).value(x, flat);
    }

    /// @dev Where in `x` the output's element comes from, or that it is outside.
    function _source(Step memory step, TensorHeader memory x, uint256 index)
        private
        pure
        returns (bool outside, uint256 flat)
    {
        uint256 rank = x.rank;
        uint256 taken;
        for (uint256 k = rank; k > 0; --k) {
            // Below zero it is a large number, and no axis either.
            uint256 axis = uint256(step.attribute(k));
            StepLib.need(axis < rank && (taken >> axis) & 1 == 0);
            taken |= 1 << axis;
            uint256 size = step.output.fromEnd(rank - k);
            int256 place = step.attribute(rank + k) + step.attribute(2 * rank + k) * int256(index % size);
            index /= size;
            if (place < 0 || place >= int256(x.fromEnd(rank - 1 - axis))) outside = true;
            else flat += uint256(place) * x.inner(rank - 1 - axis);
        }
    }

    // ---- CONCAT --------------------------------------------------------------------------------------------------

    /// @dev What an operand that is not shown is, its offset says: operands differ from the output in one dim only.
    function _concat(Step memory step, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        StepLib.need(step.operands > 0 && step.attributes == 1 + step.operands);
        // Below zero it is a large number, and no axis either.
        uint256 axis = uint256(step.attribute(0));
        StepLib.need(axis < step.output.rank);
        _checkParts(step, headers);
        (uint256 chosen, uint256 flat) = _part(step, index);
        if (headers[chosen].length == 0) revert StepChecker_Missing(chosen, step.output.isByte() ? flat : 4 * flat);
        return OpeningLib.open(openings, chosen).value(step.output, flat);
    }

    /// @dev Which operand the element is one of, and its flat index there.
    function _part(Step memory step, uint256 index) private pure returns (uint256 chosen, uint256 flat) {
        uint256 behind = _behind(step);
        uint256 inner = step.output.inner(behind);
        uint256 size = step.output.fromEnd(behind);
        uint256 place = (index / inner) % size;
        while (chosen + 1 < step.operands && _offset(step, chosen + 1) <= place) ++chosen;
        uint256 start = _offset(step, chosen);
        flat = (index / inner / size) * (_offset(step, chosen + 1) - start) + place - start;
        flat = flat * inner + (index % inner);
    }

    /// @dev How many of the output's dims are behind the axis, which it has.
    function _behind(Step memory step) private pure returns (uint256) {
        return step.output.rank - 1 - uint256(step.attribute(0));
    }

    /// @dev Where on the axis the operand `k` begins; of the one behind the last, where the output ends.
    function _offset(Step memory step, uint256 k) private pure returns (uint256) {
        if (k == step.operands) return step.output.fromEnd(_behind(step));
        // Below zero it is a large number, and breaks the order.
        return uint256(step.attribute(1 + k));
    }

    function _checkParts(Step memory step, bytes[] calldata headers) private pure {
        uint256 behind = _behind(step);
        uint256 offset = _offset(step, 0);
        StepLib.need(offset == 0);
        uint256 size = step.output.fromEnd(behind);
        for (uint256 k = 0; k < step.operands; ++k) {
            uint256 end = _offset(step, k + 1);
            StepLib.need(offset < end && end <= size);
            if (headers[k].length > 0) _checkPart(step.output, behind, end - offset, headers[k]);
            offset = end;
        }
    }

    function _checkPart(TensorHeader memory output, uint256 behind, uint256 dim, bytes calldata data) private pure {
        TensorHeader memory part = HeaderLib.decode(data);
        StepLib.need(part.dtype == output.dtype && part.rank == output.rank && part.fromEnd(behind) == dim);
        StepLib.need(part.leading(behind + 1) == output.leading(behind + 1));
        StepLib.need(part.trailing(behind) == output.trailing(behind));
    }

    // ---- GATHER --------------------------------------------------------------------------------------------------

    function _gather(Step memory step, TensorHeader[] memory operands, bytes[] calldata openings, uint256 index)
        private
        pure
        returns (int256)
    {
        step.expect(2, 1);
        TensorHeader memory x = operands[0];
        TensorHeader memory indices = operands[1];
        uint256 behind = _checkGather(step, x, indices);
        uint256 inner = x.inner(behind);
        uint256 dim = x.fromEnd(behind);

        int256 place = OpeningLib.open(openings, 1).value(indices, (index / inner) % indices.elements);
        if (place < 0) place += int256(dim);
        if (place < 0 || place >= int256(dim)) return 0;

        uint256 outer = index / (inner * indices.elements);
        return OpeningLib.open(openings, 0).value(x, (outer * dim + uint256(place)) * inner + (index % inner));
    }

    /// @dev Gives the number of x's dims behind the axis.
    function _checkGather(Step memory step, TensorHeader memory x, TensorHeader memory indices)
        private
        pure
        returns (uint256 behind)
    {
        // Below zero it is a large number, and no axis either.
        uint256 axis = uint256(step.attribute(0));
        StepLib.need(axis < x.rank);
        behind = x.rank - 1 - axis;
        TensorHeader memory output = step.output;
        StepLib.need(output.dtype == x.dtype && output.rank + 1 == x.rank + indices.rank);
        uint256 dims = HeaderLib.joined(x.leading(behind + 1), indices.dims, indices.rank);
        StepLib.need(output.dims == HeaderLib.joined(dims, x.trailing(behind), behind));
    }
}
