"""The engine's step as a portable program: TensorFlow exports it as StableHLO, JAX runs it.

    python bench/portable_step.py --jax-python PYTHON --out FOLDER [--sizes 512 1024]
        [--photo FILE] [--painting FILE] [--weights FILE] [--precision P] [--style-statistics S]

FOLDER receives a program for each size (step_512.stablehlo), the arguments of the smallest size
with the network's weights, TensorFlow's results for them on the CPU, and the tables,
portable_step.md. JAX has an environment of its own (bench/requirements.txt). The folder can be
copied to another machine. There, in JAX's environment,

    python bench/portable_step.py --out FOLDER

runs the programs on JAX's device, without TensorFlow or the engine. With
`--export` instead of `--jax-python` the programs are only written.

Three steps at the smallest size are compared, after TensorFlow has taken some: Adam's first step
has the same length for every pixel, even where rounding alone decides its direction. Still,
rounding errors grow from step to step, so TensorFlow is also compared with itself, starting from a
picture that is rounded differently. Larger sizes are only timed, with the arguments of the smallest
enlarged. Memory is what XLA plans for a step, and the device's peak, including XLA's autotuning.
"""

import argparse
import dataclasses
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from markdown_page import table
from repository import REPOSITORY

STABLEHLO = "1.0.0"  # Every later version reads it.
STEPS_BEFORE = 20
STEPS = 3
ROUNDING = 1e-7  # float32's, of values near 1
DIFFERENCES = ("what differs", "JAX: most", "rms", "TensorFlow itself: most", "rms")
SPEEDS = (
    "px",
    "a step, s",
    "GiB, planned",
    "GiB, most",
    "TFLOP/s of convolutions",
    "of bfloat16's peak",
)
REPEATS = 5  # timed, after one for warm-up
MATMUL = 16384  # rows and columns of the matrices that measure the peak


def main() -> None:
    """Exports the programs and runs them with --jax-python; without it, runs them here."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the programs")
    parser.add_argument("--jax-python", help="Python of the JAX environment")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512], help="longer sides in px")
    parser.add_argument("--photo", type=Path, default=REPOSITORY / "samples/photos/landscape.jpg")
    parser.add_argument(
        "--painting", type=Path, default=REPOSITORY / "samples/paintings/mosaic.jpg"
    )
    parser.add_argument("--precision", default="float32", help="of convolutions")
    parser.add_argument("--style-statistics", default="moments", help="moments or gram")
    parser.add_argument("--weights", default="random", help="a file of VGG19, or random")
    parser.add_argument("--export", action="store_true", help="only export, and run nothing")
    args = parser.parse_args()
    if args.jax_python is None and not args.export:
        run(args.out)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    export(args)
    if args.jax_python is None:
        return
    subprocess.run([args.jax_python, __file__, "--out", str(args.out)], check=True)


def export(args: argparse.Namespace) -> None:
    """Writes the programs, arguments.npz, expected.npz and about.json with TensorFlow."""
    from styletransfer.devices.native_stderr import hold_native_stderr

    with hold_native_stderr():
        import tensorflow as tf
        from tensorflow.compiler.mlir.stablehlo import stablehlo

        from styletransfer import Settings, load_vgg
        from styletransfer.devices import tensorflow
        from styletransfer.engine import pyramid
        from styletransfer.engine.objective import Objective
        from styletransfer.engine.optimizers import (
            State,
            averaging_decay,
            initial_content_weight,
        )
        from styletransfer.engine.program import StepParams, program
        from styletransfer.engine.style_targets import StyleTargets
        from styletransfer.engine.transport import by_products
        from styletransfer.images.arrays import fit_size
        from styletransfer.images.decode import decode
        from styletransfer.vgg.network import poolings_before

        tensorflow.choose_devices("cpu")
        vgg = load_vgg("vgg19", args.weights)
    photo, painting = (
        decode(path.read_bytes(), path.name).pixels for path in (args.photo, args.painting)
    )
    settings = Settings(precision=args.precision, style_statistics=args.style_statistics)
    objective = Objective.of(settings, vgg)
    losses = dataclasses.replace(objective.losses, displacements=by_products)  # As on a GPU.
    objective = dataclasses.replace(objective, losses=losses)
    sizes = {longer: fit_size(*photo.shape[:2], longer) for longer in sorted(set(args.sizes))}
    smallest = next(iter(sizes.values()))
    scaled = pyramid.resample(pyramid.to_batch(photo), smallest)
    problem = objective.problem(scaled, StyleTargets([painting]).groups(objective, smallest), None)
    on_canvas = objective.canvas(smallest).padded(scaled)
    problem = objective.matched(problem, on_canvas, scaled)
    step_of = program(objective, problem).step
    decay = averaging_decay(STEPS_BEFORE, settings.averaging)
    numbers = StepParams.of(settings, settings.learning_rate, decay, steering=0.0)
    [params] = StepParams.packed([numbers])
    canvases = {longer: objective.canvas(size).size for longer, size in sizes.items()}
    state = State.start(on_canvas, initial_content_weight(settings))
    for _ in range(STEPS_BEFORE):
        state, _ = step_of(state, problem, params)
    structure = (state, problem, params)
    arguments = tf.nest.flatten(structure)

    def step(flat: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return tf.nest.flatten(step_of(*tf.nest.pack_sequence_as(structure, flat)))

    noise = tf.random.stateless_uniform(on_canvas.shape, [0, 0], -ROUNDING, ROUNDING)
    expected = taken(step, arguments)
    itself = taken(step, [state.image * (1 + noise), *arguments[1:]])
    np.savez(args.out / "expected.npz", **expected)

    compiled, shapes = tf.function(lambda *flat: step(flat), jit_compile=True), {}
    for longer, size in canvases.items():
        specs = [
            tf.TensorSpec(enlarged(x.shape, canvases[min(sizes)], size), x.dtype) for x in arguments
        ]
        text = compiled.experimental_get_compiler_ir(*specs)(stage="stablehlo")
        artifact = stablehlo.serialize_portable_artifact_str(text, STABLEHLO)
        (args.out / f"step_{longer}.stablehlo").write_bytes(artifact)
        # The captured tensors, the network's weights, are the last arguments.
        captured = compiled.get_concrete_function(*specs).captured_inputs
        shapes[longer] = [each.shape.as_list() for each in (*specs, *captured)]
    # NumPy cannot save bfloat16.
    values = [tf.cast(each, tf.float32).numpy() for each in (*arguments, *captured)]
    np.savez(args.out / "arguments.npz", *values)
    about = {
        "title": f"{args.photo.name} by {args.painting.name}, weights {vgg.identity}, "
        f"{args.style_statistics}, convolutions in {objective.options.dtype.name}; "
        f"TensorFlow {tf.__version__} on the CPU",
        "types": [each.dtype.name for each in (*arguments, *captured)],
        "shapes": shapes,
        # Forward and backward, a multiplication and an addition each.
        "operations_a_pixel": sum(
            4 * kernel.shape.num_elements() / 4 ** poolings_before(layer)
            for layer, (kernel, _) in vgg.tensors(objective.options.dtype).items()
            if layer <= max(objective.layers)  # No deeper one is computed.
        ),
        "itself": differences(itself, expected),
    }
    (args.out / "about.json").write_text(json.dumps(about))


def enlarged(shape: Sequence[int], of: tuple[int, int], to: tuple[int, int]) -> list[int]:
    """The shape of a picture or a feature [1, h, w, C], or of a picture's contours, for a canvas of
    another (height, width); other shapes are returned unchanged."""
    if len(shape) != 4:
        return list(shape)
    side = 2 ** round(np.log2(of[0] / shape[1]))
    less = of[0] // side - shape[1]  # Differences of neighbours are one less than pixels.
    return [1, *(each // side - less for each in to), shape[3]]


def taken(
    step: Callable[[Sequence[Any]], Sequence[Any]], arguments: Sequence[Any]
) -> dict[str, np.ndarray]:
    """The picture and the weighted terms after each of STEPS steps. step: arguments, which begin
    with the state, which begins with the picture → the next state, and the terms."""
    found = {}
    for number in range(1, STEPS + 1):
        *state, terms = step(arguments)
        arguments = [*state, *arguments[len(state) :]]
        found[f"the picture after step {number}"] = np.asarray(state[0])
        found[f"the terms of step {number}"] = np.asarray(terms)
    return found


def differences(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
    """The largest and the root mean square difference, relative to the picture's largest value or
    to each term."""
    found_differences = {}
    for name, right in expected.items():
        scale = np.abs(right) if "terms" in name else np.abs(right).max()
        off = np.abs(found[name] - right) / scale
        found_differences[name] = float(off.max()), float(np.sqrt((off**2).mean()))
    return found_differences


def run(folder: Path) -> None:
    """Compares and times the programs with JAX; writes and prints the tables."""
    import jax
    import jax.numpy as jnp

    device, about = jax.devices()[0], json.loads((folder / "about.json").read_text())
    with np.load(folder / "arguments.npz") as file:
        values = list(file.values())
    rows = []
    for size, shapes in about["shapes"].items():
        program, arguments = loaded(folder, size, device), arguments_of(values, about, size)
        if not rows:
            found = taken(program.execute, arguments)
        seconds = timed(program.execute, arguments)
        plan, memory = program.get_compiled_memory_stats(), device.memory_stats()
        planned = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
        most = f"{memory['peak_bytes_in_use'] / 2**30:.2f}" if memory else "–"
        speed = about["operations_a_pixel"] * np.prod(shapes[0][1:3]) / seconds
        rows.append([size, f"{seconds:.4f}", f"{planned / 2**30:.2f}", most, speed])
    peak = 0.0
    if device.platform != "cpu":
        matrix = jax.random.normal(jax.random.key(0), [MATMUL, MATMUL], jnp.bfloat16)
        peak = 2 * MATMUL**3 / timed(jax.jit(jnp.matmul), matrix, matrix)
    for row in rows:
        speed = row.pop()
        row += [f"{speed / 1e12:.2f}", f"{speed / peak:.1%} of {peak / 1e12:.0f}" if peak else "–"]

    with np.load(folder / "expected.npz") as file:
        compared = [
            [name, *(f"{each:.0e}" for each in (*off, *about["itself"][name]))]
            for name, off in differences(found, dict(file)).items()
        ]
    title = f"{about['title']}; JAX {jax.__version__} on {device.device_kind}"
    text = "\n\n".join([title, table(DIFFERENCES, compared), table(SPEEDS, rows)])
    (folder / "portable_step.md").write_text(f"{text}\n")
    print(text)


def loaded(folder: Path, size: str, device: Any) -> Any:
    """A size's program, compiled for one of JAX's devices."""
    from jax.extend.backend import get_compile_options

    artifact = (folder / f"step_{size}.stablehlo").read_bytes()
    return device.client.compile_and_load(artifact, [device], get_compile_options(1, 1))


def arguments_of(values: Sequence[np.ndarray], about: dict[str, Any], size: str) -> list[Any]:
    """The arguments of a size's program: those of the smallest size, enlarged."""
    import jax

    return [
        jax.image.resize(value, shape, "linear").astype(dtype)
        for value, shape, dtype in zip(values, about["shapes"][size], about["types"], strict=True)
    ]


def timed(compute: Callable[..., Any], *arguments: Any) -> float:
    """The median of the seconds of REPEATS calls."""
    import jax

    seconds = []
    for _ in range(1 + REPEATS):
        started = time.perf_counter()
        jax.block_until_ready(compute(*arguments))
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])


if __name__ == "__main__":
    main()
