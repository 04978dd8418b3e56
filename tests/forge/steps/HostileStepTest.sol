// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../../../contracts/interfaces/IStepChecker.sol";
import {ArithChecker} from "../../../contracts/steps/ArithChecker.sol";
import {DotChecker} from "../../../contracts/steps/DotChecker.sol";
import {LookupChecker} from "../../../contracts/steps/LookupChecker.sol";
import {MapChecker} from "../../../contracts/steps/MapChecker.sol";
import {WindowChecker} from "../../../contracts/steps/WindowChecker.sol";

import {ForgeTest} from "../ForgeTest.sol";

/// @notice Whatever a checker is given, it answers soon: with an element, or with one of its three errors.
contract HostileStepTest is ForgeTest {
    uint256 private constant A_REFUSAL = 60_000;
    bytes private constant NOTHING = "";

    IStepChecker[5] private _checkers;
    uint8[12] private _opcodes = [1, 2, 3, 16, 17, 32, 33, 48, 49, 50, 51, 64];

    function setUp() public {
        _checkers =
            [new DotChecker(), IStepChecker(new LookupChecker()), new WindowChecker(), new MapChecker(), new ArithChecker()];
    }

    // ---- any bytes -----------------------------------------------------------------------------------------------

    /// @dev The first byte is an opcode and the second one a number of operands that most opcodes have, so that more
    /// than the first check is met.
    function testFuzz_element_ofAnyBytes_isGivenOrRefusedSoon(
        uint256 opcode,
        uint256 count,
        bytes calldata rest,
        bytes[3] calldata headers,
        bytes[3] calldata openings,
        uint256 index
    ) public view {
        opcode = _opcodes[opcode % 12];
        count = 1 + count % 3;
        bytes memory step = abi.encodePacked(uint8(opcode), uint8(count), rest);
        (bytes[] memory shownHeaders, bytes[] memory shownOpenings) = (new bytes[](count), new bytes[](count));
        for (uint256 k = 0; k < count; ++k) (shownHeaders[k], shownOpenings[k]) = (headers[k], openings[k]);
        _play(opcode, abi.encodeCall(IStepChecker.element, (step, shownHeaders, shownOpenings, index)));
    }

    // ---- windows without end -------------------------------------------------------------------------------------

    /// @dev 2^15 by 2^15 taps over one pixel: one of them is inside.
    function test_element_ofAWindowWithoutEnd_isGivenSoon() public view {
        bytes memory window = _windowAttributes(0x7fff, 0x7fff);
        bytes memory pixel = _header(3, hex"00000001000000010000000100000001", 1);
        bytes memory leaf = abi.encodePacked(uint32(0), uint16(1), int32(-7), new bytes(252));
        bytes memory step = abi.encodePacked(hex"20010000000000", pixel, uint16(8), window);
        assertEq(_give(32, step, pixel, leaf), uint256(int256(-7)), "the largest");
        step = abi.encodePacked(hex"03010000000000", pixel, uint16(11), window, new bytes(12));
        assertEq(_give(3, step, pixel, leaf), uint256(int256(-7)), "the sum");
    }

    /// @dev As many taps inside as an image can have, and none shown.
    function test_element_ofAnImageThatIsNotShown_isMissingSoon() public view {
        bytes memory image = _header(1, hex"00000001000080000000800000000001", 1 << 30);
        bytes memory output = _header(1, hex"00000001000000010000000100000001", 1);
        bytes memory step =
            abi.encodePacked(hex"20010000000000", output, uint16(8), _windowAttributes(0x8000, 0x8000));
        _refuse(32, step, image, NOTHING, IStepChecker.StepChecker_Missing.selector);
        // Openings without leaves lead nowhere.
        _refuse(32, step, image, new bytes(600), IStepChecker.StepChecker_Missing.selector);
    }

    // ---- openings ------------------------------------------------------------------------------------------------

    function test_element_ofAnOpeningThatIsCutShort_isMissing() public view {
        (bytes memory step, bytes memory header) = _reshape();
        bytes memory leaf = abi.encodePacked(uint32(0), uint16(1), hex"2a", new bytes(255));
        assertEq(_give(48, step, header, leaf), 42, "whole");
        bytes memory cut = abi.encodePacked(uint32(0), uint16(1), hex"2a", new bytes(254));
        _refuse(48, step, header, cut, IStepChecker.StepChecker_Missing.selector);
        bytes memory another = abi.encodePacked(uint32(1), uint16(1), hex"2a", new bytes(255));
        _refuse(48, step, header, another, IStepChecker.StepChecker_Missing.selector);
        // Behind one that does not help.
        assertEq(_give(48, step, header, abi.encodePacked(another, leaf)), 42, "the second one");
    }

    function test_element_ofAStepThatIsNotSpelledAsItIsHashed_isInvalid() public view {
        (bytes memory step, bytes memory header) = _reshape();
        bytes memory leaf = abi.encodePacked(uint32(0), uint16(1), hex"2a", new bytes(255));
        bytes4 invalid = IStepChecker.StepChecker_Invalid.selector;
        _refuse(48, abi.encodePacked(step, hex"00"), header, leaf, invalid);
        _refuse(48, step, abi.encodePacked(header, hex"00"), leaf, invalid);
        _refuse(48, step, _header(1, hex"00000002", 3), leaf, invalid);
        _refuse(48, step, _header(1, hex"00000000", 0), leaf, invalid);
        _refuse(48, step, _header(4, hex"00000002", 2), leaf, invalid);
        _refuse(48, step, _header(1, new bytes(36), 0), leaf, invalid);
        _refuse(48, step, _header(1, hex"ffffffffffffffffffffffff", 1 << 30), leaf, invalid);
        _refuse(48, hex"30", header, leaf, invalid);
        _refuse(48, NOTHING, header, leaf, invalid);
        _refuse(48, step, NOTHING, leaf, IStepChecker.StepChecker_Missing.selector);
        step[2] = 0x03; // no kind of operand
        _refuse(48, step, header, leaf, invalid);
    }

    // ---- what is played ------------------------------------------------------------------------------------------

    function _reshape() private pure returns (bytes memory step, bytes memory header) {
        header = _header(1, hex"00000002", 2);
        step = abi.encodePacked(hex"30010000000000", _header(1, hex"0000000100000002", 2), uint16(0));
    }

    function _header(uint8 dtype, bytes memory dims, uint64 elements) private pure returns (bytes memory) {
        return abi.encodePacked(dtype, uint8(dims.length / 4), dims, elements);
    }

    /// @dev Stride and dilation 1, no padding but at the end.
    function _windowAttributes(uint32 height, uint32 width) private pure returns (bytes memory) {
        return abi.encodePacked(height, width, uint32(1), uint32(1), uint64(0), uint32(1), uint32(1));
    }

    function _one(bytes memory step, bytes memory header, bytes memory opened) private pure returns (bytes memory) {
        (bytes[] memory headers, bytes[] memory openings) = (new bytes[](1), new bytes[](1));
        (headers[0], openings[0]) = (header, opened);
        return abi.encodeCall(IStepChecker.element, (step, headers, openings, 0));
    }

    function _give(uint256 opcode, bytes memory step, bytes memory header, bytes memory opened)
        private
        view
        returns (uint256)
    {
        (bool success, bytes memory answer) = _play(opcode, _one(step, header, opened));
        assertTrue(success, "it is given");
        return abi.decode(answer, (uint256));
    }

    function _refuse(uint256 opcode, bytes memory step, bytes memory header, bytes memory opened, bytes4 reason)
        private
        view
    {
        (bool success, bytes memory answer) = _play(opcode, _one(step, header, opened));
        assertTrue(!success && bytes4(answer) == reason, "it is refused for that reason");
    }

    function _play(uint256 opcode, bytes memory call) private view returns (bool success, bytes memory answer) {
        address checker = address(_checkers[opcode >> 4]);
        uint256 before = gasleft();
        (success, answer) = checker.staticcall(call);
        uint256 used = before - gasleft();
        assertLe(used, A_REFUSAL + 40 * call.length, "it takes time by what is shown");
        if (!success) {
            bytes4 reason = bytes4(answer);
            assertTrue(
                reason == IStepChecker.StepChecker_Invalid.selector
                    || reason == IStepChecker.StepChecker_Missing.selector
                    || reason == IStepChecker.StepChecker_NoElement.selector,
                "it says why"
            );
        }
    }
}
