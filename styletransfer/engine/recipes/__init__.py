"""The recipes, each in one file. `settings.RECIPES` has what needs no TensorFlow."""

from styletransfer.engine.recipes.base import Recipe
from styletransfer.engine.recipes.default import Default, Moments
from styletransfer.engine.recipes.gatys import Gatys
from styletransfer.engine.recipes.inetwork import INetwork
from styletransfer.engine.recipes.instant import Instant
from styletransfer.settings import Settings

_RECIPES: dict[str, Recipe] = {
    "default": Default(),
    "moments": Moments(),
    "inetwork": INetwork(),
    "gatys": Gatys(),
    "instant": Instant(),
}


def recipe_of(settings: Settings) -> Recipe:
    """Return the recipe that the settings name."""
    return _RECIPES[settings.recipe]
