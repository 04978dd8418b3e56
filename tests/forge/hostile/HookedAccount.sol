// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Hostile: an account with code, which makes a call of its own in the middle of a transfer that it takes part
/// in.
/// @dev   A campaign pranks it like any other account, so it can be creator and operator; it signs by ERC-1271 with one
/// key.
contract HookedAccount {
    address private immutable SIGNER;

    address private target;
    bytes private data;

    /// @notice Whether the call has been made since it was armed, and what became of it.
    bool public fired;
    bool public succeeded;
    bytes public answer;

    constructor(address signer) {
        SIGNER = signer;
    }

    /// @notice What to call, once, in the next transfer.
    function arm(address target_, bytes calldata data_) external {
        (target, data, fired, succeeded) = (target_, data_, false, false);
    }

    /// @notice Called by the token.
    function onTransfer() external {
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        fired = true;
        (succeeded, answer) = called.call(data);
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == SIGNER ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
