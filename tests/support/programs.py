"""The programs, with a VGG19 of few channels, for processes that have loaded TensorFlow."""

import dataclasses
import hashlib
import sys

from painterly.cli import app
from painterly.cli.command import inetwork, main
from painterly.configuration import config
from painterly.orders.network_pool import NetworkPool
from support import stand_in, tiny


def batch() -> None:
    """The batch, as `python -m painterly` runs it."""
    NetworkPool.build = lambda *_: tiny.network()
    app.leave(main([]))


def batch_without_tensorflow(every: str = "60") -> None:
    """The batch with an engine that needs no TensorFlow, and a checkpoint every `every` seconds: a
    user's shortest is a second, longer than a painting takes here."""
    stand_in.install()
    load = config.load
    config.load = lambda *given: dataclasses.replace(load(*given), checkpoint_every=float(every))
    app.leave(main([]))


def picture_without_tensorflow(every: str, *words: str) -> None:
    """One picture with the same engine and time between checkpoints."""
    stand_in.install()
    load = config.load
    config.load = lambda *given: dataclasses.replace(load(*given), checkpoint_every=float(every))
    app.leave(inetwork(words))


def batch_on_two_devices() -> None:
    """The same on two devices."""
    from painterly.devices import choose

    devices = tuple(stand_in.Device(f"CPU:{number}", f"half {number}") for number in range(2))
    choose.choose_devices = lambda wanted: choose.Devices(devices)
    batch_without_tensorflow()


def batch_on_two_halves_of_the_cpu() -> None:
    """Runs the batch with two logical devices of the CPU and a worker for each, as GPUs have.

    A GPU's memory and kernels are not tried, and tests/devices/ tests its set-up. Apart from the
    log it prints the device of each network's kernels.
    """
    from painterly.devices import choose
    from painterly.engine import extractor
    from painterly.vgg import network
    from painterly.vgg.network import VGG

    # Then kernels are tensors on a device: they are too large for constants.
    network.MAX_CONSTANT_BYTES, extractor.WEIGHT_COPIES = 0, 10**12
    config = choose.tf.config
    halves = [config.LogicalDeviceConfiguration()] * 2
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], halves)
    devices = tuple(choose.Device(f"CPU:{number}", f"half {number}") for number in range(2))
    choose.choose_devices = lambda wanted: choose.Devices(devices)
    networks = []
    tiny.compute_in_float32()
    NetworkPool.build = lambda *_: networks.append(VGG(tiny.weights())) or networks[-1]
    code = main([])
    for vgg in networks:
        tensors = choose.tf.nest.flatten([*vgg._converted.values()])
        print("kernels on", *{tensor.device for tensor in tensors})
    if "keras" in sys.modules:
        print("Keras was loaded, which takes seconds")
    app.leave(code)


def on_the_second_half_of_the_cpu() -> None:
    """A dry run, the batch and one picture, with a logical device of the CPU before the one that
    is chosen, like a GPU that does not work. TensorFlow logs each operation with its device; each
    program is followed by the devices whose memory was asked for."""
    from painterly.devices import choose, memory

    config = choose.tf.config
    halves = [config.LogicalDeviceConfiguration()] * 2
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], halves)
    choose.tf.debugging.set_log_device_placement(True)
    chosen = choose.Devices((choose.Device("CPU:1", "the second half"),))
    choose.choose_devices = lambda wanted: chosen
    name, names = memory.device_name, set()
    memory.device_name = lambda: names.add(name()) or name()
    words_of_one = "photos/beach.jpg paintings/monet.jpg x --size 64 --num_iter 1"
    for program, words in (
        (main, "--dry-run"),
        (main, ""),
        (inetwork, words_of_one),
    ):
        code = program(words.split())
        print("memory of", *names, flush=True)
        names.clear()
        if code:
            break
    app.leave(code)


def deterministic_picture() -> None:
    """Prints a hash of a picture painted deterministically."""
    from painterly import Settings, stylize

    settings = Settings(size=96, iterations=4, deterministic=True)
    steps = stylize(tiny.picture(72, 96), [tiny.picture(80, 80, 2)], settings, tiny.network())
    print(hashlib.sha256(tiny.last(steps).image.tobytes()).hexdigest())
    app.leave(0)
