// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {TokenPermit} from "../types/JobTypes.sol";

/// @title Getting tokens in, whatever kind of ERC-20 they are.
library TokenLib {
    using SafeERC20 for IERC20;

    /// @notice Takes `amount` and returns what arrived: a token may keep a fee, and a fee would leave the last one unpaid.
    function pull(IERC20 token, address from, uint256 amount) internal returns (uint256 received) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        received = token.balanceOf(address(this)) - before;
    }

    /// @notice Gives this contract an allowance by the owner's signature.
    /// @dev    Absent on purpose: a refusal when this fails. Whoever sees the signature first can use it, and then the
    ///         allowance is there already; where it is not, the transfer that follows says so.
    function permitOrSkip(IERC20 token, address owner, uint256 amount, TokenPermit memory permit) internal {
        // What is no contract is refused by name later on; a call to it would stop right here without a word.
        if (address(token).code.length == 0) return;
        try IERC20Permit(address(token)).permit(
            owner, address(this), amount, permit.deadline, permit.v, permit.r, permit.s
        ) {} catch {}
    }
}
