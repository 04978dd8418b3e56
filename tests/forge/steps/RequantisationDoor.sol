// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RequantisationLib} from "../../../contracts/libraries/RequantisationLib.sol";

/// @notice Opens requantisation to cases that are made elsewhere.
contract RequantisationDoor {
    function requantize(int256 acc, int256 bits, int256 zero, uint256 dtype) external pure returns (int256) {
        return RequantisationLib.requantize(acc, bits, zero, dtype);
    }
}
