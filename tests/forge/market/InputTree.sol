// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The tree over a parallel job's inputs, built whole: what MerkleLib only ever sees one path of.
/// @dev   Written from the specification and not from the library, so that the two hold each other.
library InputTree {
    /// @return nodes A heap: 1 is the root, the leaves begin at `nodes.length / 2`.
    function build(bytes32[] memory inputs) internal pure returns (bytes32[] memory nodes) {
        uint256 width = 1;
        while (width < inputs.length) width *= 2;
        nodes = new bytes32[](2 * width);
        for (uint256 i = 0; i < inputs.length; ++i) {
            nodes[width + i] = sha256(abi.encodePacked(uint8(5), uint64(i), inputs[i]));
        }
        for (uint256 n = width - 1; n > 0; --n) {
            nodes[n] = sha256(abi.encodePacked(uint8(1), nodes[2 * n], nodes[2 * n + 1]));
        }
    }

    /// @notice The siblings from leaf `index` upwards.
    function path(bytes32[] memory nodes, uint256 index) internal pure returns (bytes32[] memory siblings) {
        uint256 width = nodes.length / 2;
        uint256 depth = 0;
        while (2 ** depth < width) ++depth;
        siblings = new bytes32[](depth);
        uint256 n = width + index;
        for (uint256 level = 0; level < depth; ++level) {
            siblings[level] = nodes[n ^ 1];
            n /= 2;
        }
    }
}
