// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockToken} from "../../../contracts/mocks/MockToken.sol";
import {JobStatus, JobTerms} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {Expected, Want} from "./MarketTypes.sol";
import {ReentryActions} from "./ReentryActions.sol";

/// @notice Time passes; tokens arrive that nobody asked for; a token changes its mind.
abstract contract TimeActions is ReentryActions {
    function pass(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256[5] memory most = [uint256(5), 20, 60, 200, 1_000];
        _pass(clock + dice.between(1, most[dice.roll(5)]));
        _count("pass", true);
    }

    /// @dev To the last second in which something is allowed, the one before it, or the first in which it is not.
    function passToEdge(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 edge = dice.chance(4) ? stakeOf[_one(operators, dice)].readyAt : _edgeOf(dice);
        edge += dice.roll(3);
        // Not further than a job of the usual size lives: what is far away is passed on the way to something else.
        bool near = edge > clock + 1 && edge <= clock + 1_500;
        _pass(near ? edge - 1 : clock + 1);
        _count("pass to edge", true);
    }

    function _edgeOf(Dice memory dice) private view returns (uint256 edge) {
        uint256 number = _findOr(Want.Assigned, Want.Live, dice);
        Expected storage job = jobs[number];
        edge = job.status == JobStatus.Open ? job.openedAt : job.timer;
        if (job.status == JobStatus.Open) {
            JobTerms memory terms = _terms(number);
            edge += dice.chance(2) ? terms.acceptSeconds : terms.exclusiveSeconds;
        } else if (job.paid < job.next) {
            edge = finalAt[number][job.paid + dice.roll(job.next - job.paid)];
        }
    }

    /// @dev Nobody's money is counted from a balance, so a gift is a gift to nobody.
    function donate(uint256 seed) external {
        Dice memory dice = _dice(seed);
        uint256 amount = dice.between(1, TALLY);
        bool toStakes = dice.chance(3);
        address token = toStakes ? address(stakeToken) : tokens[dice.roll(tokens.length)];
        MockToken(token).mint(toStakes ? address(stakes) : address(escrow), amount); // all of them have this function
        if (toStakes) stakeGifts += amount;
        else escrowGifts[token] += amount;
        _count("donate", true);
    }

    /// @dev The token that answers `false` while it refuses; it changes back sooner than it changes.
    function changeMind(uint256 seed) external {
        falseToken.refuse(_dice(seed).chance(4));
        _count("change mind", true);
    }

    function _pass(uint256 to) internal {
        clock = to;
        vm.warp(to);
    }
}
