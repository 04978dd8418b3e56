// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IJobEscrow} from "../../../contracts/interfaces/IJobEscrow.sol";
import {JobId, JobStatus, JobTerms, TokenPermit} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {Want} from "./MarketTypes.sol";
import {Signing} from "./Signing.sol";

/// @notice Creators open jobs and take them back.
abstract contract CreatorActions is Signing {
    function create(uint256 seed) external {
        Dice memory dice = _dice(seed);
        (uint256 made, JobTerms memory terms) = _newTerms(dice.seed, dice.chance(12));
        bytes memory call = abi.encodeCall(IJobEscrow.createJob, (terms));
        if (dice.chance(4)) _mustFail(_thief(dice), address(escrow), call, "20: only the creator pays for its job");
        bool wanted = _mayEnter(terms) && _mayPull(terms, address(escrow)) && !_exists(terms);
        if (!_play("create", wanted, terms.creator, address(escrow), call)) return;
        _checkCreated(_open(terms, made, clock), terms);
        _mustFail(terms.creator, address(escrow), call, "07: a job is created once");
    }

    /// @dev Somebody who sees the permit may use it first: that must not keep the job from being created.
    function createWithPermit(uint256 seed) external {
        Dice memory dice = _dice(seed);
        (uint256 made, JobTerms memory terms) = _newTerms(dice.seed, true);
        TokenPermit memory permit = _permit(terms.paymentToken, terms.creator, address(escrow), terms.maxPrice);
        if (dice.chance(3)) _usePermit(terms.paymentToken, terms.creator, address(escrow), terms.maxPrice, permit);
        bytes memory call = abi.encodeCall(IJobEscrow.createJobWithPermit, (terms, permit));
        _mustFail(_thief(dice), address(escrow), call, "20: only the creator pays for its job");
        bool wanted = _mayEnter(terms) && !_exists(terms);
        if (!_play("create with permit", wanted, terms.creator, address(escrow), call)) return;
        _checkCreated(_open(terms, made, clock), terms);
    }

    function cancel(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 number = _find(dice.chance(4) ? Want.Live : Want.Open, dice.roll(1e6));
        JobTerms memory terms = _terms(number);
        bytes memory call = abi.encodeCall(IJobEscrow.cancel, (terms));
        _mustFail(_thief(dice), address(escrow), call, "20: only its creator cancels a job");
        bool wanted = jobs[number].status == JobStatus.Open;
        if (_play("cancel", wanted, terms.creator, address(escrow), call)) _refunded(number, terms);
        _checkJob(number);
        _checkAccount(terms.paymentToken, terms.creator);
    }

    // ---- inside --------------------------------------------------------------------------------------------------

    function _mayPull(JobTerms memory terms, address spender) internal view returns (bool) {
        if (terms.paymentToken == address(falseToken) && falseToken.refusing()) return false;
        return IERC20(terms.paymentToken).allowance(terms.creator, spender) >= terms.maxPrice;
    }

    function _exists(JobTerms memory terms) internal view returns (bool) {
        return isKnown[JobId.unwrap(_idOf(terms))];
    }

    function _checkCreated(uint256 number, JobTerms memory terms) internal view {
        _checkJob(number);
        _checkAccount(terms.paymentToken, terms.creator);
        uint256 price = escrow.priceOf(terms);
        mustEqual(price, _priceAfter(terms, clock - jobs[number].openedAt), "32: the price is on the ramp");
    }
}
