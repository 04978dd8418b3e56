// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Hostile: calls somebody in the middle of a transfer and keeps the answer.
contract MockReentrantToken is ERC20("Reentrant", "RE") {
    address public target;
    bytes public data;
    bool public reentered;
    bytes public answer;

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    /// @notice What to call, once, in the next transfer.
    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        (reentered, answer) = called.call(data);
    }
}
