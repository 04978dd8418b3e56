// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {HookedAccount} from "./HookedAccount.sol";

/// @title Hostile: tells hooked accounts of every transfer they send or receive, before it or after it, as ERC-777
/// does.
contract HookedToken is ERC20, ERC20Permit {
    mapping(address account => bool) private isHooked;
    bool private tellsBefore;

    constructor(string memory name_) ERC20(name_, name_) ERC20Permit(name_) {}

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function hook(address account) external {
        isHooked[account] = true;
    }

    function tellBefore(bool before) external {
        tellsBefore = before;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (tellsBefore) _tell(from, to);
        super._update(from, to, amount);
        if (!tellsBefore) _tell(from, to);
    }

    function _tell(address from, address to) private {
        if (isHooked[from]) HookedAccount(from).onTransfer();
        if (isHooked[to]) HookedAccount(to).onTransfer();
    }
}
