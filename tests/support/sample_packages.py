"""A report on the sample program, as compiling an ONNX file would have given it."""

import numpy as np
from broken_programs import every_opcode

from tallystick.engine.compiler.graph import Quantisation
from tallystick.engine.compiler.report import CompileReport, TensorSpec
from tallystick.engine.opcodes import DType


def sample_report(program=None, **changes):
    program = program or every_opcode()
    image = TensorSpec("image", program.inputs[0], "quantised", Quantisation(np.float32(0.1), 3, DType.U8))
    values = {
        "source_sha256": "ab" * 32,
        "quantised_by": "calibration",
        "inputs": (image,),
        "output": TensorSpec("answer", program.output_header, "integers"),
        "operators": {"Conv": 1, "Relu": 2},
        "samples": 40,
        "top1": 0.975,
        "rms_error": 0.1 + 0.2,
        "rms": 2.0,
        "notes": ("Calibrate with more.",),
    }
    return CompileReport(**{**values, **changes})
