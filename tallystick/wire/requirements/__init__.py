"""The language of job requirements, for example `gpu>=1 vram>=16GiB cc>=8.0 ezkl>=23 region=eu|us`.

Parsing (`parsing.py`, `grammar.lark`) makes data (`clause.py`) that is held against a capability (`matching.py`).
"""

from tallystick.wire.requirements.clause import Clause, Requirements
from tallystick.wire.requirements.keys import KEYS, Key
from tallystick.wire.requirements.matching import Unmet, unmet
from tallystick.wire.requirements.parsing import parse_requirements

__all__ = ["KEYS", "Clause", "Key", "Requirements", "Unmet", "parse_requirements", "unmet"]
