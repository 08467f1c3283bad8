"""The distance of a picture from its photo, as `strength` steers it, computed with NumPy."""

import numpy as np
import tensorflow as tf

from painterly import Settings
from painterly.vgg.network import NetworkOptions
from support.detail import numpy_detail


def content_error(vgg, found, photo, painting, flat=0.1):
    """Return ‖F − P‖² at the content layer, relative to ‖P − mean P‖² plus twice its lack of the
    painting's variance; in float64, means over the positions of pictures [H, W, 3], in which flat
    ones of the photo have the weight `flat`."""
    options, layer = NetworkOptions(padding=Settings().padding), Settings().content_layer
    found, wanted, painted = (
        np.float64(vgg.forward(tf.constant(each[None]), [layer], options)[layer][0])
        for each in (found, photo, painting)
    )
    height, width = wanted.shape[:2]
    weight = flat + (1 - flat) * numpy_detail(photo)[: 4 * height, : 4 * width]
    weight = weight.reshape(height, 4, width, 4).mean((1, 3))

    def mean(each):
        return np.average(each, axis=(0, 1), weights=weight)

    own = (mean(wanted**2) - mean(wanted) ** 2).sum()
    norm = own + 2 * max(painted.var((0, 1)).sum() - own, 0)
    return mean(((found - wanted) ** 2).sum(-1)) / norm
