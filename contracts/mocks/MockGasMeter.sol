// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProofAdapter} from "../interfaces/IProofAdapter.sol";
import {Statement} from "../types/ClaimTypes.sol";

/// @title An adapter that refuses everything and says how much gas it was given.
contract MockGasMeter is IProofAdapter {
    error MockGasMeter_Given(uint256 gasGiven);

    function check(bytes32, Statement calldata, bytes calldata) external view returns (bytes4) {
        revert MockGasMeter_Given(gasleft());
    }
}
