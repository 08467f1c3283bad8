"""A test that only the true weights pass, if they are read and computed rightly.

No other program is needed: a network that encodes pictures gives a photo back, one that predicts
noise finds the noise in a photo, and the text encoder's first word was published by many.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from painterly import ENGINE_VERSION
from painterly.attention.constants import NETWORK
from painterly.attention.diffusion import sources
from painterly.attention.diffusion.autoencoder import Autoencoder
from painterly.attention.diffusion.text import empty_prompt
from painterly.attention.diffusion.unet import UNet
from painterly.attention.diffusion.weights import DiffusionWeights
from painterly.devices.choose import fastest_precision
from painterly.errors import WeightsError
from painterly.log import event
from painterly.vgg.calibration import calibration_photo

SIZE = (256, 384)  # height and width of the sample photo in px
# The published loss of kl-f8, the autoencoder of Stable Diffusion 1.5, is 23.4 ± 3.8 dB on COCO's
# photos of 256 px, and 26.0 ± 4.4 dB on LAION-Aesthetics (stabilityai/sd-vae-ft-mse, its model
# card). The sample photo, enlarged, has less detail than those.
LEAST_DB = 24.0
# The step of the diffusion where photo and noise have the same part: ᾱ = 0.5.
HALF_NOISED = 354
# A network that finds this part of the noise has a correlation of 0.9 with it at least.
LEAST_FOUND = 0.81
# The numbers of the first word at the ends of its 768. It sees no other word, so it is the same for
# every text, and many have printed it, such as fast.ai's lesson 9 ("Stable Diffusion Deep Dive").
FIRST_WORD = {0: -0.3884, 1: 0.0229, 2: -0.0522, -3: -0.4899, -2: -0.3066, -1: 0.0675}
MOST_APART = 0.02  # Weights in 16 bits round these numbers in the third place.


@dataclass(frozen=True)
class Finding:
    """A result of the test.

    Attributes:
        network: The network, as in `sources.FILES`.
        text: What was found, and what is expected.
        passed: Whether it is as expected.
    """

    network: str
    text: str
    passed: bool


def check_once(weights: DiffusionWeights) -> None:
    """Test the networks unless these files have passed before, with this version of the engine.
    Raises WeightsError as `check`."""
    key, value = "passed the self-test", f"{weights.identity} {ENGINE_VERSION}"
    if sources.read_notes().get(key) != value:
        event(f"testing {NETWORK}'s weights, once")
        check(weights)
        sources.add_note(key, value)


def check(weights: DiffusionWeights, say: Callable[[str], None] = lambda text: None) -> None:
    """Test the networks on the current device, in its fastest precision.

    Args:
        weights: The weights.
        say: Is called with each finding.

    Raises:
        WeightsError: In one line: the first finding that is not as expected, and its file.
    """
    dtype = tf.as_dtype(fastest_precision())
    tested = findings(
        UNet(weights.unet, dtype),
        Autoencoder(weights.autoencoder, dtype),
        empty_prompt(weights.text_encoder),
    )
    for finding in tested:
        if not finding.passed:
            raise WeightsError(
                f"{NETWORK}'s self-test failed: {finding.text} "
                f"({sources.FILES[finding.network].path}); the file is the wrong one, or this "
                "machine computes wrongly: try DEVICE=cpu, and report it"
            )
        say(finding.text)


def findings(unet: UNet, autoencoder: Autoencoder, context: tf.Tensor) -> Iterator[Finding]:
    """Test the networks, each before those that build on it.

    Args:
        unet: The UNet.
        autoencoder: The autoencoder.
        context: The encoded empty text, as `text.empty_prompt` returns it.
    """
    apart = max(abs(float(context[0, 0, place]) - number) for place, number in FIRST_WORD.items())
    yield Finding(
        "text_encoder",
        f"the empty text's first word is {apart:.3f} from the published one, expected at most "
        f"{MOST_APART}",
        apart <= MOST_APART,  # False for NaN, as below.
    )
    photo = sample_photo()
    latent = autoencoder.encode(photo)
    back = autoencoder.decode(latent)
    decibels = -10 * math.log10(_mean_square(back - photo) or math.inf)
    yield Finding(
        "autoencoder",
        f"the autoencoder gives the sample photo back at {decibels:.1f} dB, expected at least "
        f"{LEAST_DB:.0f}",
        decibels >= LEAST_DB,
    )
    found = noise_found(unet.noise, latent, context)
    yield Finding(
        "unet",
        f"the UNet finds {found:.0%} of the noise in a half-noised sample photo, expected at least "
        f"{LEAST_FOUND:.0%}",
        found >= LEAST_FOUND,
    )


def sample_photo() -> tf.Tensor:
    """Return the photo [1, h, w, 3], sRGB 0…1."""
    return tf.clip_by_value(tf.image.resize(calibration_photo() / 255, SIZE, "bicubic"), 0, 1)


def noise_found(predict: Callable[..., tf.Tensor], latent: tf.Tensor, context: tf.Tensor) -> float:
    """Return the part of the noise's variance in a half-noised latent that is predicted, negative
    if the prediction is worse than none. `predict` is as `UNet.noise`."""
    noise = np.random.default_rng(0).standard_normal(latent.shape, np.float32)
    kept = kept_part(HALF_NOISED)
    noised = math.sqrt(kept) * latent + math.sqrt(1 - kept) * noise
    predicted = predict(noised, tf.constant([HALF_NOISED]), context)
    return 1 - _mean_square(predicted - noise) / _mean_square(noise)


def kept_part(time: int) -> float:
    """Return ᾱ at a step of the diffusion, the part of a latent's variance that is not noise (Ho et
    al. 2020), for Stable Diffusion's schedule: the square roots of β are linear."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return float(np.prod(1 - betas[: time + 1]))


def _mean_square(x: tf.Tensor) -> float:
    return float(tf.reduce_mean(tf.square(x)))
