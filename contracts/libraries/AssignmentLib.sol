// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assignment} from "../types/JobTypes.sol";

/// @title EIP-712 hashing of a dispatcher's assignment.
library AssignmentLib {
    bytes32 internal constant TYPEHASH =
        keccak256("Assignment(bytes32 jobId,address operator,uint32 round,uint64 expiresAt)");

    /// @notice `hashStruct(assignment)` of EIP-712.
    function hash(Assignment calldata assignment) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(TYPEHASH, assignment.jobId, assignment.operator, assignment.round, assignment.expiresAt)
        );
    }
}
