// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Odd but in wide use: its transfers answer nothing, and it refuses to send to whoever is on its list.
contract MockVoidToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => bool) public isBlocked;

    error MockVoidToken_Blocked(address account);

    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
    }

    function block_(address account) external {
        isBlocked[account] = true;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (isBlocked[to]) revert MockVoidToken_Blocked(to);
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
