// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofKind} from "../types/JobTypes.sol";
import {Statement} from "../types/ClaimTypes.sol";

/// @title  Proof kind -> adapters. Append-only: an adapter that was added can be neither replaced nor removed.
interface IVerifierRouter {
    error VerifierRouter_AdapterExists(ProofKind proofKind, address adapter);
    error VerifierRouter_UnknownAdapter(ProofKind proofKind, address adapter);
    error VerifierRouter_NotAContract(address adapter);
    error VerifierRouter_ZeroGasCap(address adapter);
    error VerifierRouter_CheckFailed(address adapter);
    error VerifierRouter_WrongMagic(address adapter, bytes4 magic);
    error VerifierRouter_TooLittleGas(uint256 available, uint256 required);

    event AdapterAdded(ProofKind indexed proofKind, address indexed adapter, uint256 gasCap);

    /// @notice Adds an adapter with the most gas a check may take. Only the governor.
    /// @dev    Warning: a model whose check needs more than the cap can never be claimed. An executor tries a claim as a
    ///         call before it accepts more work.
    function addAdapter(ProofKind proofKind, address adapter, uint256 gasCap) external;

    /// @notice Has `adapter` check a proof of `statement`. Reverts, with the adapter's own error, unless it is right.
    /// @dev    Requires: an adapter of the statement's proof kind; more gas than its cap. CheckFailed stands for a revert
    ///         without data: the adapter ran out of its cap, or could not decode `proof`.
    function check(address adapter, bytes32 programId, Statement calldata statement, bytes calldata proof) external view;

    /// @notice Zero for an adapter that was never added for this kind.
    function gasCapOf(ProofKind proofKind, address adapter) external view returns (uint256);
}
