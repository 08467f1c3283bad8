"""The names that users know, and the native steps; without NumPy."""

from painterly.settings.traits import Licence, NativeSteps

NETWORK = "Stable Diffusion 1.5"
LICENCE = Licence(
    "CreativeML OpenRAIL-M", "https://huggingface.co/spaces/CompVis/stable-diffusion-license"
)
WEIGHTS, MIRROR, ACCEPTS = "ATTENTION_WEIGHTS", "ATTENTION_MIRROR", "ACCEPT_OPENRAIL_M"
# Its network saw pictures of 512 px. The work is from counted operations. Every second step looks
# at the photo and the paintings as well.
NATIVE = NativeSteps(largest=768, side=512, work=6, period=2)
