// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobStateLib} from "../../../contracts/libraries/JobStateLib.sol";
import {JobState, JobStatus} from "../../../contracts/types/JobTypes.sol";

import {ForgeTest} from "../ForgeTest.sol";

/// @notice Steps on a job's state, from any state.
contract JobStateTest is ForgeTest {
    using JobStateLib for JobState;

    function testFuzz_addBounty_ofAnyAmount_takesWhatFits(JobFields memory fields, uint96 more) public pure {
        JobState memory job = _state(fields);
        uint256 wanted = uint256(fields.bounty) + more;
        uint256 most = type(uint96).max;
        uint96 added = job.addBounty(more);
        assertEq(job.bounty, wanted < most ? wanted : most, "the bounty stops at its 96 bits");
        assertEq(uint256(fields.bounty) + added, job.bounty, "what was added is said");
    }

    function testFuzz_assign_atAnyTime_keepsThePlaceOnTheRamp(JobFields memory fields, uint256 elapsed, uint32 ramp)
        public
    {
        vm.warp(bound(elapsed, 0, type(uint40).max - type(uint32).max));
        JobState memory job = _state(fields);
        job.assign(address(1), elapsed, ramp, 100);
        assertEq(job.acceptedAfter, elapsed < ramp ? elapsed : ramp, "no further than the ramp's end");
        assertTrue(job.status == JobStatus.Assigned && job.operator == address(1), "assigned");
        _checkMoneyIsUntouched(job, fields);
    }

    function testFuzz_reopen_fromAnyAssignment_voidsWhatIsNotPaid(JobFields memory fields) public view {
        vm.assume(fields.round < type(uint32).max);
        JobState memory job = _state(fields);
        job.reopen();
        assertEq(job.nextMilestone, fields.paidMilestones, "at the first milestone that is not paid");
        assertEq(job.round, uint256(fields.round) + 1, "one more round");
        assertTrue(job.status == JobStatus.Open && job.operator == address(0) && job.acceptedAfter == 0, "open");
        assertTrue(!job.isPending() && !job.isLate(), "nobody owes it anything");
        _checkMoneyIsUntouched(job, fields);
    }

    function testFuzz_close_fromAnyState_keepsNoMoney(JobFields memory fields) public pure {
        JobState memory job = _state(fields);
        job.close(JobStatus.Completed);
        bool empty = job.remaining == 0 && job.bounty == 0 && job.acceptedAfter == 0 && job.paidMilestones == 0;
        assertTrue(empty && job.economyVersion == 0, "the money slot is empty");
        assertTrue(job.operator == address(0) && job.timer == 0, "nobody's, with no deadline");
        assertEq(job.nextMilestone, fields.nextMilestone, "how far it came can still be read");
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    /// @dev JobState without its status, whose numbers are not all statuses.
    struct JobFields {
        address operator;
        uint40 timer;
        uint32 round;
        uint16 nextMilestone;
        uint96 remaining;
        uint96 bounty;
        uint32 acceptedAfter;
        uint16 paidMilestones;
        uint16 economyVersion;
    }

    function _state(JobFields memory fields) private pure returns (JobState memory) {
        return JobState({
            operator: fields.operator,
            timer: fields.timer,
            round: fields.round,
            nextMilestone: fields.nextMilestone,
            status: JobStatus.Assigned,
            remaining: fields.remaining,
            bounty: fields.bounty,
            acceptedAfter: fields.acceptedAfter,
            paidMilestones: fields.paidMilestones,
            economyVersion: fields.economyVersion
        });
    }

    function _checkMoneyIsUntouched(JobState memory job, JobFields memory fields) private pure {
        bool same = job.remaining == fields.remaining && job.bounty == fields.bounty;
        assertTrue(same && job.economyVersion == fields.economyVersion, "money and economy stay");
    }
}
