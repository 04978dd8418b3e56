// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  Commitment to a list of field elements: what a circuit reads or writes.
/// @notice `H(06 | uint64 count | words)`, SHA-256, all big-endian. The count is hashed in, so that no two lists share a
///         preimage whatever their lengths.
library InstanceLib {
    bytes1 internal constant INSTANCES = 0x06;

    function root(uint256[] calldata words) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(INSTANCES, uint64(words.length), words));
    }
}
