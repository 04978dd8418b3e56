// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobState, JobTerms} from "../types/JobTypes.sol";

/// @title Shows the settlement a job that the real escrow would never have opened.
contract MockEscrow {
    address public settlement;
    address public stakeManager;
    address public registry;
    JobState private state;

    constructor(address stakeManager_, address registry_) {
        stakeManager = stakeManager_;
        registry = registry_;
    }

    function setSettlement(address settlement_) external {
        settlement = settlement_;
    }

    function setState(JobState calldata state_) external {
        state = state_;
    }

    function jobIdOf(JobTerms calldata terms) external pure returns (JobId) {
        return JobId.wrap(keccak256(abi.encode(terms)));
    }

    function stateOf(JobId) external view returns (JobState memory) {
        return state;
    }
}
