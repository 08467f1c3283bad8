"""Traits of recipes, and plug-ins that add some; without NumPy."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class NativeSteps(NamedTuple):
    """Steps at one size, which the recipe's network was made for. Recipe default finishes larger
    pictures.

    Attributes:
        largest: The longer side in px of the largest picture that these steps paint whole.
        side: The longer side in px at which they paint a larger one.
        work: The work of a step, as a multiple of that of a step of recipe default.
        period: The number of steps after which their times recur.
    """

    largest: int
    side: int
    work: int
    period: int


@dataclass(frozen=True)
class Traits:
    """Properties of a recipe that are known without loading TensorFlow.

    Attributes:
        defaults: How its defaults differ from those of the fields.
        network: The weights of VGG that it paints with: `any`; `published`, any as well, but unless
            others are named the published ones if a cache has them; or `builtin`.
        grows: Whether the picture is painted at a small size first, and then at larger ones.
        optimises: Whether it minimises a loss, in steps that a run can resume after. The other one
            paints in one pass, on the CPU, without TensorFlow.
        relative: Whether its losses are relative to their targets. Others need a number as
            `content_weight`, and do not fit into float16.
        rebuilds: Whether the finished picture is rebuilt from patches of the paintings, in one
            more step; see engine/patches.py.
        draws: Whether the photo is made into a drawing first if the paintings are drawings in ink;
            see engine/abstraction.
        original: Whether it reads pictures as the original script does: alpha and borders are
            ignored, paintings are stretched to the photo's shape, `size` counts rows on the command
            line, and each step is saved.
        native: Its native steps, if it has any.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    network: str = "any"
    grows: bool = True
    optimises: bool = True
    relative: bool = True
    rebuilds: bool = False
    draws: bool = False
    original: bool = False
    native: NativeSteps | None = None


class Variable(NamedTuple):
    """A variable of the environment.

    Attributes:
        parse: Returns the value of its text, or None if that is wrong.
        expected: What is expected, for the message.
    """

    parse: Callable[[str], Any]
    expected: str


class Licence(NamedTuple):
    """A licence: its name, and the address of its text."""

    name: str
    url: str


class Plugin(ABC):
    """A recipe that a separate package adds, with its networks.

    All else asks the plug-in of a picture's settings, and never names the package. The plug-in's
    module is imported with the settings, so its methods import what they need. Higher layers have
    the types of their arguments.

    Attributes:
        recipe: The recipe's name.
        traits: Its traits.
        meaning: What it does, for the setting `recipe`.
        preset: The preset that paints by it, which is offered where a GPU paints.
        network: The network's name, in records and for people.
        licence: The licence of its weights.
        variables: The variables that a run reads, by name.
        fetch_variables: The names of those that only fetching its weights reads.
        names_weights: The one that names its weights; `--weights` takes its place.
        form_of_weights: What names them on the command line.
        about_naming: What `--weights` names, and its default, for the help.
        about_fetching, about_checking: What `painterly weights` does with its weights.
    """

    recipe: str
    traits: Traits
    meaning: str
    preset: str
    network: str
    licence: Licence
    variables: Mapping[str, Variable]
    fetch_variables: Sequence[str]
    names_weights: str
    form_of_weights: str
    about_naming: str
    about_fetching: str
    about_checking: str

    @abstractmethod
    def weights(self) -> Any:
        """Return the source of its weights, a PluginWeights; see orders/plugin_weights.py."""

    @abstractmethod
    def prepared(self, inputs: Any, vgg: Any, weights: Any, budget: Any) -> Any:
        """Return a photo prepared to be painted. Arguments and errors as in
        `engine.stylize.prepared`."""

    @abstractmethod
    def cpu_time(self, settings: Any, schedule: Any) -> tuple[float, str]:
        """Return the seconds that a picture takes on this machine's CPU, and a warning that names
        them, and what is faster.

        Args:
            settings: The settings.
            schedule: The steps.
        """
