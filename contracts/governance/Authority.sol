// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {IProtocolParameters} from "../interfaces/IProtocolParameters.sol";

/// @title Who may change what: OpenZeppelin's AccessManager, with the protocol's two roles in place from the first block.
/// @dev   The admin, a timelock, sets parameters, adds adapters, lets new jobs in and names the guardian. The guardian may stop
///        new jobs, at once, and nothing else. Neither can touch money, a claim or a job that is there: no contract that
///        knows of those has a governed function.
contract Authority is AccessManager {
    uint64 public constant GUARDIAN_ROLE = 1;

    constructor(address timelock, address guardian, address parameters) AccessManager(timelock) {
        _grantRole(GUARDIAN_ROLE, guardian, 0, 0);
        _setTargetFunctionRole(parameters, IProtocolParameters.pauseNewJobs.selector, GUARDIAN_ROLE);
        emit RoleLabel(GUARDIAN_ROLE, "guardian");
    }
}
