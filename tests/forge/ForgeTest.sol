// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForgeBase} from "./ForgeBase.sol";

/// @notice What a test stands on: assertions with evidence, and the targets of a campaign.
/// @dev Functions `test_`, `testFuzz_` and `invariant_` are run by forge after `setUp`. Each `invariant_` function
/// plays a campaign of its own, with the same calls as its neighbours: checking all rules in one costs a campaign only
/// once.
abstract contract ForgeTest is ForgeBase {
    /// @notice Functions of one contract. Forge reads this shape.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address[] private _targetContracts;
    address[] private _targetSenders;
    address[] private _excludedSenders;
    FuzzSelector[] private _targetSelectors;

    error ForgeTest_DoesNotHold(string claim);
    error ForgeTest_NotEqualNumbers(string claim, uint256 found, uint256 wanted);
    error ForgeTest_NotEqualAddresses(string claim, address found, address wanted);
    error ForgeTest_NotEqualWords(string claim, bytes32 found, bytes32 wanted);
    error ForgeTest_NotEqualBytes(string claim, bytes found, bytes wanted);
    error ForgeTest_TooLarge(string claim, uint256 found, uint256 most);

    // ---- read by forge before a campaign -------------------------------------------------------------------------

    function targetContracts() external view returns (address[] memory) {
        return _targetContracts;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _targetSelectors;
    }

    function targetSenders() external view returns (address[] memory) {
        return _targetSenders;
    }

    function excludeSenders() external view returns (address[] memory) {
        return _excludedSenders;
    }

    // ---- a campaign's targets, named in setUp --------------------------------------------------------------------

    /// @notice Every function of `target` is called. Once one is named, forge calls no contract that is not.
    function targetContract(address target) internal {
        _targetContracts.push(target);
    }

    /// @notice Of `target`, only these functions are called. Naming one twice makes its calls twice as likely.
    function targetSelector(address target, bytes4[] memory selectors) internal {
        _targetSelectors.push(FuzzSelector(target, selectors));
    }

    /// @notice Calls come from the senders named here; from anybody where none is.
    function targetSender(address sender) internal {
        _targetSenders.push(sender);
    }

    function excludeSender(address sender) internal {
        _excludedSenders.push(sender);
    }

    // ---- assertions: each says first what was claimed ------------------------------------------------------------

    function assertTrue(bool holds, string memory claim) internal pure {
        if (!holds) revert ForgeTest_DoesNotHold(claim);
    }

    function assertEq(uint256 found, uint256 wanted, string memory claim) internal pure {
        if (found != wanted) revert ForgeTest_NotEqualNumbers(claim, found, wanted);
    }

    function assertEq(address found, address wanted, string memory claim) internal pure {
        if (found != wanted) revert ForgeTest_NotEqualAddresses(claim, found, wanted);
    }

    function assertEq(bytes32 found, bytes32 wanted, string memory claim) internal pure {
        if (found != wanted) revert ForgeTest_NotEqualWords(claim, found, wanted);
    }

    function assertEq(bytes memory found, bytes memory wanted, string memory claim) internal pure {
        if (keccak256(found) != keccak256(wanted)) revert ForgeTest_NotEqualBytes(claim, found, wanted);
    }

    function assertLe(uint256 found, uint256 most, string memory claim) internal pure {
        if (found > most) revert ForgeTest_TooLarge(claim, found, most);
    }
}
