// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ProofKind} from "./types/JobTypes.sol";

/// @title The list of adapters that models may name. Who may add one stands in the AccessManager that is its authority.
/// @dev   INVARIANT 4: an adapter that was added keeps its address, kind and gas cap for ever. The governor can only add; it
///        holds no money and can stop no claim.
contract VerifierRouter is IVerifierRouter, AccessManaged {
    mapping(ProofKind => mapping(address adapter => uint40)) private gasCaps;

    constructor(address authority_) AccessManaged(authority_) {}

    /// @inheritdoc IVerifierRouter
    function addAdapter(ProofKind proofKind, address adapter, uint40 gasCap) external restricted {
        // Check: a contract, a bound that means something, and never a second time.
        if (adapter.code.length == 0) revert VerifierRouter_NotAContract(adapter);
        if (gasCap == 0) revert VerifierRouter_ZeroGasCap(adapter);
        if (gasCaps[proofKind][adapter] != 0) revert VerifierRouter_AdapterExists(proofKind, adapter);

        // Effect
        gasCaps[proofKind][adapter] = gasCap;
        emit AdapterAdded(proofKind, adapter, gasCap);
    }

    /// @inheritdoc IVerifierRouter
    function gasCapOf(ProofKind proofKind, address adapter) external view returns (uint40) {
        return gasCaps[proofKind][adapter];
    }
}
