// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForgeBase} from "./ForgeBase.sol";

/// @notice What a handler stands on: a contract whose functions a campaign calls in random order, with random
/// arguments.
/// @dev Any revert of a handler ends a campaign (`fail_on_revert = true`), so it sends what may be refused by a
/// low-level call and looks at the answer. `vm.assume` throws a call away that has nothing to work on. A callback that
/// the contracts under test call must note what it saw and tell later: they may swallow its revert.
abstract contract ForgeHandler is ForgeBase {
    error DoesNotHold(string claim);
    error NotEqual(string claim, uint256 found, uint256 wanted);

    function mustHold(bool holds, string memory claim) internal pure {
        if (!holds) revert DoesNotHold(claim);
    }

    function mustEqual(uint256 found, uint256 wanted, string memory claim) internal pure {
        if (found != wanted) revert NotEqual(claim, found, wanted);
    }
}
