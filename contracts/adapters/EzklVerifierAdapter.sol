// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IEzklVerifier} from "../interfaces/IEzklVerifier.sol";
import {IEzklVerifierAdapter} from "../interfaces/IEzklVerifierAdapter.sol";
import {IProofAdapter} from "../interfaces/IProofAdapter.sol";
import {Statement} from "../types/ClaimTypes.sol";
import {EzklVkaLib} from "../libraries/EzklVkaLib.sol";
import {InstanceLib} from "../libraries/InstanceLib.sol";

/// @title Checks EZKL proofs with one reusable verifier, and binds their public instances to the statement.
/// @dev   What a proof binds is program, inputs and outputs. Job, milestone and chain are not in the circuit; they need not
///        be, because the settlement pays only the operator that holds the job, and the same inputs through the same
///        program are the same work.
///
///        Absent on purpose: a record of used proofs. The same proof is right wherever its statement is asked for again,
///        and its bytes can be re-randomised anyway, so they identify nothing.
contract EzklVerifierAdapter is IEzklVerifierAdapter {
    /// @dev The scalar field of BN254. `x` and `x + R` are one field element, so only the smaller may be hashed.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @dev Of an encoded EzklProof: one word that points at it, four for its members, three for their lengths.
    uint256 private constant HEAD_BYTES = 8 * 32;
    bytes32 private constant NOT_REGISTERED =
        keccak256(abi.encodeWithSignature("Error(string)", "VKA not registered"));

    address private immutable VERIFIER;

    constructor(address verifier_) {
        if (verifier_.code.length == 0) revert EzklVerifierAdapter_NotAContract(verifier_);
        VERIFIER = verifier_;
    }

    /// @inheritdoc IProofAdapter
    function check(bytes32 programId, Statement calldata statement, bytes calldata proof)
        external
        view
        returns (bytes4 magic)
    {
        EzklProof calldata p = _decode(proof);

        // Check: the verifying key is the model's. The verifier takes whichever key it is handed, and anyone may have
        // registered that key with it, so its word alone says nothing about which program ran.
        bytes32 actual = keccak256(abi.encodePacked(p.vka));
        if (actual != programId) revert EzklVerifierAdapter_ProgramMismatch(programId, actual);

        // Check: the proof is as long as this key's proofs are, because the verifier does not look at what follows.
        uint256 length = EzklVkaLib.proofLength(p.vka);
        if (p.proof.length != length) revert EzklVerifierAdapter_BadProofLength(length, p.proof.length);

        // Check: the instances are the statement's.
        _bind(p.instances, p.inputCount, statement);

        // Check: the proof is right.
        _verify(programId, abi.encodeCall(IEzklVerifier.verifyProof, (p.proof, p.instances, p.vka)));
        return IProofAdapter.check.selector;
    }

    /// @inheritdoc IEzklVerifierAdapter
    function verifier() external view returns (address) {
        return VERIFIER;
    }

    /// @dev Reads the struct where it lies: copying a thousand words into memory and out again costs more than hashing
    ///      them. Solidity checks every member against the end of calldata when it is used.
    function _decode(bytes calldata proof) private pure returns (EzklProof calldata p) {
        if (proof.length < HEAD_BYTES || uint256(bytes32(proof[:32])) != 32) revert EzklVerifierAdapter_BadEncoding();
        assembly ("memory-safe") {
            p := add(proof.offset, 0x20)
        }
        uint256 words = p.instances.length + p.vka.length + (p.proof.length + 31) / 32;
        if (proof.length != HEAD_BYTES + words * 32) revert EzklVerifierAdapter_BadEncoding();
    }

    function _bind(uint256[] calldata instances, uint256 inputs, Statement calldata statement) private pure {
        uint256 count = instances.length;
        if (inputs == 0 || inputs >= count) revert EzklVerifierAdapter_BadInstanceCount(inputs, count);
        for (uint256 i = 0; i < count; ++i) {
            if (instances[i] >= R) revert EzklVerifierAdapter_InstanceNotCanonical(i, instances[i]);
        }
        bytes32 inputRoot = InstanceLib.root(instances[:inputs]);
        if (inputRoot != statement.inputRoot) {
            revert EzklVerifierAdapter_InputMismatch(statement.inputRoot, inputRoot);
        }
        bytes32 outputRoot = InstanceLib.root(instances[inputs:]);
        if (outputRoot != statement.outputRoot) {
            revert EzklVerifierAdapter_OutputMismatch(statement.outputRoot, outputRoot);
        }
    }

    /// @dev The answer is read raw, because it is no valid ABI: a flag, the key's digest, then packed numbers. The verifier
    ///      is not declared `view` but writes nothing, so a static call serves.
    function _verify(bytes32 programId, bytes memory call) private view {
        (bool success, bytes32 flag, bytes32 digest) = LowLevelCall.staticcallReturn64Bytes(VERIFIER, call);
        if (!success) {
            if (keccak256(LowLevelCall.returnData()) == NOT_REGISTERED) {
                revert EzklVerifierAdapter_ProgramNotRegistered(programId);
            }
            revert EzklVerifierAdapter_ProofRejected();
        }
        bool isRight = LowLevelCall.returnDataSize() >= 64 && uint256(flag) == 1 && digest == programId;
        if (!isRight) revert EzklVerifierAdapter_ProofRejected();
    }
}
