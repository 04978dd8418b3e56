// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IProofAdapter} from "./interfaces/IProofAdapter.sol";
import {IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ProofKind} from "./types/JobTypes.sol";
import {Statement} from "./types/ClaimTypes.sol";

/// @title The list of adapters, and the one way to call them.
/// @dev   INVARIANT 4: an adapter that was added keeps its address, kind and gas cap for ever. The governor (the owner of
///        Ownable2Step) can only add; it holds no money and can stop no claim.
contract VerifierRouter is IVerifierRouter, Ownable2Step {
    /// @dev What this contract itself needs after an adapter has returned.
    uint256 private constant GAS_KEPT = 10_000;

    mapping(ProofKind => mapping(address adapter => uint256)) private gasCaps;

    constructor(address governor) Ownable(governor) {}

    /// @inheritdoc IVerifierRouter
    function addAdapter(ProofKind proofKind, address adapter, uint256 gasCap) external onlyOwner {
        // Check: a contract, a bound that means something, and never a second time.
        if (adapter.code.length == 0) revert VerifierRouter_NotAContract(adapter);
        if (gasCap == 0) revert VerifierRouter_ZeroGasCap(adapter);
        if (gasCaps[proofKind][adapter] != 0) revert VerifierRouter_AdapterExists(proofKind, adapter);

        // Effect
        gasCaps[proofKind][adapter] = gasCap;
        emit AdapterAdded(proofKind, adapter, gasCap);
    }

    /// @inheritdoc IVerifierRouter
    function check(address adapter, bytes32 programId, Statement calldata statement, bytes calldata proof)
        external
        view
    {
        bytes memory call = abi.encodeCall(IProofAdapter.check, (programId, statement, proof));

        // Check: the adapter is known, and gets all the gas that it may need. An EVM call keeps a 64th back, so a caller
        // with too little would otherwise hand on less without a word, and a right proof would look wrong.
        uint256 gasCap = gasCaps[statement.proofKind][adapter];
        if (gasCap == 0) revert VerifierRouter_UnknownAdapter(statement.proofKind, adapter);
        uint256 required = gasCap + gasCap / 63 + GAS_KEPT;
        if (gasleft() < required) revert VerifierRouter_TooLittleGas(gasleft(), required);

        // Interaction: capped, because an off-curve point burns whatever a precompile is given.
        (bool success, bytes memory answer) = adapter.staticcall{gas: gasCap}(call);
        if (!success) {
            if (answer.length == 0) revert VerifierRouter_CheckFailed(adapter);
            LowLevelCall.bubbleRevert(answer);
        }
        bytes4 magic = answer.length < 32 ? bytes4(0) : bytes4(bytes32(answer));
        if (magic != IProofAdapter.check.selector) revert VerifierRouter_WrongMagic(adapter, magic);
    }

    /// @inheritdoc IVerifierRouter
    function gasCapOf(ProofKind proofKind, address adapter) external view returns (uint256) {
        return gasCaps[proofKind][adapter];
    }
}
