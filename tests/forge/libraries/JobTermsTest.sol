// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {JobId, JobMode, JobOrder, JobTerms, ModelId, ProofKind} from "../../../contracts/types/JobTypes.sol";

import {ForgeTest} from "../ForgeTest.sol";
import {Dice} from "../market/Dice.sol";
import {TypedData} from "../market/TypedData.sol";
import {LibraryDoor} from "./LibraryDoor.sol";

/// @notice The shortcuts through calldata come to what `abi.encode` comes to, for terms of any values and any length.
contract JobTermsTest is ForgeTest {
    LibraryDoor private immutable door = new LibraryDoor();

    function testFuzz_hash_ofAnyTerms_isThatOfEip712(uint256 seed) public view {
        JobTerms memory terms = _any(seed);
        assertEq(door.hash(terms), TypedData.hash(terms), "hash(terms)");
    }

    function testFuzz_idOf_ofAnyTerms_isTheirDigest(uint256 seed, bytes32 separator) public view {
        JobTerms memory terms = _any(seed);
        bytes32 id = JobId.unwrap(door.idOf(terms, separator));
        assertEq(id, TypedData.digest(separator, TypedData.hash(terms)), "idOf(terms)");
    }

    function testFuzz_hashOrder_ofAnyOrder_isThatOfEip712(
        uint256 seed,
        uint256 nonce,
        uint64 startsAt,
        uint64 expiresAt
    ) public view {
        JobOrder memory order = JobOrder(_any(seed), nonce, startsAt, expiresAt);
        assertEq(door.hashOrder(order), TypedData.hash(order), "hash(order)");
    }

    function testFuzz_encodeCall_ofAnyTerms_isThatOfAbiEncode(
        uint256 seed,
        uint16 milestone,
        address caller,
        bytes32 outputRoot,
        bytes32 manifest
    ) public view {
        JobTerms memory terms = _any(seed);
        bytes32[4] memory words = [bytes32(uint256(milestone)), bytes32(uint256(uint160(caller))), outputRoot, manifest];
        bytes memory call = door.encodeCall(terms, IJobEscrow.claimMilestone.selector, words);
        bytes memory wanted =
            abi.encodeCall(IJobEscrow.claimMilestone, (terms, milestone, caller, outputRoot, manifest));
        assertEq(call, wanted, "encodeCall(terms)");
    }

    /// @dev Whoever writes calldata decides where its arrays lie. Here the second lies before the first, behind a gap.
    function testFuzz_hash_whenArraysLieElsewhere_isTheSame(uint256 seed, uint8 gap) public view {
        JobTerms memory terms = _any(seed);
        bytes memory usual = abi.encode(terms);
        uint256 durationsAt = 19 * 32 + uint256(gap) * 32;
        uint256 sharesAt = durationsAt + 32 + terms.durationSeconds.length * 32;
        bytes memory moved = bytes.concat(
            _slice(usual, 32, 17 * 32),
            abi.encode(sharesAt, durationsAt),
            new bytes(uint256(gap) * 32),
            _slice(abi.encode(terms.durationSeconds), 32, 32 + terms.durationSeconds.length * 32),
            _slice(abi.encode(terms.shareBps), 32, 32 + terms.shareBps.length * 32)
        );
        bytes memory call = abi.encodePacked(LibraryDoor.hash.selector, uint256(32), moved);
        (bool done, bytes memory answer) = address(door).staticcall(call);
        assertTrue(done, "the other spelling is read");
        assertEq(abi.decode(answer, (bytes32)), TypedData.hash(terms), "hash of the other spelling");
    }

    /// @dev Every member, every bit: no two terms share an id.
    function testFuzz_hash_whenOneBitDiffers_differs(uint256 seed, uint256 bit) public view {
        JobTerms memory terms = _any(seed);
        bytes memory call = abi.encodeCall(LibraryDoor.hash, (terms));
        uint256 at = bound(bit, 0, 17 * 256 - 1);
        call[36 + at / 8] ^= bytes1(uint8(1 << (at % 8)));
        (bool done, bytes memory answer) = address(door).staticcall(call);
        bool differs = !done || abi.decode(answer, (bytes32)) != TypedData.hash(terms);
        assertTrue(differs, "one bit makes other terms");
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    /// @dev Values from their whole ranges, sensible or not, and up to 256 milestones.
    function _any(uint256 seed) private pure returns (JobTerms memory terms) {
        Dice memory dice = Dice(seed);
        terms.creator = address(uint160(dice.roll(2 ** 160)));
        terms.salt = uint64(dice.roll(2 ** 64));
        terms.modelId = ModelId.wrap(bytes32(dice.roll(type(uint256).max)));
        terms.proofKind = ProofKind(dice.roll(3));
        terms.mode = JobMode(dice.roll(2));
        terms.inputRoot = bytes32(dice.roll(type(uint256).max));
        terms.manifest = bytes32(dice.roll(type(uint256).max));
        terms.paymentToken = address(uint160(dice.roll(2 ** 160)));
        terms.minPrice = uint96(dice.roll(2 ** 96));
        terms.maxPrice = uint96(dice.roll(2 ** 96));
        terms.rampSeconds = uint32(dice.roll(2 ** 32));
        terms.stakeLock = uint96(dice.roll(2 ** 96));
        terms.acceptSeconds = uint32(dice.roll(2 ** 32));
        terms.exclusiveSeconds = uint32(dice.roll(2 ** 32));
        terms.challengeSeconds = uint32(dice.roll(2 ** 32));
        terms.dispatcher = address(uint160(dice.roll(2 ** 160)));
        terms.dispatcherFeeBps = uint16(dice.roll(2 ** 16));
        terms.shareBps = new uint16[](dice.roll(dice.chance(4) ? 257 : 9));
        terms.durationSeconds = new uint32[](dice.chance(4) ? dice.roll(257) : terms.shareBps.length);
        for (uint256 m = 0; m < terms.shareBps.length; ++m) {
            terms.shareBps[m] = uint16(dice.roll(2 ** 16));
        }
        for (uint256 m = 0; m < terms.durationSeconds.length; ++m) {
            terms.durationSeconds[m] = uint32(dice.roll(2 ** 32));
        }
    }

    function _slice(bytes memory from, uint256 start, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = from[start + i];
        }
    }
}
