// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Funding, JobId, JobStatus} from "../../../contracts/types/JobTypes.sol";

/// @notice What should be true of one job. Its terms follow from the seed.
struct Expected {
    JobId id;
    uint256 seed;
    bytes32 inputRoot;
    // the contract's two slots, as they should be
    address operator;
    uint40 timer;
    uint32 round;
    uint16 next;
    JobStatus status;
    uint96 remaining;
    uint96 bounty;
    uint32 acceptedAfter;
    uint16 paid;
    uint16 economyVersion;
    // what the contract does not know
    uint16 count;
    uint40 openedAt; //    of this round
    uint96 lock;
    uint32 acceptSeconds;
    uint96 left; //        what the job has paid and sent home so far
    uint96 ringBounty; //  the ring's own part of the bounty
    uint256 wrong; //      bit m: the claim of milestone m that stands is a wrong one
}

/// @notice What should be true of one operator's stake.
struct ExpectedStake {
    uint96 stake;
    uint96 locked;
    uint96 unbonding;
    uint40 readyAt;
    uint256 broughtIn; //  everything ever deposited for it
    uint256 takenHome;
    uint256 slashed; //    and what early releases cost
}

/// @notice An order that was signed, whether it has been posted or not.
struct SignedOffer {
    uint256 seed;
    uint256 nonce;
    uint64 startsAt;
    uint64 expiresAt;
    Funding funding;
    uint256 job; //        1 + the job's number once it was created from this order, or 0
}

/// @notice Which jobs an action is looking for.
enum Want {
    Live,
    Open,
    Acceptable,
    Refundable,
    Assigned,
    Claimable,
    Pending,
    Late,
    Ended
}
