// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Hash trees with every node kept, written from docs/determinism.md and not from the contracts: what a claimer has.
library TensorWood {
    /// @dev `levels[0]` is the bottom, padded with zero words to a power of two.
    struct Tree {
        uint256 count;
        bytes32[][] levels;
    }

    function leafOf(bytes memory data) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(0), data));
    }

    function tensorOf(bytes memory header, bytes32 treeRoot) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(2), header, treeRoot));
    }

    function depthOf(uint256 count) internal pure returns (uint256 depth) {
        while (1 << depth < count) ++depth;
    }

    function grow(bytes32[] memory bottom) internal pure returns (Tree memory tree) {
        uint256 depth = depthOf(bottom.length);
        tree.count = bottom.length;
        tree.levels = new bytes32[][](depth + 1);
        bytes32[] memory row = new bytes32[](1 << depth);
        for (uint256 i = 0; i < bottom.length; ++i) {
            row[i] = bottom[i];
        }
        tree.levels[0] = row;
        for (uint256 level = 1; level <= depth; ++level) {
            bytes32[] memory next = new bytes32[](row.length / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                next[i] = sha256(abi.encodePacked(uint8(1), row[2 * i], row[2 * i + 1]));
            }
            tree.levels[level] = next;
            row = next;
        }
    }

    function root(Tree memory tree) internal pure returns (bytes32) {
        return tree.levels[tree.levels.length - 1][0];
    }

    /// @notice Siblings from a node upwards.
    function path(Tree memory tree, uint256 height, uint256 index) internal pure returns (bytes memory joined) {
        for (uint256 level = height; level + 1 < tree.levels.length; ++level) {
            joined = abi.encodePacked(joined, tree.levels[level][index ^ 1]);
            index >>= 1;
        }
    }

    /// @notice Used nodes of the height `low` below a node.
    function below(Tree memory tree, uint256 height, uint256 index, uint256 low)
        internal
        pure
        returns (bytes memory joined)
    {
        uint256 width = height - low;
        uint256 used = (tree.count + (1 << low) - 1) >> low;
        for (uint256 i = index << width; i < (index + 1) << width && i < used; ++i) {
            joined = abi.encodePacked(joined, tree.levels[low][i]);
        }
    }
}
