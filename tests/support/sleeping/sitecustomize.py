"""With this folder on PYTHONPATH, Python paints without TensorFlow: each picture takes PAINTING_S
seconds of sleep, and is the photo in the painting's mean colour. All else is as it is: reading,
checkpoints, results, records. Many processes can so paint at once on a few cores.

A photo whose first pixel is (1, 1, 1) kills the process that paints it.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
import types

STEPS = 10
NAMES = (
    "tensorflow",
    "styletransfer.batch.places",
    "styletransfer.devices.tensorflow",
    "styletransfer.engine.memory_available",
    "styletransfer.engine.memory_model",
    "styletransfer.engine.style_targets",
    "styletransfer.engine.stylize",
    "styletransfer.vgg.network",
)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds these modules here."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name in NAMES else None

    def exec_module(self, module):
        vars(module).update(CONTENTS[module.__name__]())


def tensorflow():
    from contextlib import nullcontext

    return {"device": lambda name: nullcontext()}


def places():
    return {"device_share": lambda *_: (1, None)}


def devices():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Device:
        name: str = "CPU:0"

        def __str__(self):
            return "a sleeping device"

        def scope(self):
            return contextlib.nullcontext()

    def choose_devices(wanted):
        return types.SimpleNamespace(all=(Device(),), first=Device())

    return {"Device": Device, "Devices": object, "choose_devices": choose_devices}


def memory_available():
    return {"MemoryBudget": lambda *_: None}


def memory_model():
    return {"MemoryPlan": object}


def style_targets():
    class StyleTargets:
        def __init__(self, paintings, *others):
            self.colour = paintings[0].mean(axis=(0, 1))

    return {"StyleTargets": StyleTargets}


def network():
    class VGG:
        def __init__(self, weights):
            self.identity = weights.identity

    return {"VGG": VGG}


def stylize():
    import numpy as np

    class Plan:
        def __init__(self, size):
            self.size, self.in_all = size, 0
            self.tiling = types.SimpleNamespace(rows=0)

        def __str__(self):
            return "no memory"

    class Step:
        def __init__(self, iteration, image):
            self.iteration, self.total, self.scale = iteration, STEPS, max(image.shape)
            self.fraction, self.eta_s = iteration / STEPS, 0.0
            self.content_weight, self.image = 1.0, image
            self.losses = {"total": float(image.mean())}

        def snapshot(self):
            return {"iteration": np.array(self.iteration), "image": self.image}

    class StyleTransfer:
        def __init__(self, content, styles, settings, vgg, **others):
            self._content, self._colour = content, styles.colour
            self.memory_plan = Plan(content.shape[:2])

        def snapshot_shapes(self, iteration):
            return {"image": self._content.shape} if 0 < iteration < STEPS else {}

        def steps(self, resume=None):
            whole = (self._content / np.float32(255) * self._colour).astype(np.float32)
            if int(self._content[0, 0].sum()) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            first = 1 if resume is None else int(resume["iteration"]) + 1
            for number in range(first, STEPS + 1):
                time.sleep(float(os.environ["PAINTING_S"]) / STEPS)
                yield Step(number, whole)

    return {"Step": Step, "StyleTransfer": StyleTransfer}


CONTENTS = dict(
    zip(
        NAMES,
        (
            tensorflow,
            places,
            devices,
            memory_available,
            memory_model,
            style_targets,
            stylize,
            network,
        ),
        strict=True,
    )
)
sys.meta_path.insert(0, Finder())
