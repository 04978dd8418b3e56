"""The state of an import: the graph that is being made, and which value stands for which of the file's."""

from __future__ import annotations

import dataclasses

import numpy as np

from tallystick.engine.compiler.graph import Array, Graph, Node, Quantisation, Value
from tallystick.engine.compiler.quantised_parameters import BYTES, Parameters, real_constant
from tallystick.engine.compiler.quantised_tables import byte_values, requantising_table
from tallystick.engine.compiler.refusal import refuse
from tallystick.engine.program import NUMPY_DTYPES

LOOKUP = "Lookup"
DOMAIN = "tallystick"
FLOAT = np.dtype(np.float32)


@dataclasses.dataclass
class Importing:
    """Attributes:
    source: The graph as it came; it is not changed.
    graph: The one that is made. A value that the file holds as bytes is a float32 with a quantisation here.
    same: Names of the file that another value stands for, since Q and DQ leave no node behind.
    """

    source: Graph
    graph: Graph
    same: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, source: Graph) -> Importing:
        values = {name: dataclasses.replace(value) for name, value in source.values.items()}
        return cls(source, Graph([], values, list(source.inputs), list(source.outputs)))

    def name(self, name: str) -> str:
        return self.same.get(name, name)

    def value(self, name: str) -> Value:
        return self.graph.values[self.name(name)]

    def is_bytes(self, name: str) -> bool:
        """Whether the file itself declares the tensor as 8-bit integers that are not known before any input."""
        value = self.source.values.get(name)
        return value is not None and value.constant is None and value.dtype in BYTES

    def emit(self, node: Node) -> None:
        self.graph.nodes.append(node)

    def hold(self, name: str, quantisation: Quantisation) -> None:
        """Says how a value is held."""
        value = self.value(name)
        value.quantisation, value.dtype = quantisation, FLOAT

    # ---- operands -------------------------------------------------------------------------------------------------

    def reals(self, name: str, parameters: Parameters, node: Node) -> str:
        """The value that stands for the real numbers of `name` under `parameters`: what DequantizeLinear gives."""
        value = self.value(name)
        if value.constant is not None:
            return self._constant(name, value.constant, parameters, node)
        wanted = parameters.of_tensor(node)
        if parameters.dtype not in BYTES:
            raise refuse(node, f"it reads {parameters.dtype} as real numbers", "Quantise activations to uint8 or int8.")
        if value.quantisation is None:
            self.hold(name, wanted)
        if value.quantisation == wanted:
            return self.name(name)
        # The same bytes, read as other numbers than they were written as.
        return self.through(name, byte_values(wanted.dtype).astype(NUMPY_DTYPES[wanted.dtype]), wanted, node)

    def held_as(self, name: str, wanted: Quantisation, node: Node) -> str:
        """What QuantizeLinear gives: the value itself, now held so, or through a table where it is held otherwise."""
        have = self.value(name).quantisation
        if have is None:
            self.hold(name, wanted)
        if have is None or have == wanted:
            return self.name(name)
        return self.through(name, requantising_table(have, wanted), wanted, node)

    def through(self, name: str, table: Array, wanted: Quantisation, node: Node) -> str:
        source = self.name(name)
        target = self.graph.fresh(f"{source}~held")
        self.graph.values[target] = Value(self.graph.values[source].shape, FLOAT, None, wanted)
        self.emit(Node(LOOKUP, [source], [target], {"table": table}, node.name, DOMAIN))
        return target

    def _constant(self, name: str, constant: Array, parameters: Parameters, node: Node) -> str:
        target = self.graph.fresh(f"{self.name(name)}~reals")
        self.graph.values[target] = real_constant(np.asarray(constant), parameters, node)
        return target

    # ---- results --------------------------------------------------------------------------------------------------

    def finish(self) -> Graph:
        """Results get the names that the file gives them."""
        graph = self.graph
        for output in graph.outputs:
            source = self.name(output)
            if source == output:
                continue
            if source in graph.inputs or source in graph.outputs or graph.values[source].constant is not None:
                value = graph.values[source]
                graph.values[output] = Value(value.shape, value.dtype, None, value.quantisation)
                self.emit(Node("Identity", [source], [output]))
            else:
                rename(graph, source, output)
                self.same = {name: output if target == source else target for name, target in self.same.items()}
        graph.drop_dead()
        return graph


def rename(graph: Graph, old: str, new: str) -> None:
    graph.values[new] = graph.values.pop(old)
    for node in graph.nodes:
        node.inputs = [new if name == old else name for name in node.inputs]
        node.outputs = [new if name == old else name for name in node.outputs]
