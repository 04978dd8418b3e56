"""A node in front of a real chain that fails in ways a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anvil_chain import AnvilChain, AnvilError
from rpc_server import RefusedRequestError, RpcServer

Rule = Callable[[list[Any]], Any]


class FaultyNode(RpcServer):
    """Hands every request on to the chain, except those whose method has a rule.

    A rule gets the parameters; it returns a result, raises RefusedRequestError, or returns `HAND_ON`.
    """

    HAND_ON = object()

    def __init__(self, chain: AnvilChain) -> None:
        super().__init__(self._handle)
        self._chain = chain
        self.rules: dict[str, Rule] = {}

    def _handle(self, method: str, params: list[Any]) -> Any:
        rule = self.rules.get(method)
        answer = self.HAND_ON if rule is None else rule(params)
        return self._forward(method, params) if answer is self.HAND_ON else answer

    def _forward(self, method: str, params: list[Any]) -> Any:
        try:
            return self._chain.request(method, *params)
        except AnvilError as error:
            held = error.answer
            raise RefusedRequestError(held["message"], held["code"], held.get("data")) from None

    def refuse_once(self, method: str, message: str, code: int = -32000) -> None:
        """The next request of that method is refused, later ones are handed on."""

        def rule(_params: list[Any]) -> Any:
            del self.rules[method]
            raise RefusedRequestError(message, code)

        self.rules[method] = rule

    def count(self, method: str) -> int:
        """How often the method was asked for."""
        return sum(1 for asked, _ in self.requests if asked == method)
