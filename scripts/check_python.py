"""Refuses, before anything is installed, a Python that set-up cannot work with. Runs on any Python 3."""

import sys

OLDEST = (3, 11)

if sys.version_info < OLDEST:
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        f"Tallystick needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is {found}. "
        "Name another one with: make PYTHON=/path/to/python3.11 demo"
    )

try:
    import ensurepip  # noqa: F401  (a Python without it cannot make a virtual environment with pip)
    import venv  # noqa: F401
except ModuleNotFoundError as missing:
    sys.exit(
        f"{sys.executable} cannot make virtual environments: its module {missing.name!r} is missing. "
        "On Debian and Ubuntu: apt-get install python3-venv"
    )
