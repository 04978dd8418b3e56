// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMilestoneSettlement} from "../interfaces/IMilestoneSettlement.sol";
import {JobTerms} from "../types/JobTypes.sol";

/// @title A judge of Optimistic claims that believes whoever asks it: the seam where disputes come in.
contract MockJudge {
    function proveFault(IMilestoneSettlement settlement, JobTerms calldata terms, uint16 milestone) external {
        settlement.fault(terms, milestone, msg.sender);
    }

    function extend(IMilestoneSettlement settlement, JobTerms calldata terms, uint16 milestone, uint64 finalAt)
        external
    {
        settlement.extend(terms, milestone, finalAt);
    }
}
