// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProofAdapter} from "./IProofAdapter.sol";

/// @title Binds EZKL's reusable verifier to statements.
/// @dev   A model's verifying key must have been registered with the verifier once (`IEzklVerifier.registerVka`, open to
///        all); until then `check` reverts with ProgramNotRegistered.
interface IEzklVerifierAdapter is IProofAdapter {
    error EzklVerifierAdapter_ProgramMismatch(bytes32 expected, bytes32 actual);
    error EzklVerifierAdapter_InputMismatch(bytes32 expected, bytes32 actual);
    error EzklVerifierAdapter_OutputMismatch(bytes32 expected, bytes32 actual);
    error EzklVerifierAdapter_BadInstanceCount(uint256 inputs, uint256 instances);
    error EzklVerifierAdapter_InstanceNotCanonical(uint256 index, uint256 value);
    error EzklVerifierAdapter_NotAContract(address verifier);
    error EzklVerifierAdapter_BadEncoding();
    error EzklVerifierAdapter_BadProofLength(uint256 expected, uint256 actual);
    error EzklVerifierAdapter_ProgramNotRegistered(bytes32 programId);
    error EzklVerifierAdapter_ProofRejected();

    /// @notice What `Claim.proof` holds for this adapter, ABI-encoded.
    struct EzklProof {
        uint32 inputCount; //    instances[0 .. inputCount) are the inputs, the rest the outputs
        uint256[] instances;
        bytes32[] vka; //        the verifying-key artifact's words; keccak-256 of them is the programId
        bytes proof;
    }

    /// @notice EZKL's `Halo2VerifierReusable`, deployed once for every circuit.
    function verifier() external view returns (address);
}
