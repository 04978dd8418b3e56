// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../interfaces/IJobEscrow.sol";
import {JobTerms, ProofKind} from "../types/JobTypes.sol";
import {MilestoneMathLib} from "./MilestoneMathLib.sol";

/// @title EIP-712 hashing of job terms, and the checks that need nothing but the terms themselves.
library JobTermsLib {
    uint256 internal constant MAX_MILESTONES = 256;
    uint256 internal constant MAX_DISPATCHER_FEE_BPS = 1_000;

    bytes32 internal constant TYPEHASH = keccak256(
        "JobTerms(address creator,uint64 salt,bytes32 modelId,uint8 proofKind,uint8 mode,bytes32 inputRoot,"
        "bytes32 manifest,address paymentToken,uint128 minPrice,uint128 maxPrice,uint32 rampSeconds,uint128 stakeLock,"
        "uint32 acceptSeconds,uint32 exclusiveSeconds,address dispatcher,uint16 dispatcherFeeBps,uint16[] shareBps,"
        "uint32[] durationSeconds)"
    );

    /// @notice `hashStruct(terms)` of EIP-712.
    /// @dev    Encoded in two halves only because nineteen words at once do not fit the stack. Packed encoding pads each
    ///         array element to a word, which is what EIP-712 asks of an array.
    function hash(JobTerms calldata terms) internal pure returns (bytes32) {
        bytes memory what = abi.encode(
            TYPEHASH,
            terms.creator,
            terms.salt,
            terms.modelId,
            terms.proofKind,
            terms.mode,
            terms.inputRoot,
            terms.manifest,
            terms.paymentToken
        );
        bytes memory how = abi.encode(
            terms.minPrice,
            terms.maxPrice,
            terms.rampSeconds,
            terms.stakeLock,
            terms.acceptSeconds,
            terms.exclusiveSeconds,
            terms.dispatcher,
            terms.dispatcherFeeBps,
            keccak256(abi.encodePacked(terms.shareBps)),
            keccak256(abi.encodePacked(terms.durationSeconds))
        );
        return keccak256(bytes.concat(what, how));
    }

    /// @notice Reverts with JobEscrow_BadTerms unless the terms make sense by themselves.
    function check(JobTerms calldata terms) internal pure {
        if (terms.proofKind != ProofKind.Zk) _refuse("proofKind: only Zk is settled by this version");
        if (terms.maxPrice == 0) _refuse("maxPrice: zero");
        if (terms.minPrice > terms.maxPrice) _refuse("minPrice: above maxPrice");
        if (terms.acceptSeconds == 0) _refuse("acceptSeconds: zero");
        if (terms.exclusiveSeconds > terms.acceptSeconds) _refuse("exclusiveSeconds: longer than acceptSeconds");
        if (terms.dispatcherFeeBps > MAX_DISPATCHER_FEE_BPS) _refuse("dispatcherFeeBps: above 1000");
        if (terms.dispatcher == address(0)) {
            if (terms.exclusiveSeconds > 0) _refuse("exclusiveSeconds: needs a dispatcher");
            if (terms.dispatcherFeeBps > 0) _refuse("dispatcherFeeBps: needs a dispatcher");
        }
        _checkMilestones(terms.shareBps, terms.durationSeconds);
    }

    function _checkMilestones(uint16[] calldata shareBps, uint32[] calldata durationSeconds) private pure {
        uint256 count = shareBps.length;
        if (count == 0 || count > MAX_MILESTONES) _refuse("shareBps: not 1 to 256 milestones");
        if (durationSeconds.length != count) _refuse("durationSeconds: not one for each share");
        for (uint256 m = 0; m < count; ++m) {
            if (shareBps[m] == 0) _refuse("shareBps: a zero share");
            if (durationSeconds[m] == 0) _refuse("durationSeconds: a zero duration");
        }
        if (MilestoneMathLib.sumFrom(shareBps, 0) != MilestoneMathLib.BPS) _refuse("shareBps: not 10000 together");
    }

    function _refuse(string memory reason) private pure {
        revert IJobEscrow.JobEscrow_BadTerms(reason);
    }
}
