"""With this folder on PYTHONPATH, Python paints with support.stand_in instead of TensorFlow. Many
processes can paint so at once on a few cores. Everything else is as usual: reading, checkpoints,
results, records. LEASE_S, if set, is the number of seconds after which the jobs of a web service's
dead worker are free.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
MODULES = (
    "tensorflow",
    "painterly.devices.choose",
    "painterly.devices.memory",
    "painterly.engine.style_transfer",
    "painterly.engine.stylize",
    "painterly.vgg.network",
)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds support.stand_in under the name of each of these modules."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name in MODULES else None

    def exec_module(self, module):
        from support import stand_in

        vars(module).update({k: v for k, v in vars(stand_in).items() if not k.startswith("__")})


sys.meta_path.insert(0, Finder())
if "LEASE_S" in os.environ:
    from painterly.jobs.worker import lease

    lease.LEASE_S = float(os.environ["LEASE_S"])
    lease.RENEW_S = lease.LEASE_S / 5
