// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Statement} from "../types/ClaimTypes.sol";

/// @title The one seam for every proof system.
interface IProofAdapter {
    /// @notice Checks that `proof` shows `statement` for the program `programId`.
    /// @dev    Reverts on anything else; it never returns a failure, because a `false` born of too little gas would
    ///         look the same as a wrong proof.
    /// @return magic `IProofAdapter.check.selector`
    function check(bytes32 programId, Statement calldata statement, bytes calldata proof)
        external
        view
        returns (bytes4 magic);
}
