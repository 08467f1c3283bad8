"""`python two_lanes.py`: the batch on two devices, as on a machine with two GPUs. For want of them
they are two halves of the CPU, which TensorFlow keeps apart in the same way. Prints, beside the
log, on which of them each network's kernels lay."""

import sys
from pathlib import Path


def main() -> None:
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    import tiny

    from styletransfer import __main__ as script
    from styletransfer import device
    from styletransfer.networks import Networks
    from styletransfer.vgg import VGG

    config = device.tf.config
    halves = [config.LogicalDeviceConfiguration()] * 2
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], halves)
    lanes = tuple(device.Device(f"CPU:{number}", f"half {number}") for number in range(2))
    device.choose = lambda wanted: device.Devices(lanes)
    networks = []
    Networks._load = lambda *_: networks.append(VGG(tiny.weights())) or networks[-1]
    code = script.main([])
    for vgg in networks:
        tensors = device.tf.nest.flatten([*vgg._tensors.values()])
        print("kernels on", *{tensor.device for tensor in tensors})
    if "keras" in sys.modules:
        print("Keras was loaded, which takes seconds")
    script.leave(code)


if __name__ == "__main__":
    main()
