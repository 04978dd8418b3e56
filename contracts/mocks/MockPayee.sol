// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Hostile: an account that is a contract, and refuses coin, or calls somebody while it receives some.
contract MockPayee {
    bool public refuses;
    address public target;
    bytes public data;
    bool public reentered;
    bytes public answer;

    receive() external payable {
        if (refuses) {
            // As much as anybody could be made to read.
            assembly ("memory-safe") {
                revert(0, 100000)
            }
        }
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        (reentered, answer) = called.call(data);
    }

    /// @notice What to call, once, when coin comes in next.
    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function refuse(bool refuses_) external {
        refuses = refuses_;
    }

    /// @notice Calls in its own name.
    function act(address called, bytes calldata data_) external payable {
        (bool success,) = called.call{value: msg.value}(data_);
        require(success, "MockPayee: refused");
    }
}
