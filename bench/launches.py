"""What a step consists of: operations that TensorFlow launches one by one, and XLA's kernels.

    python bench/launches.py [--size 512] [--weights NAME] [--statistics moments|gram]
        [--precision float32|bfloat16]

Needs no GPU. TensorFlow's are counted in the traced graph, after its own optimisation: on a GPU
each operation on numbers is a kernel at least; what only renames memory, and the arithmetic of
shapes, which stays on the CPU, are not counted. XLA's are the instructions of the step compiled
here, for the CPU; for a GPU it fuses differently, but not less. XLA computes eigendecompositions in
loops, which count as one.
"""

import argparse
import re
from collections import Counter
from typing import Any

from repository import REPOSITORY

PAINTING = REPOSITORY / "samples/paintings/mosaic.jpg"
# These compute nothing on a device.
RENAMING = {
    "Const",
    "ExpandDims",
    "Identity",
    "IdentityN",
    "Placeholder",
    "PreventGradient",
    "Reshape",
    "Shape",
    "ShapeN",
    "Squeeze",
    "StopGradient",
}
NO_KERNELS = {"bitcast", "constant", "get-tuple-element", "parameter", "tuple"}
KINDS = {
    "convolutions": r"Conv2D|_FusedConv|convolution",
    "matrix products": r"MatMul|BatchMatMul|dot",
    "eigendecompositions": r"SelfAdjointEig|while",
    "casts": r"Cast|convert",
}


def main() -> None:
    """Prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=512, help="longer side in px")
    parser.add_argument(
        "--weights", default="builtin", help="a file or name, as --weights of inetwork.py"
    )
    parser.add_argument("--statistics", default="moments", help="moments or gram")
    parser.add_argument("--precision", default="float32", help="of convolutions")
    args = parser.parse_args()
    from styletransfer.vgg import ops

    for displacements in ("by_eigenvectors", "by_products"):
        if displacements == "by_products":  # And the padding is a GPU's.
            ops.gpus_in_use = lambda: ["a GPU"]
        program, arguments = step_of(args, displacements)
        print(f"{args.statistics}, {displacements}:")
        print(row("TensorFlow", traced(program.step, arguments)))
        if displacements == "by_products":
            program, arguments = step_of(args, displacements, compiled_terms=True)
            print(row("TensorFlow, terms compiled", traced(program.step, arguments)))
        if displacements == "by_products" or args.statistics == "gram":
            text = program.compiled_step.experimental_get_compiler_ir(*arguments)("optimized_hlo")
            print(row("XLA", compiled(text)))


def step_of(
    args: argparse.Namespace, displacements: str, compiled_terms: bool = False
) -> tuple[Any, tuple[Any, ...]]:
    """The program of a step, and a step's arguments. compiled_terms: as Objective's."""
    import dataclasses

    import tensorflow as tf

    from styletransfer import Settings, load_vgg
    from styletransfer.engine import transport
    from styletransfer.engine.objective import Objective
    from styletransfer.engine.optimizers import State, initial_content_weight
    from styletransfer.engine.program import StepParams, program
    from styletransfer.engine.style_targets import StyleTargets
    from styletransfer.images.decode import decode

    settings = Settings(precision=args.precision, style_statistics=args.statistics)
    objective = Objective.of(settings, load_vgg("vgg19", args.weights))
    losses = dataclasses.replace(objective.losses, displacements=getattr(transport, displacements))
    objective = dataclasses.replace(objective, losses=losses, compiled_terms=compiled_terms)
    size = (args.size * 2 // 3, args.size)
    photo = tf.random.stateless_uniform([1, *size, 3], [0, 0])
    painting = decode(PAINTING.read_bytes(), PAINTING.name).pixels
    problem = objective.problem(photo, StyleTargets([painting]).groups(objective, size, None), None)
    state = State.start(objective.canvas(size).padded(photo), initial_content_weight(settings))
    problem = objective.matched(problem, state.image, photo)
    numbers = StepParams.of(settings, settings.learning_rate, 0.9, steering=1.0)
    [params] = StepParams.packed([numbers])
    return program(objective, problem), (state, problem, params)


def traced(step: Any, arguments: tuple[Any, ...]) -> Counter[str]:
    """The operations on floating-point numbers in a traced step as TensorFlow optimises it."""
    from tensorflow.core.framework.types_pb2 import DT_BFLOAT16, DT_DOUBLE, DT_FLOAT, DT_HALF
    from tensorflow.python.eager import context

    context.context().enable_run_metadata()
    context.context().export_run_metadata()  # Of what ran before.
    step(*arguments)
    graphs = context.context().export_run_metadata().function_graphs
    context.context().disable_run_metadata()
    floats = {DT_BFLOAT16, DT_DOUBLE, DT_FLOAT, DT_HALF}
    return Counter(
        node.op
        for graph in graphs
        for node in graph.post_optimization_graph.node
        if node.op not in RENAMING
        and node.op not in ("_Arg", "_Retval")
        and any(node.attr[name].type in floats for name in ("T", "DstT", "dtype"))
    )


def compiled(text: str) -> Counter[str]:
    """The instructions of an HLO module's entry that are kernels."""
    entry = text[text.index("\nENTRY ") :].split("\n}", 1)[0]
    names = re.findall(r"^\s+(?:ROOT )?\S+ = (?:\(.*?\)|\S+) ([a-z][\w-]*)\(", entry, re.M)
    return Counter(name for name in names if name not in NO_KERNELS)


def row(name: str, counts: Counter[str]) -> str:
    """The counts in one line: all, of each kind, and the most frequent others."""
    kinds = {
        kind: sum(count for each, count in counts.items() if re.search(pattern, each))
        for kind, pattern in KINDS.items()
    }
    parts = [f"{count} {kind}" for kind, count in kinds.items()]
    rest = {each: n for each, n in counts.items() if not re.search("|".join(KINDS.values()), each)}
    frequent = ", ".join(f"{n} {each}" for each, n in Counter(rest).most_common(12))
    return f"  {name}: {counts.total()} in all; {', '.join(parts)}; {frequent}"


if __name__ == "__main__":
    main()
