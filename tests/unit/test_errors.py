"""The tree of errors is the one that its docstring draws."""

import inspect

from tallystick import errors
from tallystick.errors import RequirementError, RevertError, RpcRefusedError, TallystickError


def classes():
    return {name: held for name, held in vars(errors).items() if inspect.isclass(held) and issubclass(held, Exception)}


def drawn_tree():
    """Name and parent of every line of the drawing."""
    found, above = {}, {}
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if not name.endswith("Error"):
            continue
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        above[depth] = name
        found[name] = above.get(depth - 1)
    return found


def test_errors_docstring_draws_every_class_under_its_parent():
    real = {name: held.__mro__[1].__name__ for name, held in classes().items() if held is not TallystickError}
    assert {name: parent for name, parent in drawn_tree().items() if parent} == real


def test_tallystick_error_given_a_remedy_says_both():
    error = TallystickError("It is broken.", remedy="Mend it.")
    assert (str(error), error.what, error.remedy) == ("It is broken. Mend it.", "It is broken.", "Mend it.")


def test_requirement_error_points_at_the_place():
    assert str(RequirementError("Unknown word.", text="gpu>=1 foo", column=7)).splitlines()[1:] == [
        "  gpu>=1 foo",
        "         ^",
    ]


def test_revert_error_keeps_its_own_copy_of_the_arguments():
    arguments = {"nowAt": 1}
    error = RevertError("Refused.", name="X", arguments=arguments)
    arguments["nowAt"] = 2
    assert error.arguments == {"nowAt": 1}


def test_rpc_refused_error_carries_what_the_endpoint_said():
    error = RpcRefusedError("Refused.", code=-32000, message="no", data="0x")
    assert (error.code, error.message, error.data) == (-32000, "no", "0x")
