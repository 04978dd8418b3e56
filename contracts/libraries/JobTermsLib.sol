// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../interfaces/IJobEscrow.sol";
import {JobId, JobTerms, ProofKind} from "../types/JobTypes.sol";
import {MilestoneMathLib} from "./MilestoneMathLib.sol";

/// @title EIP-712 hashing of job terms, handing them on, and the checks that need nothing but the terms themselves.
library JobTermsLib {
    uint256 internal constant MAX_MILESTONES = 256;
    uint256 internal constant MAX_DISPATCHER_FEE_BPS = 1_000;
    /// @dev With 256 milestones a job's last deadline stays far inside 40 bits.
    uint256 internal constant MAX_DURATION_SECONDS = 365 days;
    uint256 internal constant MAX_CHALLENGE_SECONDS = 30 days;

    string internal constant TYPE =
        "JobTerms(address creator,uint64 salt,bytes32 modelId,uint8 proofKind,uint8 mode,bytes32 inputRoot,"
        "bytes32 manifest,address paymentToken,uint96 minPrice,uint96 maxPrice,uint32 rampSeconds,uint96 stakeLock,"
        "uint32 acceptSeconds,uint32 exclusiveSeconds,uint32 challengeSeconds,address dispatcher,"
        "uint16 dispatcherFeeBps,uint16[] shareBps,uint32[] durationSeconds)";
    /// @dev `keccak256(bytes(TYPE))`, written out because the compiler would hash the string anew in every call.
    bytes32 internal constant TYPEHASH = 0xd8c9c1de30ec7abba19ae61c41410921a1bdabb24b241b0aabc876de883cfe4d;

    /// @dev Members before the two arrays, in words.
    uint256 private constant PLAIN_WORDS = 17;

    /// @notice `hashStruct(terms)` of EIP-712.
    /// @dev    Takes the words as they lie in calldata, which is what EIP-712 asks for, and four times cheaper than member
    ///         by member. Nobody looks at unused bits here: terms with any of them set are other terms, which `check`
    ///         and the event of their creation refuse to read.
    function hash(JobTerms calldata terms) internal pure returns (bytes32 digest) {
        bytes32 shares = _hashWords(_words(terms.shareBps));
        bytes32 durations = _hashWords(_words(terms.durationSeconds));
        bytes32 typehash = TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            calldatacopy(add(free, 0x20), terms, mul(PLAIN_WORDS, 0x20))
            let tail := add(free, mul(add(PLAIN_WORDS, 1), 0x20))
            mstore(tail, shares)
            mstore(add(tail, 0x20), durations)
            digest := keccak256(free, mul(add(PLAIN_WORDS, 3), 0x20))
        }
    }

    /// @notice The id of a job under the escrow's domain, `separator`.
    function idOf(JobTerms calldata terms, bytes32 separator) internal pure returns (JobId) {
        return JobId.wrap(keccak256(abi.encodePacked(hex"1901", separator, hash(terms))));
    }

    /// @notice Calldata of a function that takes the terms and four plain words: hands on what was brought, without
    ///         reading it.
    function encodeCall(JobTerms calldata terms, bytes4 selector, bytes32[4] memory words)
        internal
        pure
        returns (bytes memory encoded)
    {
        bytes calldata shares = _words(terms.shareBps);
        bytes calldata durations = _words(terms.durationSeconds);
        uint256 sharesAt = (PLAIN_WORDS + 2) * 32;
        assembly ("memory-safe") {
            encoded := mload(0x40)
            let place := add(encoded, 0x20)
            mstore(place, selector)
            place := add(place, 4)
            mstore(place, 0xa0) // where the terms begin: behind this word and the four
            mcopy(add(place, 0x20), words, 0x80)
            place := add(place, 0xa0)
            calldatacopy(place, terms, mul(PLAIN_WORDS, 0x20))
            place := add(place, mul(PLAIN_WORDS, 0x20))
            mstore(place, sharesAt)
            mstore(add(place, 0x20), add(add(sharesAt, 0x20), shares.length))
            mstore(add(place, 0x40), shr(5, shares.length))
            place := add(place, 0x60)
            calldatacopy(place, shares.offset, shares.length)
            place := add(place, shares.length)
            mstore(place, shr(5, durations.length))
            place := add(place, 0x20)
            calldatacopy(place, durations.offset, durations.length)
            place := add(place, durations.length)
            mstore(encoded, sub(sub(place, encoded), 0x20))
            mstore(0x40, and(add(place, 0x1f), not(0x1f)))
        }
    }

    /// @notice Reverts with JobEscrow_BadTerms unless the terms make sense by themselves.
    function check(JobTerms calldata terms) internal pure {
        if (terms.maxPrice == 0) _refuse("maxPrice: zero");
        if (terms.minPrice > terms.maxPrice) _refuse("minPrice: above maxPrice");
        if (terms.acceptSeconds == 0) _refuse("acceptSeconds: zero");
        if (terms.exclusiveSeconds > terms.acceptSeconds) _refuse("exclusiveSeconds: longer than acceptSeconds");
        if (terms.dispatcherFeeBps > MAX_DISPATCHER_FEE_BPS) _refuse("dispatcherFeeBps: above 1000");
        if (terms.dispatcher == address(0)) {
            if (terms.exclusiveSeconds > 0) _refuse("exclusiveSeconds: needs a dispatcher");
            if (terms.dispatcherFeeBps > 0) _refuse("dispatcherFeeBps: needs a dispatcher");
        }
        if (terms.challengeSeconds > MAX_CHALLENGE_SECONDS) _refuse("challengeSeconds: above 30 days");
        if (terms.proofKind != ProofKind.Optimistic && terms.challengeSeconds > 0) {
            _refuse("challengeSeconds: only for Optimistic");
        }
        _checkMilestones(terms.shareBps, terms.durationSeconds);
    }

    function _checkMilestones(uint16[] calldata shareBps, uint32[] calldata durationSeconds) private pure {
        uint256 count = shareBps.length;
        if (count == 0 || count > MAX_MILESTONES) _refuse("shareBps: not 1 to 256 milestones");
        if (durationSeconds.length != count) _refuse("durationSeconds: not one for each share");
        uint256 sumBps = 0;
        for (uint256 m = 0; m < count; ++m) {
            if (shareBps[m] == 0) _refuse("shareBps: a zero share");
            if (durationSeconds[m] == 0) _refuse("durationSeconds: a zero duration");
            if (durationSeconds[m] > MAX_DURATION_SECONDS) _refuse("durationSeconds: above a year");
            sumBps += shareBps[m];
        }
        if (sumBps != MilestoneMathLib.BPS) _refuse("shareBps: not 10000 together");
    }

    /// @dev A calldata array's elements are words, whatever their type.
    function _words(uint16[] calldata array) private pure returns (bytes calldata words) {
        assembly ("memory-safe") {
            words.offset := array.offset
            words.length := mul(array.length, 0x20)
        }
    }

    function _words(uint32[] calldata array) private pure returns (bytes calldata words) {
        assembly ("memory-safe") {
            words.offset := array.offset
            words.length := mul(array.length, 0x20)
        }
    }

    function _plainWords(JobTerms calldata terms) private pure returns (bytes calldata words) {
        assembly ("memory-safe") {
            words.offset := terms
            words.length := mul(PLAIN_WORDS, 0x20)
        }
    }

    function _hashWords(bytes calldata words) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, words.offset, words.length)
            digest := keccak256(free, words.length)
        }
    }

    function _refuse(string memory reason) private pure {
        revert IJobEscrow.JobEscrow_BadTerms(reason);
    }
}
