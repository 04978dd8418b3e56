// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleLib} from "../libraries/MerkleLib.sol";
import {InstanceLib} from "../libraries/InstanceLib.sol";

/// @title Opens the hashing libraries to tests.
contract MockMerkle {
    function leaf(uint256 index, bytes32 inputRoot) external pure returns (bytes32) {
        return MerkleLib.leaf(index, inputRoot);
    }

    function node(bytes32 left, bytes32 right) external pure returns (bytes32) {
        return MerkleLib.node(left, right);
    }

    function depth(uint256 count) external pure returns (uint256) {
        return MerkleLib.depth(count);
    }

    function verify(bytes32 root, uint256 index, uint256 count, bytes32 inputRoot, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return MerkleLib.verify(root, index, count, inputRoot, proof);
    }

    function instanceRoot(uint256[] calldata words) external pure returns (bytes32) {
        return InstanceLib.root(words);
    }
}
