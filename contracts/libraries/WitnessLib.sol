// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {TensorTreeLib} from "./TensorTreeLib.sol";

/// @title Numbers, headers, steps and runs of leaves, read where they lie in a packed witness (ITraceDispute says how).
/// @dev   All offsets are absolute in calldata. Nothing is copied, and nothing refused but what would be read wrongly.
///        Unchecked, because no number here has more than 64 bits, but for a product of dims, which has at most 256.
library WitnessLib {
    /// @dev `dtype u8 | rank u8 | dims u32 each | elements u64`.
    struct Header {
        uint256 offset;
        uint256 length;
        uint256 dtype;
        uint256 elements;
    }

    /// @dev `opcode u8 | operands u8 | (kind u8, index u32) each | header | attributes u16 | i32 each`.
    struct Step {
        uint256 offset;
        uint256 length;
        uint256 opcode;
        uint256 operands;
        Header header;
    }

    uint256 private constant I8 = 2;
    uint256 private constant I32 = 3;
    uint256 private constant MAX_RANK = 8;
    uint256 private constant MAX_OPERANDS = 64;
    uint256 private constant MAX_ELEMENTS = 1 << 30;
    uint256 private constant REF_BYTES = 5;
    uint256 private constant MAX_REF_KIND = 2;
    uint256 private constant RUN_HEAD = 6;

    /// @notice An unsigned number of `size` bytes, 1 to 32.
    function number(uint256 offset, uint256 size) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(offset))
        }
    }

    /// @notice Where an argument's bytes begin.
    function placeOf(bytes calldata packed) internal pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := packed.offset
        }
    }

    /// @notice How many bytes a header takes.
    function headerLength(uint256 offset) internal pure returns (uint256) {
        unchecked {
            return 10 + 4 * number(offset + 1, 1);
        }
    }

    /// @return header What lies at `offset`.
    /// @return valid  Whether `TensorHeader.encode` may have written it.
    function readHeader(uint256 offset) internal pure returns (Header memory header, bool valid) {
        unchecked {
            (uint256 dtype, uint256 rank) = (number(offset, 1), number(offset + 1, 1));
            header.offset = offset;
            header.length = headerLength(offset);
            header.dtype = dtype;
            header.elements = number(offset + 2 + 4 * rank, 8);
            if (dtype == 0 || dtype > I32 || rank > MAX_RANK) return (header, false);
            // Eight dims of 32 bits have a product of at most 256.
            uint256 elements = 1;
            for (uint256 axis = 0; axis < rank; ++axis) {
                elements *= number(offset + 2 + 4 * axis, 4);
            }
            valid = elements == header.elements && elements > 0 && elements <= MAX_ELEMENTS;
        }
    }

    /// @return step  What lies at `offset`.
    /// @return valid Whether a step of index `index` may have such operands and such a header. Its opcode and its attributes
    ///               are the checker's to judge.
    function readStep(uint256 offset, uint256 index) internal pure returns (Step memory step, bool valid) {
        unchecked {
            step.offset = offset;
            step.opcode = number(offset, 1);
            step.operands = number(offset + 1, 1);
            valid = step.operands <= MAX_OPERANDS;
            for (uint256 place = 0; place < step.operands; ++place) {
                (uint256 kind, uint256 item) = refOf(step, place);
                if (kind > MAX_REF_KIND || (kind == MAX_REF_KIND && item >= index)) valid = false;
            }
            bool validHeader;
            (step.header, validHeader) = readHeader(offset + 2 + REF_BYTES * step.operands);
            uint256 attributesAt = step.header.offset + step.header.length;
            step.length = attributesAt + 2 + 4 * number(attributesAt, 2) - offset;
            valid = valid && validHeader;
        }
    }

    /// @notice Which tensor an operand is: 0 input, 1 constant, 2 step, and its index.
    function refOf(Step memory step, uint256 place) internal pure returns (uint256 kind, uint256 index) {
        unchecked {
            uint256 offset = step.offset + 2 + REF_BYTES * place;
            return (number(offset, 1), number(offset + 1, 4));
        }
    }

    function elementBytes(Header memory header) internal pure returns (uint256) {
        return header.dtype == I32 ? 4 : 1;
    }

    /// @notice Leaves of a tensor.
    function leavesOf(Header memory header) internal pure returns (uint256) {
        unchecked {
            return Math.ceilDiv(header.elements * elementBytes(header), TensorTreeLib.LEAF_BYTES);
        }
    }

    /// @notice The element at `offset`.
    function elementAt(Header memory header, uint256 offset) internal pure returns (int256) {
        uint256 value = number(offset, elementBytes(header));
        if (header.dtype == I32) return int32(uint32(value));
        if (header.dtype == I8) return int8(uint8(value));
        return int256(value);
    }

    /// @notice The root of a tree of which runs of leaves are shown, and where runs and siblings end.
    /// @param  offset `(first u32 | leaves u16 | 256 bytes each)` for each of `runs`, then the siblings in `fold`'s order.
    /// @param  count  Leaves of the tree.
    /// @return root   Of the tree; zero where the runs are not apart, in order, of at least a leaf each, and within the tree.
    /// @return runsEnd Behind the last run.
    /// @return next   Behind the last sibling.
    function readRuns(uint256 offset, uint256 runs, uint256 count)
        internal
        view
        returns (bytes32 root, uint256 runsEnd, uint256 next)
    {
        unchecked {
            uint256 known = 0;
            uint256 least = 0;
            runsEnd = offset;
            for (uint256 run = 0; run < runs; ++run) {
                (uint256 first, uint256 leaves) = (number(runsEnd, 4), number(runsEnd + 4, 2));
                if (first < least || leaves == 0 || first + leaves > count) return (0, runsEnd, runsEnd);
                known += leaves;
                least = first + leaves;
                runsEnd += RUN_HEAD + leaves * TensorTreeLib.LEAF_BYTES;
            }
            uint256 nodes = TensorTreeLib.room(known);
            _hashRuns(nodes, offset, runsEnd);
            (root, next) = TensorTreeLib.fold(nodes, known, count, runsEnd);
        }
    }

    function _hashRuns(uint256 nodes, uint256 offset, uint256 runsEnd) private view {
        unchecked {
            while (offset < runsEnd) {
                (uint256 first, uint256 leaves) = (number(offset, 4), number(offset + 4, 2));
                TensorTreeLib.leaves(nodes, first, leaves, offset + RUN_HEAD);
                nodes += 64 * leaves;
                offset += RUN_HEAD + leaves * TensorTreeLib.LEAF_BYTES;
            }
        }
    }
}
