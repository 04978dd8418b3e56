// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../../../contracts/interfaces/IStepChecker.sol";
import {ArithChecker} from "../../../contracts/steps/ArithChecker.sol";
import {DotChecker} from "../../../contracts/steps/DotChecker.sol";
import {LookupChecker} from "../../../contracts/steps/LookupChecker.sol";
import {MapChecker} from "../../../contracts/steps/MapChecker.sol";
import {WindowChecker} from "../../../contracts/steps/WindowChecker.sol";

import {ForgeBase} from "../ForgeBase.sol";
import {RequantisationDoor} from "./RequantisationDoor.sol";

/// @notice Plays a file of cases that Python has made (scripts/step_checkers.py): calls of the step checkers, and what must
/// come of each. No test by itself, because the file must be there: `forge script --sig` runs it.
/// @dev One record behind the other: `u32 bytes of the call | u8 target | u8 outcome | i32 element | the call`.
contract StepCases is ForgeBase {
    uint256 private constant PREFIX_BYTES = 10;
    uint256 private constant GIVES = 0;

    error StepCases_Differs(uint256 number, uint256 target, uint256 outcome, int256 wanted, bytes answer);

    /// @dev By `target`: the families in the order of their opcodes, then requantisation alone.
    address[6] private _targets;

    /// @return played  Cases, all of which came out as they must.
    /// @return refused How many of them had to be refused.
    function check(string calldata path) external returns (uint256 played, uint256 refused) {
        vm.pauseGasMetering(); // the file alone would be more memory than all gas can pay for
        _deploy();
        bytes memory cases = vm.readFileBinary(path);
        for (uint256 offset = 0; offset < cases.length; ++played) {
            (uint256 size, uint256 target, uint256 outcome, int256 wanted) = _prefix(cases, offset);
            (bool success, uint256 answer) = _call(_targets[target], cases, offset + PREFIX_BYTES, size);
            bool right = outcome == GIVES
                ? success && int256(answer) == wanted
                : !success && bytes4(bytes32(answer)) == _errorOf(outcome);
            if (!right) {
                revert StepCases_Differs(played, target, outcome, wanted, _answer());
            }
            if (outcome != GIVES) ++refused;
            offset += PREFIX_BYTES + size;
        }
    }

    /// @return gasUsed Of each call of the file, without what its calldata costs; all give what they must.
    function measure(string calldata path) external returns (uint256[] memory gasUsed) {
        _deploy();
        bytes memory cases = vm.readFileBinary(path);
        gasUsed = new uint256[](1_000);
        uint256 played = 0;
        for (uint256 offset = 0; offset < cases.length; ++played) {
            (uint256 size, uint256 target, uint256 outcome, int256 wanted) = _prefix(cases, offset);
            _call(_targets[target], cases, offset + PREFIX_BYTES, size); // the first call of an address costs more
            uint256 before = gasleft();
            (bool success, uint256 answer) = _call(_targets[target], cases, offset + PREFIX_BYTES, size);
            gasUsed[played] = before - gasleft();
            if (!success || int256(answer) != wanted) {
                revert StepCases_Differs(played, target, outcome, wanted, _answer());
            }
            offset += PREFIX_BYTES + size;
        }
        assembly ("memory-safe") {
            mstore(gasUsed, played)
        }
    }

    function _deploy() private {
        _targets = [
            address(new DotChecker()),
            address(new LookupChecker()),
            address(new WindowChecker()),
            address(new MapChecker()),
            address(new ArithChecker()),
            address(new RequantisationDoor())
        ];
    }

    function _errorOf(uint256 outcome) private pure returns (bytes4) {
        if (outcome == 1) return IStepChecker.StepChecker_Invalid.selector;
        if (outcome == 2) return IStepChecker.StepChecker_Missing.selector;
        return IStepChecker.StepChecker_NoElement.selector;
    }

    function _prefix(bytes memory cases, uint256 offset)
        private
        pure
        returns (uint256 size, uint256 target, uint256 outcome, int256 wanted)
    {
        assembly ("memory-safe") {
            let word := mload(add(add(cases, 0x20), offset))
            size := shr(224, word)
            target := byte(4, word)
            outcome := byte(5, word)
            wanted := sar(224, shl(48, word))
        }
    }

    /// @dev Out of the file's own memory: copying each call would take longer than making it.
    function _call(address target, bytes memory cases, uint256 offset, uint256 size)
        private
        view
        returns (bool success, uint256 answer)
    {
        assembly ("memory-safe") {
            mstore(0, 0)
            success := staticcall(gas(), target, add(add(cases, 0x20), offset), size, 0, 0x20)
            answer := mload(0)
        }
    }

    function _answer() private pure returns (bytes memory answer) {
        assembly ("memory-safe") {
            answer := mload(0x40)
            mstore(answer, returndatasize())
            returndatacopy(add(answer, 0x20), 0, returndatasize())
            mstore(0x40, add(add(answer, 0x40), returndatasize()))
        }
    }
}
