// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemandLib} from "./DemandLib.sol";
import {TensorTreeLib} from "./TensorTreeLib.sol";

/// @title The node that everything below it makes, all of it in calldata, or of leaves in memory. Slots without an item are empty,
///        as in TensorTreeLib.
library SubtreeLib {
    /// @param offset Where what `span` says lies.
    /// @param height Of the node, at least that of the span.
    function rootOf(DemandLib.Span memory span, uint256 height, uint256 offset) internal view returns (bytes32 root) {
        uint256 nodes = _room(span.count + 1);
        if (span.isData) {
            _hashLeaves(nodes, span.count, offset);
        } else {
            uint256 length = 32 * span.count;
            assembly ("memory-safe") {
                calldatacopy(nodes, offset, length)
            }
        }
        root = _fold(nodes, span.count, height - span.low, _emptyAt(span.low));
    }

    /// @notice The root of the tree over `data`, which is whole leaves in memory and is of no use afterwards.
    function rootOfData(bytes memory data) internal view returns (bytes32) {
        uint256 count = data.length / TensorTreeLib.LEAF_BYTES;
        uint256 nodes = _room(count + 1);
        for (uint256 index = 0; index < count; ++index) {
            assembly ("memory-safe") {
                // The domain's byte goes in front of the leaf, over the last one of the leaf before it, which has been hashed, or over
                // the length's, which is zero.
                let input := add(add(data, 0x1f), mul(index, 256))
                mstore8(input, 0)
                if iszero(staticcall(gas(), 2, input, 257, add(nodes, shl(5, index)), 0x20)) { revert(0, 0) }
            }
        }
        return _fold(nodes, count, DemandLib.depthOf(count), 0);
    }

    /// @dev Memory for `count` words, with a word in front that may be overwritten.
    function _room(uint256 count) private pure returns (uint256 nodes) {
        assembly ("memory-safe") {
            nodes := add(mload(0x40), 0x20)
            mstore(0x40, add(nodes, shl(5, count)))
        }
    }

    function _hashLeaves(uint256 nodes, uint256 count, uint256 offset) private view {
        for (uint256 index = 0; index < count; ++index) {
            bytes32 hash = TensorTreeLib.leaf(offset + index * TensorTreeLib.LEAF_BYTES);
            assembly ("memory-safe") {
                mstore(add(nodes, shl(5, index)), hash)
            }
        }
    }

    /// @dev Two neighbours are hashed where they lie: the domain's byte goes over the last one of the pair before them, which
    ///      has been read, and the result to the front, where everything has been read.
    function _fold(uint256 nodes, uint256 count, uint256 levels, bytes32 empty) private view returns (bytes32 root) {
        for (uint256 level = 0; level < levels; ++level) {
            assembly ("memory-safe") {
                if and(count, 1) { mstore(add(nodes, shl(5, count)), empty) }
                count := shr(1, add(count, 1))
                for { let pair := 0 } lt(pair, count) { pair := add(pair, 1) } {
                    let input := sub(add(nodes, shl(6, pair)), 1)
                    mstore8(input, 0x01)
                    if iszero(staticcall(gas(), 2, input, 65, add(nodes, shl(5, pair)), 0x20)) { revert(0, 0) }
                }
            }
            empty = TensorTreeLib.node(empty, empty);
        }
        assembly ("memory-safe") {
            root := mload(nodes)
        }
    }

    function _emptyAt(uint256 height) private view returns (bytes32 empty) {
        for (uint256 level = 0; level < height; ++level) {
            empty = TensorTreeLib.node(empty, empty);
        }
    }
}
