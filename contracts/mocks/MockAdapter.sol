// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProofAdapter} from "../interfaces/IProofAdapter.sol";
import {Statement} from "../types/ClaimTypes.sol";

/// @title An adapter that does what its proof's first byte says, so that one contract plays every behaviour.
/// @dev   The rest of the proof must be the hash of program and statement: a test that passes shows which statement was
///        checked, and a wrong one is refused as by a real prover.
contract MockAdapter is IProofAdapter {
    error MockAdapter_Refused(bytes32 expected, bytes32 actual);

    bytes1 private constant RIGHT = 0x01;
    bytes1 private constant WRONG_MAGIC = 0x02;
    bytes1 private constant BURN_GAS = 0x03;
    bytes1 private constant SILENT = 0x04;
    bytes1 private constant SHORT_ANSWER = 0x05;
    /// @dev Checks nothing, so that what is measured is the claim and not the proof.
    bytes1 private constant YES = 0x06;

    function check(bytes32 programId, Statement calldata statement, bytes calldata proof)
        external
        pure
        returns (bytes4 magic)
    {
        bytes1 behaviour = proof.length == 0 ? bytes1(0) : proof[0];
        if (behaviour == YES) return IProofAdapter.check.selector;
        if (behaviour == WRONG_MAGIC) return 0xdeadbeef;
        if (behaviour == BURN_GAS) assembly { invalid() }
        if (behaviour == SILENT) assembly { revert(0, 0) }
        if (behaviour == SHORT_ANSWER) assembly { return(0, 4) }

        bytes32 expected = digestOf(programId, statement);
        bytes32 actual = proof.length == 33 ? bytes32(proof[1:]) : bytes32(0);
        if (behaviour != RIGHT || actual != expected) revert MockAdapter_Refused(expected, actual);
        return IProofAdapter.check.selector;
    }

    function digestOf(bytes32 programId, Statement calldata statement) public pure returns (bytes32) {
        return keccak256(abi.encode(programId, statement));
    }
}
