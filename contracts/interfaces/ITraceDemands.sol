// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobTerms} from "../types/JobTypes.sol";
import {ClaimRef} from "../types/DisputeTypes.sol";
import {Demand, DemandState} from "../types/DemandTypes.sol";
import {ITraceDispute} from "./ITraceDispute.sol";

/// @title  Asking for what a claimer did not publish: whoever cannot see a trace pays for it to be shown, level by level.
/// @notice Nobody owns a path: what was shown is there for all, and anybody asks on from there. A demand is a node that the
///         claim's own roots lead to, so whoever asks asserts nothing; an answer is checked by its hash. What stays
///         unanswered is a fault.
///
///         Levels: 0 asks for the tensor roots of a list (of a list of one tensor there is nothing to ask), the next for the
///         first part of a tensor, each further one for 7 tree levels below a node. A node of a tensor at most 6 levels above its
///         leaves is answered with the leaves, at most 16 KiB; any other with its at most 128 descendants 7 levels below. A
///         node of a list at most 11 levels above its tensors is answered with all tensor roots below it.
///
///         Clock, in seconds after the claim, with W the job's challengeSeconds and S = W / 4: a demand of level l is taken until
///         W + 2 l S, and answered within S; then there are S more for what follows. So a claim is final at the latest
///         W + 2 * 4 * S = 3 W after it was made, however many ask.
///
///         evidence = program | list demand: path from the node to the root of its list
///                            | a tensor's root: path from it to the root of its list
///                            | below: tensor's header | path from the node to the root of its tree | path of the tensor's root
///         answer   = header, at a tensor's root only | 32-byte hashes, or whole leaves of 256 bytes, padding included
///
///         Program, header and paths are packed as in a witness of ITraceDispute.
interface ITraceDemands {
    /// @notice The job's model names another judge, so nothing here could come to a fault.
    error TraceDemands_OtherJudge(address judge);
    error TraceDemands_OtherClaim(bytes32 expected, bytes32 actual);
    /// @notice The claim was paid or voided.
    error TraceDemands_NotStanding(JobId jobId, uint16 milestone);
    /// @notice The claim still stands, so its demands do.
    error TraceDemands_Standing(JobId jobId, uint16 milestone);
    error TraceDemands_Program(bytes32 expected, bytes32 actual);
    /// @notice Not a place at which anybody asks: a height that is not a whole number of steps of 7 below the root, a list of one
    ///         tensor, an index or a level that there is not.
    error TraceDemands_BadDemand();
    /// @notice The node is not what the claim's roots lead to at that place.
    error TraceDemands_OtherNode();
    error TraceDemands_TooLate(uint64 lastAt, uint64 nowAt);
    error TraceDemands_AlreadyAsked(bytes32 demandId);
    error TraceDemands_NotAsked(bytes32 demandId);
    error TraceDemands_Over(bytes32 demandId);
    error TraceDemands_Underpaid(uint256 price, uint256 paid);
    /// @notice Evidence or answer is longer or shorter than what it says.
    error TraceDemands_Length(uint256 expected, uint256 actual);
    /// @notice No tensor has such a header.
    error TraceDemands_BadHeader();
    error TraceDemands_WrongAnswer(bytes32 expected, bytes32 actual);
    /// @notice The answer may still come.
    error TraceDemands_NotDue(uint64 answerBy, uint64 nowAt);
    error TraceDemands_NothingToWithdraw(address account);
    error TraceDemands_CallFailed(address account);
    error TraceDemands_Misdeployed(address demands);

    /// @notice `level` counts from 0; the claim is final at `finalAt` at the earliest from now on.
    event TraceDemanded(
        JobId indexed jobId,
        bytes32 indexed demandId,
        address indexed payer,
        uint16 milestone,
        uint8 level,
        uint64 answerBy,
        uint64 finalAt,
        Demand demand
    );
    /// @notice The answer is in the log, for every challenger.
    event TraceShown(JobId indexed jobId, bytes32 indexed demandId, uint16 milestone, bytes answer);
    event DemandUnanswered(JobId indexed jobId, bytes32 indexed demandId, address indexed payer, uint16 milestone);
    event DemandReturned(JobId indexed jobId, bytes32 indexed demandId, address indexed payer, uint256 amount);
    event DemandFeesWithdrawn(address indexed account, uint256 amount);

    /// @notice Asks. Costs `priceOf`; what was sent beyond it is credited to the caller.
    /// @dev    Requires: the claim stands and is not final; the demand's level is still taken; it was not asked before.
    ///         Emits TraceDemanded, and the settlement's ClaimExtended where finality moves.
    function demand(JobTerms calldata terms, ClaimRef calldata claimed, Demand calldata asked, bytes calldata evidence)
        external
        payable
        returns (bytes32 demandId);

    /// @notice Answers. Anyone may; the fee is the operator's.
    /// @dev    Requires: asked, not over, at most S seconds ago, exactly S included. Emits TraceShown.
    function answer(JobTerms calldata terms, uint16 milestone, Demand calldata asked, bytes calldata shown) external;

    /// @notice Slashes for what was asked in time and not shown in time. Anyone may; who paid gets it back. The challenger is who
    ///         paid in the first S / 2 seconds, and who calls from then on.
    /// @dev    Requires: the claim stands. Emits DemandUnanswered, and the escrow's JobFaulted.
    function faultUnanswered(JobTerms calldata terms, uint16 milestone, Demand calldata asked) external;

    /// @notice Credits who paid for a demand that was not shown, once its claim no longer stands.
    /// @param  claimKey `claimKeyOf` while it stood.
    function giveBack(JobId jobId, uint16 milestone, bytes32 claimKey, Demand calldata asked) external;

    /// @notice Sends an account its credit. Anyone may.
    function withdraw(address account) external returns (uint256 amount);

    /// @notice Wei that `demand` costs now.
    function priceOf(JobId jobId, uint16 milestone, Demand calldata asked) external view returns (uint256);

    /// @notice What names the claim that stands; zero where none does.
    function claimKeyOf(JobId jobId, uint16 milestone) external view returns (bytes32);

    function demandIdOf(bytes32 claimKey, Demand calldata asked) external pure returns (bytes32);

    function demandOf(bytes32 demandId) external view returns (DemandState memory);

    /// @notice Demands of a claim that are neither shown nor given back.
    function openOf(bytes32 claimKey) external view returns (uint256);

    function creditOf(address account) external view returns (uint256);

    /// @notice Wei that nobody can ever take out.
    function burnt() external view returns (uint256);

    function dispute() external view returns (ITraceDispute);
}
