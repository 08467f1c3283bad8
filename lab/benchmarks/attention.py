"""Measures recipe `attention` with random weights of Stable Diffusion 1.5's architecture.

    python lab/benchmarks/attention.py [--sizes 512 ...] [--precisions bfloat16 float16 float32]
        [--modes plain parts compiled] [--steps 200] [--ahead 2]
        [--trials 5] [--paint MODE ...] [--widths 320 640 1280 1280] [--device auto|cpu]

It needs TensorFlow and NumPy only. Each line is printed as soon as it is known. Modes:

- plain: TensorFlow launches each operation
- parts: XLA compiles norms and attentions only
- compiled: XLA compiles a whole step

--ahead is the number of steps for which the photo's and the painting's features are computed at
once. --paint names the modes that paint a whole picture of --steps steps in a new program: from
nothing traced to the decoded picture.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import tensorflow as tf

from painterly.attention import distillation as recipe
from painterly.attention.diffusion import unet
from painterly.attention.diffusion.autoencoder import Autoencoder
from painterly.attention.diffusion.text import empty_prompt
from painterly.attention.diffusion.unet import UNet
from painterly.attention.diffusion.weights import RandomTensors

MODES = ("plain", "parts", "compiled")
BEGAN = time.perf_counter()


def main() -> None:
    """Measure each size and precision."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512], help="px, multiples of 64")
    parser.add_argument("--precisions", nargs="+", default=["bfloat16", "float16"])
    parser.add_argument("--modes", nargs="*", choices=MODES, default=MODES)
    parser.add_argument("--paint", nargs="*", choices=MODES, default=["plain", "compiled"])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--ahead", type=int, default=2)
    parser.add_argument("--trials", type=int, default=5, help="steps that are timed")
    parser.add_argument("--widths", type=int, nargs=4, default=unet.WIDTHS, help="of the UNet")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto")
    args = parser.parse_args()
    if args.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
        say(f"{tf.config.experimental.get_device_details(gpu).get('device_name')}")
    tf.config.experimental.enable_tensor_float_32_execution(False)
    say(f"TensorFlow {tf.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    weights = [RandomTensors(number) for number in range(2)]
    context, seconds = timed(lambda: empty_prompt(RandomTensors(2)))
    say(f"text encoder with its random weights: {seconds:.1f} s")
    for precision in args.precisions:
        for size in args.sizes:
            Measured(weights, context, tf.as_dtype(precision), size, args).run()


def say(line: str) -> None:
    """Print a line at once."""
    print(f"{time.perf_counter() - BEGAN:7.1f} s  {line}", flush=True)


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return a function's value, and the seconds until it is known on the host."""
    began = time.perf_counter()
    value = function()
    for each in tf.nest.flatten(value):
        tf.reshape(each, [-1])[:1].numpy()
    return value, time.perf_counter() - began


class Measured:
    """The measurements at a size and precision."""

    def __init__(
        self,
        weights: list[RandomTensors],
        context: tf.Tensor,
        dtype: tf.DType,
        size: int,
        args: argparse.Namespace,
    ) -> None:
        self.weights, self.context, self.dtype, self.args = weights, context, dtype, args
        self.title = f"{size} px, {dtype.name}"
        generator = np.random.default_rng(0)
        self.photo, self.painting = (
            tf.constant(generator.random((1, size, size, 3), np.float32)) for _ in range(2)
        )
        self.times = tf.constant(recipe.times_of(args.steps), tf.int32)
        self.autoencoder = Autoencoder(weights[1], dtype)

    def run(self) -> None:
        """Measure and print."""
        self.latents = [self.encoded(picture) for picture in (self.photo, self.painting)]
        for mode in self.args.modes:
            self.guarded(mode, self.measure)
        self.decoded(self.latents[0])
        for mode in self.args.paint:
            self.guarded(mode, self.paint)

    def guarded(self, mode: str, function: Callable[[str], None]) -> None:
        """Call a function, and print its error if it has one."""
        try:
            function(mode)
        except Exception as error:
            say(f"{self.title}, {mode}: FAILED: {' '.join(str(error).split())[:600]}")

    def encoded(self, picture: tf.Tensor) -> tf.Tensor:
        """Encode a picture."""
        encode = tf.function(self.autoencoder.encode, autograph=False)
        forget_peak()
        latent, first = timed(lambda: encode(picture))
        _, seconds = timed(lambda: encode(picture))
        say(
            f"{self.title}: encode {seconds:.3f} s (first {first:.1f} s), {peak()}; "
            f"deviation {float(tf.math.reduce_std(latent)):.3g}"
        )
        return latent / tf.math.reduce_std(latent)

    def decoded(self, latent: tf.Tensor) -> None:
        """Decode a latent."""
        decode = tf.function(self.autoencoder.decode, autograph=False)
        forget_peak()
        _, first = timed(lambda: decode(latent))
        _, seconds = timed(lambda: decode(latent))
        say(f"{self.title}: decode {seconds:.3f} s (first {first:.1f} s), {peak()}")

    def functions(self, mode: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return the functions that compute features and take a step."""
        compiled = mode.startswith("compiled")
        network = UNet(
            self.weights[0],
            self.dtype,
            widths=self.args.widths,
            joins=mode == "parts",
        )
        method = recipe.Distillation(network, self.context)

        def features(latent: tf.Tensor, times: tf.Tensor) -> Any:
            return [each[:3] for each in method.seen(latent, times)]

        def step(state: recipe.Latent, time: tf.Tensor, wanted: Any, at: tf.Tensor) -> Any:
            one = tf.constant(1.0)
            weighing = recipe.Weighing(((one,),) * len(wanted), ((None,),) * len(wanted))
            weights = tf.constant([0.25, 1.0])
            found, direction = method.gradient(state.latent, time, wanted, weighing, at, weights)
            return recipe.adam(state, direction, 0.05), found

        made = [
            tf.function(each, autograph=False, jit_compile=compiled or None)
            for each in (features, step)
        ]
        return made[0], made[1]

    def wanted(self, features: Callable[..., Any], number: int) -> list[recipe.Wanted]:
        """Return what steps from this number on are compared with."""
        times = self.times[number : number + self.args.ahead]
        photo, painting = (features(latent, times) for latent in self.latents)
        return [
            recipe.Wanted(q, (k,), (v,))
            for (q, _, _), (_, k, v) in zip(photo, painting, strict=True)
        ]

    def measure(self, mode: str) -> None:
        """Measure features and steps in a mode."""
        features, step = self.functions(mode)
        state, title = recipe.Latent.start(self.latents[0]), f"{self.title}, {mode}"
        forget_peak()
        wanted, first = timed(lambda: self.wanted(features, 0))
        _, seconds = timed(lambda: self.wanted(features, 0))
        say(
            f"{title}: features of two pictures at {self.args.ahead} times {seconds:.3f} s "
            f"(first {first:.1f} s), {peak()}"
        )
        forget_peak()
        at = tf.constant(0)
        (_, found), first = timed(lambda: step(state, self.times[:1], wanted, at))
        after = state
        trials = self.args.trials
        began = time.perf_counter()
        for _ in range(trials):
            after, found = step(after, self.times[:1], wanted, at)
        found = found.numpy()
        one = (time.perf_counter() - began) / trials
        whole = self.args.steps * (one + seconds / self.args.ahead)
        finite = bool(np.isfinite(after.latent.numpy()).all())
        moved = float(tf.reduce_mean(tf.abs(after.latent - state.latent)))
        say(
            f"{title}: step {one:.4f} s (first {first:.1f} s), {peak()}; errors "
            f"{found[0]:.4g} {found[1]:.4g}, moved {moved:.4f}, finite {finite}; "
            f"{self.args.steps} steps would take {whole:.1f} s"
        )

    def paint(self, mode: str) -> None:
        """Paint a picture from nothing traced to the end."""
        forget_peak()
        began = time.perf_counter()
        features, step = self.functions(mode)
        state = recipe.Latent.start(tf.identity(self.latents[0]))
        seconds: list[float] = []
        for number in range(self.args.steps):
            at = number % self.args.ahead
            if at == 0:
                wanted = self.wanted(features, number)
            time_now = self.times[number : number + 1]
            state, found = step(state, time_now, wanted, tf.constant(at))
            if number in (0, self.args.ahead, self.args.steps // 2):
                found.numpy()
                seconds.append(time.perf_counter() - began)
        state.latent.numpy()
        seconds.append(time.perf_counter() - began)
        picture = tf.function(self.autoencoder.decode, autograph=False)(state.latent).numpy()
        say(
            f"{self.title}, {mode}: PAINTED {self.args.steps} steps and decoded in "
            f"{time.perf_counter() - began:.1f} s; after step 1, {self.args.ahead + 1}, half and "
            f"all: {', '.join(f'{each:.1f}' for each in seconds)} s; {peak()}; finite "
            f"{bool(np.isfinite(picture).all())}"
        )


def forget_peak() -> None:
    """Forget the memory's peak so far."""
    if tf.config.get_visible_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")


def peak() -> str:
    """Return the peak of the GPU's memory."""
    if not tf.config.get_visible_devices("GPU"):
        return "on the CPU"
    used = tf.config.experimental.get_memory_info("GPU:0")
    return f"peak {used['peak'] / 1e9:.2f} GB (now {used['current'] / 1e9:.2f} GB)"


if __name__ == "__main__":
    main()
