"""The plug-in of recipe `attention`, imported with the settings: without NumPy."""

from typing import TYPE_CHECKING

from painterly.attention.constants import ACCEPTS, LICENCE, MIRROR, NATIVE, NETWORK, WEIGHTS
from painterly.settings.traits import Plugin, Traits, Variable
from painterly.settings.values import parse_bool

if TYPE_CHECKING:  # Nothing here is loaded before it is needed.
    from painterly.attention.diffusion.weights import DiffusionWeights
    from painterly.attention.transfer import AttentionTransfer
    from painterly.attention.weights import AttentionWeights
    from painterly.devices.budget import MemoryBudget
    from painterly.engine.schedule import Schedule
    from painterly.engine.transfer import TransferInputs
    from painterly.settings.settings import Settings
    from painterly.vgg.network import VGG

VARIABLES = {
    WEIGHTS: Variable(
        lambda text: None if text == "bucket:" else text,
        "a folder, or bucket:PREFIX (in the style bucket)",
    ),
    ACCEPTS: Variable(parse_bool, "1 or 0"),
}


class AttentionPlugin(Plugin):
    """Recipe `attention`, and its preset `master`."""

    recipe, preset = "attention", "master"
    traits = Traits(
        {"iterations": 200, "learning_rate": 0.05}, network="builtin", grows=False, native=NATIVE
    )
    meaning = "`attention` compares what Stable Diffusion's network attends to, on a GPU"
    network, licence = f"{NETWORK} ({LICENCE.name})", LICENCE
    names_weights, form_of_weights = WEIGHTS, "FOLDER"
    variables, fetch_variables = VARIABLES, (MIRROR,)
    about_naming = (
        "for recipe attention, a folder with Stable Diffusion's files (default: "
        f"{WEIGHTS}, or weights/attention)"
    )
    about_fetching = (
        f"for recipe attention, {NETWORK}'s (2.1 GB). The licence of the latter, {LICENCE.name}, "
        f"forbids some uses; it is shown, and {ACCEPTS}=true accepts it unasked. {MIRROR} names "
        "another address that has them"
    )
    about_checking = f"test the files that are here, or that {WEIGHTS} names"

    def weights(self) -> "AttentionWeights":
        """Return the source of its weights."""
        from painterly.attention.weights import AttentionWeights

        return AttentionWeights()

    def prepared(
        self,
        inputs: "TransferInputs",
        vgg: "VGG",
        weights: "DiffusionWeights | None",
        budget: "MemoryBudget",
    ) -> "AttentionTransfer":
        """Return a photo prepared to be painted."""
        from painterly.attention.transfer import AttentionTransfer

        if weights is None:
            raise ValueError(f"recipe {self.recipe} needs the weights of {NETWORK}")
        return AttentionTransfer(inputs, weights, vgg, budget)

    def cpu_time(self, settings: "Settings", schedule: "Schedule") -> tuple[float, str]:
        """Return the seconds of a picture on a CPU, and a warning."""
        from painterly.attention.cost import cpu_time

        return cpu_time(settings, schedule)


PLUGIN = AttentionPlugin()
