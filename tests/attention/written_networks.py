"""Small networks of Stable Diffusion's architecture that pass its self-test, with weights that are
written down: a blank network hands its input on, and a few layers do the work.

The autoencoder takes means of 8 × 8 px. The UNet takes the difference to neighbours for noise, but
at any time that is not the test's, its last block destroys that.
"""

import math
from functools import cache

import numpy as np
import tensorflow as tf

from painterly.attention.diffusion import self_test
from painterly.attention.diffusion.autoencoder import SCALE, Autoencoder
from painterly.attention.diffusion.text import empty_prompt
from painterly.attention.diffusion.unet import UNet
from painterly.attention.diffusion.weights import RandomTensors

SIZE = (64, 128)  # px of the photo
WIDTH = 64  # channels; two form a group
LAST = "up_blocks.3.resnets.2"
TEXT = {"width": 64, "heads": 2, "depth": 2}


class Written:
    """Arrays of zeros, and of ones for scales of norms; `own` has the others by name."""

    def __init__(self, own):
        self.own = own

    def __contains__(self, name):
        return not name.endswith(".query.weight")

    def array(self, name, shape):
        if name in self.own:
            assert self.own[name].shape == shape, name
            return self.own[name]
        return np.full(shape, "norm" in name and name.endswith("weight"), np.float32)

    def swapped(self, one, other):
        """Return the arrays with those of two layers in each other's place."""
        pair = {one: other, other: one}
        blank = np.zeros(
            next(self.own[f"{name}.weight"].shape for name in pair if f"{name}.weight" in self.own),
            np.float32,
        )
        changed = {f"{name}.weight": self.own.get(f"{pair[name]}.weight", blank) for name in pair}
        return Written(self.own | changed)


@cache
def photo():
    """Return a smooth picture [1, 64, 128, 3], sRGB 0…1."""
    coarse = np.random.default_rng(7).random((1, 2, 3, 3), np.float32)
    return tf.image.resize(coarse, SIZE, "bilinear")


@cache
def weights():
    """Return the arrays of UNet, autoencoder and text encoder."""
    autoencoder, text = Written(_autoencoder_arrays()), RandomTensors(3)
    latent = autoencoder_of(autoencoder).encode(photo())
    return Written(_unet_arrays(latent)), autoencoder, text


def autoencoder_of(tensors):
    return Autoencoder(tensors, widths=[WIDTH] * 4)


def unet_of(tensors):
    return UNet(tensors, widths=[WIDTH] * 4, heads=2)


def context_of(tensors):
    return empty_prompt(tensors, **TEXT)


def _center(outputs, inputs, entries):
    """Return a kernel that only computes positions by themselves: (output, input) → factor."""
    kernel = np.zeros((outputs, inputs, 3, 3), np.float32)
    for (output, entered), factor in entries.items():
        kernel[output, entered, 1, 1] = factor
    return kernel


def _autoencoder_arrays():
    same = _center(WIDTH, WIDTH, {(each, each): 1 for each in range(WIDTH)})
    mean = np.zeros_like(same)
    mean[:, :, :2, :2] = 0.25 * np.eye(WIDTH)[..., None, None]
    own = {
        **{f"encoder.down_blocks.{n}.downsamplers.0.conv.weight": mean for n in range(3)},
        **{f"decoder.up_blocks.{n}.upsamplers.0.conv.weight": same for n in range(3)},
    }
    # Each colour and its negative form a group, which becomes v / rms(v). silu(x) − silu(−x) = x.
    colours = 2 * tf.image.resize(photo(), [side // 8 for side in SIZE], "area") - 1
    rms = np.sqrt(np.mean(np.square(colours), (0, 1, 2)))
    both = [(c, sign) for c in range(3) for sign in (0, 1)]
    own["encoder.conv_in.weight"] = _center(
        WIDTH, 3, {(2 * c + sign, c): 1 - 2 * sign for c, sign in both}
    )
    own["encoder.conv_out.weight"] = _center(
        8, WIDTH, {(c, 2 * c + sign): (1 - 2 * sign) / SCALE for c, sign in both}
    )
    own["quant_conv.weight"] = np.eye(8, dtype=np.float32)[..., None, None]
    own["post_quant_conv.weight"] = np.eye(4, dtype=np.float32)[..., None, None]
    # A colour and a constant form a group, and their negatives another one: so its size matters.
    own["decoder.conv_in.weight"] = _center(
        WIDTH, 4, {(4 * c + 2 * sign, c): (1 - 2 * sign) * SCALE for c, sign in both}
    )
    bias = np.zeros(WIDTH, np.float32)
    bias[[1, 5, 9]], bias[[3, 7, 11]] = 1, -1
    own["decoder.conv_in.bias"] = bias
    unit = np.asarray(colours)[0] / rms
    groups = np.stack([unit, np.ones_like(unit)])
    middle, spread = groups.mean((0, 1, 2)), groups.std((0, 1, 2))
    own["decoder.conv_out.weight"] = _center(
        3, WIDTH, {(c, 4 * c + 2 * sign): (1 - 2 * sign) * spread[c] * rms[c] for c, sign in both}
    )
    own["decoder.conv_out.bias"] = (middle * rms).astype(np.float32)
    return own


def _unet_arrays(latent):
    signs = [(c, sign) for c in range(4) for sign in (0, 1)]
    kept = self_test.kept_part(self_test.HALF_NOISED)
    own = {
        "conv_in.weight": _center(WIDTH, 4, {(2 * c + sign, c): 1 - 2 * sign for c, sign in signs}),
        # The last block joins two maps, and takes the one from conv_in.
        f"{LAST}.conv_shortcut.weight": np.eye(WIDTH, 2 * WIDTH, WIDTH, np.float32)[
            ..., None, None
        ],
    }
    size = np.sqrt(kept * np.mean(np.square(latent), (0, 1, 2)) + 1 - kept)
    near = np.full((3, 3), -0.1, np.float32)
    near[1, 1] += 1
    out = np.zeros((4, WIDTH, 3, 3), np.float32)
    for c, sign in signs:
        out[c, 2 * c + sign] = (1 - 2 * sign) * near * size[c] / math.sqrt(1 - kept)
    own["conv_out.weight"] = out
    # At another time, one channel of each group gets a large number.
    random = RandomTensors(1)
    for name, width in (("linear_1", WIDTH), ("linear_2", 4 * WIDTH)):
        name = f"time_embedding.{name}.weight"
        own[name] = random.array(name, (4 * WIDTH, width))
    time = unet_of(Written(own))._embedded(tf.constant([self_test.HALF_NOISED]))
    rows = random.array("rows", (WIDTH, 4 * WIDTH))
    rows[1::2] = 0
    own[f"{LAST}.time_emb_proj.weight"] = rows
    own[f"{LAST}.time_emb_proj.bias"] = -(rows @ np.asarray(tf.nn.silu(time))[0])
    own[f"{LAST}.conv2.weight"] = _center(
        WIDTH, WIDTH, {(each, each): 9 for each in range(0, WIDTH, 2)}
    )
    return own
