// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A creator that is a contract: its owner's key signs for it by ERC-1271, until it changes its mind.
contract MockContractWallet {
    address public immutable owner;
    bool public refusing;

    constructor(address owner_) {
        owner = owner_;
    }

    function refuse(bool refusing_) external {
        refusing = refusing_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bool agrees = !refusing && ECDSA.recover(hash, signature) == owner;
        return agrees ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
