// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobOrder} from "../types/JobTypes.sol";
import {JobTermsLib} from "./JobTermsLib.sol";

/// @title EIP-712 hashing of a job order, alone and as the witness of a transfer by Permit2.
library JobOrderLib {
    using JobTermsLib for *;

    string private constant TYPE = "JobOrder(JobTerms terms,uint256 nonce,uint64 startsAt,uint64 expiresAt)";

    /// @dev `keccak256(abi.encodePacked(TYPE, JobTermsLib.TYPE))`.
    bytes32 internal constant TYPEHASH = 0x1280e12937026c5e66d192622567625e8fe33ebc268d5fcb171804603c255de2;

    /// @notice What stands behind `PermitWitnessTransferFrom(...,` in the type that Permit2 hashes.
    /// @dev    EIP-712 wants the types behind the first in alphabetical order.
    function witnessType() internal pure returns (string memory) {
        return string.concat(
            "JobOrder witness)", TYPE, JobTermsLib.TYPE, "TokenPermissions(address token,uint256 amount)"
        );
    }

    /// @notice `hashStruct(order)` of EIP-712.
    function hash(JobOrder calldata order) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(TYPEHASH, order.terms.hash(), order.nonce, order.startsAt, order.expiresAt)
        );
    }
}
