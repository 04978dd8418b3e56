// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The rules of slashing and early release. A job keeps the version that was in force when it was created.
/// @dev    Bps of a slash; what its three shares leave is burnt. One slot.
struct Economy {
    uint16 lateSlashBps; //    of the lock's unfinished part, for a missed deadline
    uint16 lateFinderBps; //   of that slash, to whoever called `expire`
    uint16 lateCreatorBps;
    uint16 lateBountyBps;
    uint16 faultChallengerBps; //  of a slash for a fault, which takes the whole lock, to whoever proved it
    uint16 faultCreatorBps;
    uint16 faultBountyBps;
    uint16 releaseBps; //      of the lock's unfinished part, for an early release at once; grows to lateSlashBps
}

/// @notice What a new job, and a new unbonding, must meet. Changes touch nothing that is there already.
struct EntryRules {
    uint96 minLock; //             least stake lock of a job
    uint16 minLockRatioBps; //     least ratio of lock to maximum price where both are in the stake token
    uint32 minChallengeSeconds; // least challenge window of an Optimistic job
    uint32 unbondSeconds; //       time from a request to a withdrawal of stake
}

/// @notice How one slash is divided, in units of the stake token.
struct SlashDivision {
    address finder; //  the one who showed the missed deadline, or proved the fault
    address creator;
    uint96 toFinder;
    uint96 toCreator;
    uint96 toBounty;
    uint96 burned;
}
