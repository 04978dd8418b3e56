// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {Economy, EntryRules} from "../../../contracts/types/ParameterTypes.sol";

import {Dice} from "./Dice.sol";
import {ThiefActions} from "./ThiefActions.sol";

/// @notice The governor changes parameters, the guardian stops new jobs, both of them too far now and then.
abstract contract GovernorActions is ThiefActions {
    function setEconomy(uint256 seed) external {
        Dice memory dice = _dice(seed);
        Economy memory economy = _economy(dice);
        bool wanted = !dice.chance(3);
        if (!wanted) _spoil(economy, dice);
        bytes memory call = abi.encodeCall(IProtocolParameters.setEconomy, (economy));
        if (!_play("set economy", wanted, governor, address(parameters), call)) return;
        economies[++economyVersion] = economy;
        _checkEconomy(economyVersion);
    }

    function setEntryRules(uint256 seed) external {
        Dice memory dice = _dice(seed);
        EntryRules memory next = EntryRules({
            minLock: uint96(dice.between(TALLY / 100, 2 * TALLY)),
            minLockRatioBps: uint16(dice.between(0, 10_000)),
            minChallengeSeconds: uint32(dice.between(10, 120)),
            unbondSeconds: uint32(dice.between(60, 3_000))
        });
        bool wanted = !dice.chance(3);
        if (!wanted) {
            uint256 flaw = dice.roll(6);
            if (flaw == 0) next.minLock = uint96(TALLY / 100 - 1);
            if (flaw == 1) next.minLock = uint96(100 * TALLY + 1);
            if (flaw == 2) next.minLockRatioBps = 10_001;
            if (flaw == 3) next.minChallengeSeconds = 9;
            if (flaw == 4) next.unbondSeconds = 59;
            if (flaw == 5) next.unbondSeconds = 30 days + 1;
        }
        bytes memory call = abi.encodeCall(IProtocolParameters.setEntryRules, (next));
        if (_play("set entry rules", wanted, governor, address(parameters), call)) rules = next;
        _checkRules();
    }

    /// @dev Resumed five times as often as paused, so that there is something left to stop.
    function pauseOrResume(uint256 seed) external {
        Dice memory dice = _dice(seed);
        if (dice.chance(6)) {
            bytes memory pause = abi.encodeCall(IProtocolParameters.pauseNewJobs, ());
            paused = _play("pause", true, guardian, address(parameters), pause);
        } else {
            bytes memory resume = abi.encodeCall(IProtocolParameters.resumeNewJobs, ());
            paused = !_play("resume", true, governor, address(parameters), resume);
        }
        _checkRules();
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    function _checkRules() internal view {
        bool same = keccak256(abi.encode(parameters.entryRules())) == keccak256(abi.encode(rules));
        mustHold(same, "16: the entry rules are what the governor set inside their bounds");
        mustHold(parameters.newJobsPaused() == paused, "22: new jobs are stopped by the guardian only");
    }

    function _checkEconomy(uint16 version) internal view {
        Economy memory economy = economies[version];
        bool same = keccak256(abi.encode(parameters.economyOf(version))) == keccak256(abi.encode(economy));
        mustHold(same, "16: a version of the economy never changes");
        uint256 late = uint256(economy.lateFinderBps) + economy.lateCreatorBps + economy.lateBountyBps;
        uint256 fault = uint256(economy.faultChallengerBps) + economy.faultCreatorBps + economy.faultBountyBps;
        bool burns = late <= 9_000 && fault <= 9_000;
        bool costs = economy.lateSlashBps >= 1_000 && economy.lateSlashBps <= 8_000 && economy.releaseBps >= 10;
        bool pays = economy.lateFinderBps >= 100 && economy.faultChallengerBps >= 1_000;
        mustHold(
            burns && costs && pays && economy.releaseBps <= economy.lateSlashBps, "16: an economy is inside its bounds"
        );
    }

    function _economy(Dice memory dice) private pure returns (Economy memory economy) {
        economy.lateSlashBps = uint16(dice.between(1_000, 8_000));
        economy.releaseBps = uint16(dice.between(10, economy.lateSlashBps));
        economy.lateFinderBps = uint16(dice.between(100, 9_000));
        economy.lateCreatorBps = uint16(dice.roll(9_001 - economy.lateFinderBps));
        economy.lateBountyBps = uint16(dice.roll(9_001 - economy.lateFinderBps - economy.lateCreatorBps));
        economy.faultChallengerBps = uint16(dice.between(1_000, 9_000));
        economy.faultCreatorBps = uint16(dice.roll(9_001 - economy.faultChallengerBps));
        economy.faultBountyBps = uint16(dice.roll(9_001 - economy.faultChallengerBps - economy.faultCreatorBps));
    }

    /// @dev One step behind one of the bounds.
    function _spoil(Economy memory economy, Dice memory dice) private pure {
        uint256 flaw = dice.roll(7);
        if (flaw == 0) economy.lateSlashBps = 999;
        if (flaw == 1) economy.lateSlashBps = 8_001;
        if (flaw == 2) economy.releaseBps = 9;
        if (flaw == 3) economy.releaseBps = economy.lateSlashBps + 1;
        if (flaw == 4) economy.lateFinderBps = 99;
        if (flaw == 5) economy.lateCreatorBps = 9_001 - economy.lateFinderBps;
        if (flaw == 6) economy.faultChallengerBps = 999;
    }
}
