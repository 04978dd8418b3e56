// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobState} from "../types/JobTypes.sol";
import {JobStateLib} from "../libraries/JobStateLib.sol";

/// @title A job's state in two slots, read and written by the library's own hand and by Solidity's.
contract MockJobState {
    using JobStateLib for JobState;

    JobState private job;

    function save(JobState calldata state) external {
        JobState memory given = state;
        given.save(job);
    }

    function copyIn(JobState calldata state) external {
        job = state;
    }

    /// @dev The words as they lie in memory, so that a bit too many shows.
    function load() external view returns (uint256[10] memory words) {
        JobState memory held = job.load();
        assembly ("memory-safe") {
            mcopy(words, held, 320)
        }
    }

    function copyOut() external view returns (JobState memory) {
        return job;
    }
}
