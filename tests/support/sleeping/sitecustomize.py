"""With this folder on PYTHONPATH, Python paints with support.stand_in instead of TensorFlow. Many
processes can paint so at once on a few cores. Everything else is as usual: reading, checkpoints,
results, records. LEASE_S, if set, is the number of seconds after which the jobs of a web service's
dead worker are free.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.append(str(Path(__file__).parents[2]))


def tensorflow():
    return {"device": lambda name: contextlib.nullcontext()}


def places():
    return {"device_share": lambda *_: (1, None)}


def devices():
    from support.stand_in import Device

    found = SimpleNamespace(all=(Device(),), first=Device())
    return {"Device": Device, "Devices": object, "choose_devices": lambda wanted: found}


def engine():
    from support import stand_in

    return vars(stand_in)


MODULES = {
    "tensorflow": tensorflow,
    "styletransfer.batch.places": places,
    "styletransfer.devices.tensorflow": devices,
    "styletransfer.engine.memory_available": lambda: {"MemoryBudget": lambda *_: None},
    "styletransfer.engine.memory_model": engine,
    "styletransfer.engine.style_targets": engine,
    "styletransfer.engine.stylize": engine,
    "styletransfer.vgg.network": engine,
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds these modules here."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name in MODULES else None

    def exec_module(self, module):
        content = MODULES[module.__name__]()
        vars(module).update({k: v for k, v in content.items() if not k.startswith("__")})


sys.meta_path.insert(0, Finder())
if "LEASE_S" in os.environ:
    from styletransfer.web import lease

    lease.LEASE_S = float(os.environ["LEASE_S"])
    lease.RENEW_S = lease.LEASE_S / 5
