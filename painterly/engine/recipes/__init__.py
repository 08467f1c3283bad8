"""The recipes that minimise a loss, each in one file; for `instant` see engine/instant.

`settings/recipes.py` has what needs no TensorFlow.
"""

from painterly.engine.recipes.base import Recipe
from painterly.engine.recipes.default import Default, Moments
from painterly.engine.recipes.gatys import Gatys
from painterly.engine.recipes.inetwork import INetwork
from painterly.settings.settings import Settings

_RECIPES: dict[str, Recipe] = {
    "default": Default(),
    "moments": Moments(),
    "inetwork": INetwork(),
    "gatys": Gatys(),
}


def recipe_of(settings: Settings) -> Recipe:
    """Return the recipe that the settings name."""
    return _RECIPES[settings.recipe]
