// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobEscrow} from "../interfaces/IJobEscrow.sol";
import {JobState, JobStatus} from "../types/JobTypes.sol";

/// @title The life of a job as steps on its state. Whoever takes one writes the state back.
library JobStateLib {
    /// @notice The state, read in two words. As Solidity's own copy does, at a third of its cost.
    function load(JobState storage stored) internal view returns (JobState memory job) {
        assembly ("memory-safe") {
            let work := sload(stored.slot)
            mstore(job, and(work, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(job, 0x20), and(shr(160, work), 0xffffffffff))
            mstore(add(job, 0x40), and(shr(200, work), 0xffffffff))
            mstore(add(job, 0x60), and(shr(232, work), 0xffff))
            mstore(add(job, 0x80), shr(248, work))
            let money := sload(add(stored.slot, 1))
            mstore(add(job, 0xa0), and(money, 0xffffffffffffffffffffffff))
            mstore(add(job, 0xc0), and(shr(96, money), 0xffffffffffffffffffffffff))
            mstore(add(job, 0xe0), and(shr(192, money), 0xffffffff))
            mstore(add(job, 0x100), and(shr(224, money), 0xffff))
            mstore(add(job, 0x120), shr(240, money))
        }
    }

    /// @notice The state, written in two words. Every member is clean, because Solidity checked it when it was set.
    function save(JobState memory job, JobState storage stored) internal {
        assembly ("memory-safe") {
            let work := or(mload(job), shl(160, mload(add(job, 0x20))))
            work := or(work, shl(200, mload(add(job, 0x40))))
            work := or(work, shl(232, mload(add(job, 0x60))))
            sstore(stored.slot, or(work, shl(248, mload(add(job, 0x80)))))
            let money := or(mload(add(job, 0xa0)), shl(96, mload(add(job, 0xc0))))
            money := or(money, shl(192, mload(add(job, 0xe0))))
            money := or(money, shl(224, mload(add(job, 0x100))))
            sstore(add(stored.slot, 1), or(money, shl(240, mload(add(job, 0x120)))))
        }
    }

    /// @notice A job's first opening.
    function opened(uint40 openedAt, uint96 deposit, uint16 economyVersion)
        internal
        pure
        returns (JobState memory job)
    {
        job.timer = openedAt;
        job.round = 1;
        job.status = JobStatus.Open;
        job.remaining = deposit;
        job.economyVersion = economyVersion;
    }

    /// @notice To `operator`, at `elapsed` seconds on the ramp, with a first deadline.
    function assign(JobState memory job, address operator, uint256 elapsed, uint32 rampSeconds, uint32 durationSeconds)
        internal
        view
    {
        job.status = JobStatus.Assigned;
        job.operator = operator;
        job.acceptedAfter = elapsed < rampSeconds ? uint32(elapsed) : rampSeconds;
        job.timer = uint40(block.timestamp) + durationSeconds;
    }

    /// @notice At the first milestone that is not paid, with ramp and windows anew; what was only claimed is void.
    function reopen(JobState memory job) internal view {
        job.operator = address(0);
        job.timer = uint40(block.timestamp);
        job.round += 1;
        job.nextMilestone = job.paidMilestones;
        job.status = JobStatus.Open;
        job.acceptedAfter = 0;
    }

    /// @notice For good. `nextMilestone` stays to be read; the money slot is emptied.
    function close(JobState memory job, JobStatus status) internal pure {
        job.operator = address(0);
        job.timer = 0;
        job.status = status;
        job.remaining = 0;
        job.bounty = 0;
        job.acceptedAfter = 0;
        job.paidMilestones = 0;
        job.economyVersion = 0;
    }

    /// @notice Whether a claim awaits finality.
    function isPending(JobState memory job) internal pure returns (bool) {
        return job.status == JobStatus.Assigned && job.paidMilestones != job.nextMilestone;
    }

    /// @notice Whether the claim of that very milestone awaits finality: neither paid nor voided.
    function isPendingAt(JobState memory job, uint256 milestone) internal pure returns (bool) {
        bool isBetween = milestone >= job.paidMilestones && milestone < job.nextMilestone;
        return job.status == JobStatus.Assigned && isBetween;
    }

    /// @notice Whether its operator let the deadline pass.
    function isLate(JobState memory job) internal view returns (bool) {
        return job.status == JobStatus.Assigned && !isPending(job) && block.timestamp > job.timer;
    }

    function requireNothingPending(JobState memory job) internal pure {
        if (isPending(job)) revert IJobEscrow.JobEscrow_ClaimsPending(job.paidMilestones, job.nextMilestone);
    }

    /// @notice Adds to the bounty as much of `more` as fits. A bounty that would overflow must not keep a job from being
    ///         reopened.
    function addBounty(JobState memory job, uint96 more) internal pure returns (uint96 added) {
        uint96 room = type(uint96).max - job.bounty;
        added = more < room ? more : room;
        job.bounty += added;
    }
}
