// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Statement} from "../types/ClaimTypes.sol";

/// @title EIP-712 hashing of a statement: one word that a proof system, or a signer, can bind itself to.
library StatementLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Statement(uint16 schemaVersion,uint256 chainId,address settlement,bytes32 jobId,uint16 milestone,"
        "bytes32 modelId,bytes32 inputRoot,bytes32 startRoot,bytes32 outputRoot,uint8 proofKind)"
    );

    /// @notice `hashStruct(statement)` of EIP-712. Chain and contract are among the members, so it is unique by itself.
    function hash(Statement memory statement) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, statement));
    }
}
