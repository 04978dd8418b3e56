// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title What governance decides waits here, in public, before anyone may carry it out.
/// @dev   The governor proposes and may cancel; everybody may execute once the delay is over. It is its own admin, so a
///        change of its delay or its roles waits as long as anything else.
contract Timelock is TimelockController {
    constructor(uint256 delaySeconds, address governor)
        TimelockController(delaySeconds, _only(governor), _only(address(0)), address(0))
    {}

    function _only(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
