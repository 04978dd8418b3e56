// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assignment, JobOrder, JobTerms} from "../../../contracts/types/JobTypes.sol";

/// @title EIP-712 by the book: encodeType and encodeData spelled out, member by member, with `abi.encode` alone.
/// @dev   What a wallet computes. The contracts take shortcuts through calldata; here is what they must come to.
library TypedData {
    string internal constant JOB_TERMS =
        "JobTerms(address creator,uint64 salt,bytes32 modelId,uint8 proofKind,uint8 mode,bytes32 inputRoot,"
        "bytes32 manifest,address paymentToken,uint96 minPrice,uint96 maxPrice,uint32 rampSeconds,"
        "uint96 stakeLock,uint32 acceptSeconds,uint32 exclusiveSeconds,uint32 challengeSeconds,"
        "address dispatcher,uint16 dispatcherFeeBps,uint16[] shareBps,uint32[] durationSeconds)";
    string internal constant JOB_ORDER = "JobOrder(JobTerms terms,uint256 nonce,uint64 startsAt,uint64 expiresAt)";

    function domain(string memory name, uint256 chainId, address verifier) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                chainId,
                verifier
            )
        );
    }

    function digest(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function hash(JobTerms memory terms) internal pure returns (bytes32) {
        bytes memory first = abi.encode(
            keccak256(bytes(JOB_TERMS)),
            terms.creator,
            terms.salt,
            terms.modelId,
            terms.proofKind,
            terms.mode,
            terms.inputRoot,
            terms.manifest,
            terms.paymentToken,
            terms.minPrice
        );
        bytes memory rest = abi.encode(
            terms.maxPrice,
            terms.rampSeconds,
            terms.stakeLock,
            terms.acceptSeconds,
            terms.exclusiveSeconds,
            terms.challengeSeconds,
            terms.dispatcher,
            terms.dispatcherFeeBps,
            keccak256(abi.encodePacked(terms.shareBps)),
            keccak256(abi.encodePacked(terms.durationSeconds))
        );
        return keccak256(bytes.concat(first, rest));
    }

    function hash(JobOrder memory order) internal pure returns (bytes32) {
        bytes32 typehash = keccak256(bytes(string.concat(JOB_ORDER, JOB_TERMS)));
        return keccak256(abi.encode(typehash, hash(order.terms), order.nonce, order.startsAt, order.expiresAt));
    }

    function hash(Assignment memory assignment) internal pure returns (bytes32) {
        bytes32 typehash = keccak256("Assignment(bytes32 jobId,address operator,uint32 round,uint64 expiresAt)");
        return
            keccak256(
                abi.encode(typehash, assignment.jobId, assignment.operator, assignment.round, assignment.expiresAt)
            );
    }

    /// @notice Permit2's message with an order as its witness.
    function hashPermit2(JobOrder memory order, address spender) internal pure returns (bytes32) {
        bytes32 typehash = keccak256(
            bytes(
                string.concat(
                    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,",
                    "uint256 deadline,JobOrder witness)",
                    JOB_ORDER,
                    JOB_TERMS,
                    "TokenPermissions(address token,uint256 amount)"
                )
            )
        );
        bytes32 permitted = keccak256(
            abi.encode(
                keccak256("TokenPermissions(address token,uint256 amount)"),
                order.terms.paymentToken,
                uint256(order.terms.maxPrice)
            )
        );
        return keccak256(abi.encode(typehash, permitted, spender, order.nonce, uint256(order.expiresAt), hash(order)));
    }

    /// @notice Permit2's own domain has no version.
    function permit2Domain(uint256 chainId, address permit2) internal pure returns (bytes32) {
        bytes32 typehash = keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typehash, keccak256("Permit2"), chainId, permit2));
    }

    /// @notice EIP-2612's message.
    function hashPermit(address owner, address spender, uint256 value, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(typehash, owner, spender, value, nonce, deadline));
    }
}
