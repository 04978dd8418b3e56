// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IMilestoneSettlement} from "../interfaces/IMilestoneSettlement.sol";
import {IProofAdapter} from "../interfaces/IProofAdapter.sol";
import {Statement} from "../types/ClaimTypes.sol";

/// @title The one way to call an adapter. Inside the settlement rather than behind another contract, because every contract
///        on the way copies the whole proof.
library ProofCheckLib {
    /// @dev What the caller itself needs after an adapter has returned.
    uint256 private constant GAS_KEPT = 10_000;

    /// @notice Has `adapter` check a proof of `statement`. Reverts, with the adapter's own error, unless it is right.
    /// @dev    Requires more gas than the cap. CheckFailed stands for a revert without data: the adapter ran out of its cap,
    ///         or could not decode `proof`.
    function check(
        address adapter,
        uint256 gasCap,
        bytes32 programId,
        Statement memory statement,
        bytes calldata proof
    ) internal view {
        bytes memory call = abi.encodeCall(IProofAdapter.check, (programId, statement, proof));

        // Check: the adapter gets all the gas that it may need. An EVM call keeps a 64th back, so a caller with too little
        // would otherwise hand on less without a word, and a right proof would look wrong.
        uint256 required = gasCap + gasCap / 63 + GAS_KEPT;
        if (gasleft() < required) revert IMilestoneSettlement.MilestoneSettlement_TooLittleGas(gasleft(), required);

        // Interaction: capped, because an off-curve point burns whatever a precompile is given.
        (bool success, bytes memory answer) = adapter.staticcall{gas: gasCap}(call);
        if (!success) {
            if (answer.length == 0) revert IMilestoneSettlement.MilestoneSettlement_CheckFailed(adapter);
            LowLevelCall.bubbleRevert(answer);
        }
        bytes4 magic = answer.length < 32 ? bytes4(0) : bytes4(bytes32(answer));
        if (magic != IProofAdapter.check.selector) {
            revert IMilestoneSettlement.MilestoneSettlement_WrongMagic(adapter, magic);
        }
    }
}
