// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The binary SHA-256 tree over a parallel job's inputs.
/// @notice Leaf i is `H(05 | uint64 i | inputRoot)`, a node is `H(01 | left | right)`, and the leaves are padded with
///         zero words to the next power of two. `tallystick/merkle.py` says the same; `tests/vectors/merkle.json` holds
///         the two together.
/// @dev    The index is hashed into the leaf, so that one input's path cannot serve another milestone; leaves and nodes
///         have prefixes of their own, so that a node cannot be passed off as a leaf.
library MerkleLib {
    bytes1 internal constant NODE = 0x01;
    bytes1 internal constant LEAF = 0x05;

    function leaf(uint256 index, bytes32 inputRoot) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(LEAF, uint64(index), inputRoot));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(NODE, left, right));
    }

    /// @notice Levels above the leaves of a tree over `count` leaves: the length of every path in it.
    function depth(uint256 count) internal pure returns (uint256 levels) {
        while (1 << levels < count) ++levels;
    }

    /// @notice Whether `inputRoot` is the `index`-th of `count` inputs below `root`.
    /// @param  proof Siblings from the leaf upwards.
    function verify(bytes32 root, uint256 index, uint256 count, bytes32 inputRoot, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        // A path of another length would end in an inner node, or start from one.
        if (index >= count || proof.length != depth(count)) return false;

        bytes32 hash = leaf(index, inputRoot);
        for (uint256 level = 0; level < proof.length; ++level) {
            bool isRight = (index >> level) & 1 == 1;
            hash = isRight ? node(proof[level], hash) : node(hash, proof[level]);
        }
        return hash == root;
    }
}
