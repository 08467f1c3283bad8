"""Recipe `gatys`: Gatys, Ecker & Bethge 2016, "Image Style Transfer Using Convolutional Neural
Networks", as the paper has it.

The loss is α·L_content + β·L_style, with a fixed ratio α/β, the setting `content_weight`. L_content
is ½ Σ (F − P)² over the features F of the picture and P of the photo at conv4_2. L_style is the
mean over five layers of Σ (G − A)² / (4 N²), with the Gram matrices G of the picture and A of the
painting, of N features each, divided by their numbers of positions. The picture has one size.

The paper's network is normalised: its features are 1 on average. So features are divided by their
mean on one photo here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from painterly.engine.features.sums import Spread, Sums, statistics
from painterly.engine.features.targets import Group
from painterly.engine.recipes.base import Losses, Recipe
from painterly.settings.settings import Settings
from painterly.vgg.network import VGG

# With equal weights. The built-in network has no conv5_1, and leaves it out.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


@dataclass(frozen=True)
class GatysLosses(Losses):
    """The losses of the paper."""

    content_layer: str
    statistics_layers: tuple[str, ...]
    means: tuple[float, ...]  # the mean feature of each style layer, and of the content layer

    def content_norm(
        self, photo: Spread, groups: Sequence[Group], size: tuple[int, int]
    ) -> tf.Tensor:
        return tf.constant(2 * self.means[-1] ** 2, tf.float32)

    def group_style(self, sums: Sequence[Sums], group: Group, positions: tf.Tensor) -> tf.Tensor:
        layers = zip(map(statistics, sums), group.targets, self.means[:-1], strict=True)
        errors = [
            tf.reduce_sum((gram.second - target.second) ** 2)
            / (4 * gram.second.shape[0] ** 2 * mean**4)
            for gram, target, mean in layers
        ]
        return tf.add_n(errors) / len(errors)


class Gatys(Recipe):
    """The recipe of the paper."""

    first_grain = 0.0

    def losses(self, settings: Settings, vgg: VGG) -> Losses:
        layers = tuple(layer for layer in STYLE_LAYERS if layer in vgg.layers)
        means = tuple(vgg.mean_features[layer] for layer in (*layers, settings.content_layer))
        return GatysLosses(settings.content_layer, layers, means)
