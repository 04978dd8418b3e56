// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobTerms} from "../types/JobTypes.sol";
import {Economy, EntryRules} from "../types/ParameterTypes.sol";

/// @title  Everything that governance may change, inside bounds that it may not.
/// @notice Holds no money. A change reaches new jobs only: a job keeps the version of the economy it was created under, and
///         a request to unbond keeps its time.
interface IProtocolParameters {
    error ProtocolParameters_OutOfBounds(string name, uint256 value, uint256 least, uint256 most);
    error ProtocolParameters_UnknownEconomy(uint16 version);
    error ProtocolParameters_NewJobsPaused();

    event EconomySet(uint16 indexed version, Economy economy);
    event EntryRulesSet(EntryRules rules);
    event NewJobsPaused(address indexed by);
    event NewJobsResumed(address indexed by);

    /// @notice Makes `economy` the one that new jobs are created under. Only the governor.
    /// @dev    Emits EconomySet.
    function setEconomy(Economy calldata economy) external returns (uint16 version);

    /// @notice Changes what new jobs and new unbondings must meet. Only the governor.
    /// @dev    Emits EntryRulesSet.
    function setEntryRules(EntryRules calldata rules) external;

    /// @notice Stops new jobs, and nothing else: acceptances, claims, refunds and withdrawals go on. Only the guardian.
    /// @dev    Emits NewJobsPaused.
    function pauseNewJobs() external;

    /// @notice Lets new jobs in again. Only the governor.
    /// @dev    Emits NewJobsResumed.
    function resumeNewJobs() external;

    /// @notice Reverts unless a job of these terms may be created now: with NewJobsPaused, or with the escrow's BadTerms.
    /// @param  stakeToken What locks are counted in.
    /// @return version Of the economy that the job will keep.
    function admit(JobTerms calldata terms, address stakeToken) external view returns (uint16 version);

    function entryRules() external view returns (EntryRules memory);

    /// @notice Whether new jobs are stopped.
    function newJobsPaused() external view returns (bool);

    /// @notice The version that new jobs get. Versions count from 1.
    function economyVersion() external view returns (uint16);

    /// @notice Reverts with UnknownEconomy for a version that never was.
    function economyOf(uint16 version) external view returns (Economy memory);
}
