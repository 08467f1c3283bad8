"""`python two_devices.py`: the batch on two devices, as on a machine with two GPUs.

They are two halves of the CPU, which TensorFlow separates in the same way. Prints, after the log,
on which of them each network's kernels were."""

import sys
from pathlib import Path


def main() -> None:
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.cli import app, paint
    from styletransfer.devices import tensorflow
    from styletransfer.vgg.network import VGG
    from support import tiny

    config = tensorflow.tf.config
    halves = [config.LogicalDeviceConfiguration()] * 2
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], halves)
    devices = tuple(tensorflow.Device(f"CPU:{number}", f"half {number}") for number in range(2))
    tensorflow.choose_devices = lambda wanted: tensorflow.Devices(devices)
    networks = []
    NetworkPool.build = lambda *_: networks.append(VGG(tiny.weights())) or networks[-1]
    code = paint.main([])
    for vgg in networks:
        tensors = tensorflow.tf.nest.flatten([*vgg._tensors.values()])
        print("kernels on", *{tensor.device for tensor in tensors})
    if "keras" in sys.modules:
        print("Keras was loaded, which takes seconds")
    app.leave(code)


if __name__ == "__main__":
    main()
