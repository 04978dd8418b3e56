// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofKind} from "../types/JobTypes.sol";

/// @title  Proof kind -> who checks it. Append-only: an adapter that was added can be neither replaced nor removed.
/// @notice For `Zk` an adapter checks proofs (IProofAdapter); for `Optimistic` it is the judge that may show a claim to be
///         wrong (`IMilestoneSettlement.fault`).
interface IVerifierRouter {
    error VerifierRouter_AdapterExists(ProofKind proofKind, address adapter);
    error VerifierRouter_NotAContract(address adapter);
    error VerifierRouter_ZeroGasCap(address adapter);

    event AdapterAdded(ProofKind indexed proofKind, address indexed adapter, uint256 gasCap);

    /// @notice Adds an adapter with the most gas a check may take. Only the governor.
    /// @dev    Warning: a model whose check needs more than the cap can never be claimed. An executor tries a claim as a
    ///         call before it accepts more work.
    function addAdapter(ProofKind proofKind, address adapter, uint40 gasCap) external;

    /// @notice Zero for an adapter that was never added for this kind.
    function gasCapOf(ProofKind proofKind, address adapter) external view returns (uint40);
}
