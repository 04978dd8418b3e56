// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";
import {JobTerms, ProofKind} from "./types/JobTypes.sol";
import {Economy, EntryRules} from "./types/ParameterTypes.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {MilestoneMathLib} from "./libraries/MilestoneMathLib.sol";

/// @title The governed numbers. Who may change what stands in the AccessManager that is this contract's authority.
/// @dev   INVARIANT 16: every parameter is inside its bounds, and a version of the economy never changes. The bounds are
///        code: no key can move them.
contract ProtocolParameters is IProtocolParameters, AccessManaged {
    /// @notice Least part of every slash that nobody gets, so that slashing oneself through a second identity costs.
    uint256 public constant MIN_BURN_BPS = 1_000;
    /// @notice A missed deadline costs something, and less than a fault, which takes the whole lock.
    uint256 public constant MIN_LATE_SLASH_BPS = 1_000;
    uint256 public constant MAX_LATE_SLASH_BPS = 8_000;
    /// @notice Least reward for showing what somebody else did wrong: without it nobody would look.
    uint256 public constant MIN_FINDER_BPS = 100;
    uint256 public constant MIN_CHALLENGER_BPS = 1_000;
    /// @notice Least price of accepting a job and giving it back at once, which holds it up for everybody else.
    uint256 public constant MIN_RELEASE_BPS = 10;
    /// @notice How far the least lock may move from its first value, as a factor either way.
    uint256 public constant LOCK_RANGE = 100;
    uint256 public constant MIN_CHALLENGE_SECONDS = 10;
    uint256 public constant MAX_CHALLENGE_SECONDS = 30 days;
    uint256 public constant MIN_UNBOND_SECONDS = 60;
    uint256 public constant MAX_UNBOND_SECONDS = 30 days;

    /// @notice The first least lock, in units of the stake token: what LOCK_RANGE counts from.
    uint96 public immutable FIRST_MIN_LOCK;

    /// @dev One slot, and so flat: all that a new job asks for.
    struct Gate {
        uint96 minLock;
        uint16 minLockRatioBps;
        uint32 minChallengeSeconds;
        uint32 unbondSeconds;
        uint16 economyVersion;
        bool paused;
    }

    Gate private gate;
    mapping(uint16 version => Economy) private economies;

    constructor(address authority_, EntryRules memory rules_, Economy memory economy) AccessManaged(authority_) {
        FIRST_MIN_LOCK = rules_.minLock;
        _bound("minLock", rules_.minLock, 1, type(uint96).max / LOCK_RANGE);
        _setEntryRules(rules_);
        _setEconomy(economy);
    }

    /// @inheritdoc IProtocolParameters
    function setEconomy(Economy calldata economy) external restricted returns (uint16) {
        return _setEconomy(economy);
    }

    /// @inheritdoc IProtocolParameters
    function setEntryRules(EntryRules calldata rules_) external restricted {
        _setEntryRules(rules_);
    }

    /// @inheritdoc IProtocolParameters
    function pauseNewJobs() external restricted {
        gate.paused = true;
        emit NewJobsPaused(msg.sender);
    }

    /// @inheritdoc IProtocolParameters
    function resumeNewJobs() external restricted {
        gate.paused = false;
        emit NewJobsResumed(msg.sender);
    }

    /// @inheritdoc IProtocolParameters
    function admit(JobTerms calldata terms, address stakeToken) external view returns (uint16) {
        // Check: new jobs are let in, and these terms make sense, by themselves and by the rules of today.
        Gate memory today = gate;
        if (today.paused) revert ProtocolParameters_NewJobsPaused();
        JobTermsLib.check(terms);
        if (terms.proofKind == ProofKind.Optimistic && terms.challengeSeconds < today.minChallengeSeconds) {
            revert IJobEscrow.JobEscrow_BadTerms("challengeSeconds: below the minimum window");
        }
        if (terms.stakeLock < today.minLock) {
            revert IJobEscrow.JobEscrow_BadTerms("stakeLock: below the minimum lock");
        }
        // In other tokens there is no comparing them without an oracle, and the creator's own choice stands.
        if (
            terms.paymentToken == stakeToken
                && terms.stakeLock < MilestoneMathLib.shareDown(terms.maxPrice, today.minLockRatioBps)
        ) revert IJobEscrow.JobEscrow_BadTerms("stakeLock: below the minimum ratio to maxPrice");
        return today.economyVersion;
    }

    /// @inheritdoc IProtocolParameters
    function entryRules() external view returns (EntryRules memory) {
        return _rulesOf(gate);
    }

    /// @inheritdoc IProtocolParameters
    function newJobsPaused() external view returns (bool) {
        return gate.paused;
    }

    /// @inheritdoc IProtocolParameters
    function economyVersion() external view returns (uint16) {
        return gate.economyVersion;
    }

    /// @inheritdoc IProtocolParameters
    function economyOf(uint16 version) external view returns (Economy memory economy) {
        economy = economies[version];
        // Cheaper than a look at the newest version: no economy has a slash of nothing.
        if (economy.lateSlashBps == 0) revert ProtocolParameters_UnknownEconomy(version);
    }

    function _setEconomy(Economy memory economy) private returns (uint16) {
        // Check
        _bound("lateSlashBps", economy.lateSlashBps, MIN_LATE_SLASH_BPS, MAX_LATE_SLASH_BPS);
        _bound("releaseBps", economy.releaseBps, MIN_RELEASE_BPS, economy.lateSlashBps);
        _bound("lateFinderBps", economy.lateFinderBps, MIN_FINDER_BPS, MilestoneMathLib.BPS);
        _bound("faultChallengerBps", economy.faultChallengerBps, MIN_CHALLENGER_BPS, MilestoneMathLib.BPS);
        uint256 mostShared = MilestoneMathLib.BPS - MIN_BURN_BPS;
        uint256 late = uint256(economy.lateFinderBps) + economy.lateCreatorBps + economy.lateBountyBps;
        uint256 fault = uint256(economy.faultChallengerBps) + economy.faultCreatorBps + economy.faultBountyBps;
        _bound("shares of a late slash", late, 0, mostShared);
        _bound("shares of a fault's slash", fault, 0, mostShared);

        // Effect
        uint16 next = gate.economyVersion + 1;
        gate.economyVersion = next;
        economies[next] = economy;
        emit EconomySet(next, economy);
        return next;
    }

    function _setEntryRules(EntryRules memory rules_) private {
        // Check
        uint256 first = FIRST_MIN_LOCK;
        uint256 least = first / LOCK_RANGE;
        _bound("minLock", rules_.minLock, least == 0 ? 1 : least, first * LOCK_RANGE);
        _bound("minLockRatioBps", rules_.minLockRatioBps, 0, MilestoneMathLib.BPS);
        _bound("minChallengeSeconds", rules_.minChallengeSeconds, MIN_CHALLENGE_SECONDS, MAX_CHALLENGE_SECONDS);
        _bound("unbondSeconds", rules_.unbondSeconds, MIN_UNBOND_SECONDS, MAX_UNBOND_SECONDS);

        // Effect
        gate.minLock = rules_.minLock;
        gate.minLockRatioBps = rules_.minLockRatioBps;
        gate.minChallengeSeconds = rules_.minChallengeSeconds;
        gate.unbondSeconds = rules_.unbondSeconds;
        emit EntryRulesSet(rules_);
    }

    function _rulesOf(Gate memory held) private pure returns (EntryRules memory) {
        return EntryRules(held.minLock, held.minLockRatioBps, held.minChallengeSeconds, held.unbondSeconds);
    }

    function _bound(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert ProtocolParameters_OutOfBounds(name, value, least, most);
    }
}
