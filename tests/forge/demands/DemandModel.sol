// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobTerms} from "../../../contracts/types/JobTypes.sol";

import {DemandStage} from "./DemandStage.sol";

/// @notice What should be true of claims and demands, kept beside the contracts and written from docs/protocol.md.
abstract contract DemandModel is DemandStage {
    enum Standing {
        Stands,
        Paid,
        Void
    }

    /// @dev One claim; a job that is claimed anew has several.
    struct Claimed {
        uint256 salt;
        JobId jobId;
        address operator;
        uint256 claimedAt;
        uint256 finalAt;
        bytes32 key;
        uint256 open;
        Standing standing;
    }

    struct Asked {
        uint256 claim;
        uint256 place;
        address payer;
        uint256 askedAt;
        uint256 base;
        uint256 crowding;
        bool isOver;
    }

    Claimed[] internal claims;
    Asked[] internal asked;
    mapping(uint256 salt => uint256) internal latest; // claim of a job, plus one
    mapping(uint256 claim => mapping(uint256 place => uint256)) internal askedAs; // number of the demand, plus one
    mapping(address account => uint256) internal creditOf;
    uint256 internal creditSum;
    uint256 internal openSum;
    uint256 internal burntSum;
    uint256 internal clock;

    /// @dev Answers everything in time, and is never slashed for it.
    uint256 internal constant DILIGENT = 0;

    function _note(uint256 salt, address operator) internal {
        JobId jobId = escrow.jobIdOf(_termsOf(salt));
        bytes32 key = demands.claimKeyOf(jobId, 0);
        mustHold(key != 0, "41: a claim that was just made stands");
        claims.push(Claimed(salt, jobId, operator, clock, clock + WINDOW, key, 0, Standing.Stands));
        latest[salt] = claims.length;
    }

    function _credit(address account, uint256 amount) internal {
        creditOf[account] += amount;
        creditSum += amount;
    }

    function _close(uint256 number) internal returns (uint256 paid) {
        Asked storage one = asked[number];
        one.isOver = true;
        --claims[one.claim].open;
        paid = one.base + one.crowding;
        openSum -= paid;
    }

    // ---- what is allowed -------------------------------------------------------------------------------------------

    function _mayAsk(uint256 claim, uint256 place) internal view returns (bool) {
        Claimed storage one = claims[claim];
        uint256 levelEnd = one.claimedAt + WINDOW + 2 * places[place].level * STEP;
        bool isInTime = clock <= levelEnd && clock <= one.finalAt;
        return one.standing == Standing.Stands && isInTime && askedAs[claim][place] == 0;
    }

    function _mayAnswer(uint256 number) internal view returns (bool) {
        Asked storage one = asked[number];
        bool isInTime = clock <= one.askedAt + STEP;
        return claims[one.claim].standing == Standing.Stands && !one.isOver && isInTime;
    }

    function _mayFault(uint256 number) internal view returns (bool) {
        Asked storage one = asked[number];
        bool isDue = clock > one.askedAt + STEP && clock <= claims[one.claim].finalAt;
        return claims[one.claim].standing == Standing.Stands && !one.isOver && isDue;
    }

    function _mayGiveBack(uint256 number) internal view returns (bool) {
        return !asked[number].isOver && claims[asked[number].claim].standing != Standing.Stands;
    }

    function _mayFinalize(uint256 claim) internal view returns (bool) {
        return claims[claim].standing == Standing.Stands && clock > claims[claim].finalAt;
    }

    /// @dev The base of a demand's price, and what comes on top with so many open.
    function _price(uint256 length, uint256 open) internal view returns (uint256 base, uint256 crowding) {
        uint256 gasPrice = block.basefee + 1 gwei;
        if (gasPrice > 200 gwei) gasPrice = 200 gwei;
        base = (120_000 + 40 * length) * gasPrice * 5 / 4;
        crowding = base * (16 + open) ** 2 / 256 - base;
    }

    function _terms(uint256 claim) internal view returns (JobTerms memory) {
        return _termsOf(claims[claim].salt);
    }
}
