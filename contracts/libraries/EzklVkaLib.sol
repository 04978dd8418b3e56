// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  What a verifying-key artifact (VKA) of EZKL 23 says about the proofs that belong to it.
/// @notice The reusable verifier reads a proof from its beginning and never asks whether it has reached the end, so whole
///         words can be appended to a right proof. Its length follows from the artifact, and is pinned here.
/// @dev    The layout is that of the verifier this adapter is deployed for. Word 3 holds the number of evaluations. From
///         word 33 on stand the rounds: the lowest byte of the first word says over how many words they stretch, then each
///         takes 24 bits, lowest first: 16 for the bytes of its points, 8 for its challenges.
library EzklVkaLib {
    uint256 private constant EVALUATIONS = 3;
    uint256 private constant ROUNDS = 33;
    /// @dev Two points end every proof: the batch opening.
    uint256 private constant OPENING_BYTES = 128;

    /// @return length Bytes of a proof, or zero for words that are no artifact.
    function proofLength(bytes32[] calldata vka) internal pure returns (uint256 length) {
        if (vka.length <= ROUNDS) return 0;

        uint256 rounds = uint256(vka[ROUNDS]);
        uint256 end = ROUNDS + (rounds & 0xff);
        if (end > vka.length) return 0;
        rounds >>= 8;
        for (uint256 place = ROUNDS; place < end;) {
            for (; rounds != 0; rounds >>= 24) {
                length += rounds & 0xffff;
            }
            if (++place < end) rounds = uint256(vka[place]);
        }
        // Kept in 64 bits, so that no artifact, however it was made up, can overflow the sum.
        length += uint64(uint256(vka[EVALUATIONS])) * 32 + OPENING_BYTES;
    }
}
