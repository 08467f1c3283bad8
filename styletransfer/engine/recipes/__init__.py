"""The recipes that minimise a loss, each in one file; for `instant` see instant.py.

`settings.RECIPES` has what needs no TensorFlow.
"""

from styletransfer.engine.recipes.base import Recipe
from styletransfer.engine.recipes.default import Default, Moments
from styletransfer.engine.recipes.gatys import Gatys
from styletransfer.engine.recipes.inetwork import INetwork
from styletransfer.settings import Settings

_RECIPES: dict[str, Recipe] = {
    "default": Default(),
    "moments": Moments(),
    "inetwork": INetwork(),
    "gatys": Gatys(),
}


def recipe_of(settings: Settings) -> Recipe:
    """Return the recipe that the settings name."""
    return _RECIPES[settings.recipe]
