// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Answers whatever it was told, where a test needs an answer that EZKL's verifier never gives.
contract MockEzklVerifier {
    bytes public answer;

    function set(bytes calldata answer_) external {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return answer;
    }
}
