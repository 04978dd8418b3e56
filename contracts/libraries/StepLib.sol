// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {Step} from "../types/StepTypes.sol";
import {HeaderLib} from "./HeaderLib.sol";

/// @title  What a step's hash is of, taken apart.
/// @notice `opcode u8 | operands u8 | (kind u8, index u32) each | header | attributes u16 | i32 each`, big-endian:
///         `tallystick/engine/preimages.py`. What the attributes of an opcode mean is in `tallystick/engine/opcodes.py`.
library StepLib {
    uint256 internal constant CONV = 1;
    uint256 internal constant MATMUL = 2;
    uint256 internal constant POOL_SUM = 3;
    uint256 internal constant LOOKUP = 16;
    uint256 internal constant LOOKUP2 = 17;
    uint256 internal constant MAX_POOL = 32;
    uint256 internal constant ARG_MAX = 33;
    uint256 internal constant RESHAPE = 48;
    uint256 internal constant VIEW = 49;
    uint256 internal constant CONCAT = 50;
    uint256 internal constant GATHER = 51;
    uint256 internal constant ARITH = 64;

    uint256 internal constant MAX_OPERANDS = 64;

    /// @dev Kinds of operands: input, constant, step.
    uint256 private constant MAX_KIND = 2;
    uint256 private constant REF_BYTES = 5;

    /// @notice The step whose bytes are all of `data`. Reverts where there is none; whether the opcode has a meaning, and
    ///         has so many operands and attributes, is for its checker to say.
    function decode(bytes calldata data) internal pure returns (Step memory step) {
        // Behind the end of `data` anything may stand; nothing of it is believed unless the step ends where `data` does.
        unchecked {
            uint256 word;
            assembly ("memory-safe") {
                word := calldataload(data.offset)
            }
            uint256 operands = (word >> 240) & 0xff;
            need(operands <= MAX_OPERANDS);
            for (uint256 k = 0; k < operands; ++k) {
                (uint256 kind,) = operand(data, k);
                need(kind <= MAX_KIND);
            }
            uint256 end = HeaderLib.read(step.output, data, 2 + REF_BYTES * operands);
            uint256 attributes;
            uint256 attributesAt;
            assembly ("memory-safe") {
                attributesAt := add(data.offset, add(end, 2))
                attributes := shr(240, calldataload(add(data.offset, end)))
            }
            need(data.length == end + 2 + 4 * attributes);
            step.opcode = word >> 248;
            step.operands = operands;
            step.attributes = attributes;
            step.attributesAt = attributesAt;
        }
    }

    /// @notice Reverts unless the step has so many operands and attributes.
    function expect(Step memory step, uint256 operands, uint256 attributes) internal pure {
        need(step.operands == operands && step.attributes == attributes);
    }

    /// @notice The step, if it is given a header and openings for each operand and has an element `index`.
    function open(bytes calldata data, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        internal
        pure
        returns (Step memory step)
    {
        step = decode(data);
        need(headers.length == step.operands && openings.length == step.operands);
        if (index >= step.output.elements) {
            revert IStepChecker.StepChecker_NoElement(index, step.output.elements);
        }
    }

    /// @notice The attribute `place`, which must be one that the step has.
    function attribute(Step memory step, uint256 place) internal pure returns (int256 value) {
        uint256 first = step.attributesAt;
        assembly ("memory-safe") {
            value := sar(224, calldataload(add(first, shl(2, place))))
        }
    }

    /// @notice The operand `place`, which must be one that the step has: kind (input, constant, step) and index.
    function operand(bytes calldata data, uint256 place) internal pure returns (uint256 kind, uint256 index) {
        assembly ("memory-safe") {
            let word := calldataload(add(data.offset, add(2, mul(REF_BYTES, place))))
            kind := byte(0, word)
            index := and(shr(216, word), 0xffffffff)
        }
    }

    /// @notice Reverts with Invalid where the rule is broken.
    function need(bool holds) internal pure {
        if (!holds) revert IStepChecker.StepChecker_Invalid();
    }
}
