// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IJobEscrow} from "../interfaces/IJobEscrow.sol";
import {IPermit2} from "../interfaces/IPermit2.sol";
import {Funding, JobOrder, SignedOrder, TokenPermit} from "../types/JobTypes.sol";
import {JobOrderLib} from "./JobOrderLib.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title The three ways in which the deposit of a signed order comes in.
library OrderFundingLib {
    /// @dev Where Permit2 is on every chain that has it.
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    /// @notice Takes the deposit of an order into this contract and returns what arrived.
    /// @dev    With Permit2 this is also where the creator's signature is checked: the order is the message's witness.
    function pull(SignedOrder calldata signed) internal returns (uint256 received) {
        JobOrder calldata order = signed.order;
        IERC20 token = IERC20(order.terms.paymentToken);
        address creator = order.terms.creator;
        uint256 amount = order.terms.maxPrice;
        if (signed.funding == Funding.Permit2) return _pullByPermit2(signed);

        if (signed.funding == Funding.Permit) {
            TokenLib.permitOrSkip(token, creator, amount, abi.decode(signed.permit, (TokenPermit)));
        }
        return TokenLib.pull(token, creator, amount);
    }

    function _pullByPermit2(SignedOrder calldata signed) private returns (uint256 received) {
        if (PERMIT2.code.length == 0) revert IJobEscrow.JobEscrow_NoPermit2(PERMIT2);
        JobOrder calldata order = signed.order;
        IERC20 token = IERC20(order.terms.paymentToken);
        uint256 amount = order.terms.maxPrice;

        uint256 before = token.balanceOf(address(this));
        IPermit2(PERMIT2).permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(
                IPermit2.TokenPermissions(address(token), amount), order.nonce, order.expiresAt
            ),
            IPermit2.SignatureTransferDetails(address(this), amount),
            order.terms.creator,
            JobOrderLib.hash(order),
            JobOrderLib.witnessType(),
            signed.signature
        );
        received = token.balanceOf(address(this)) - before;
    }
}
