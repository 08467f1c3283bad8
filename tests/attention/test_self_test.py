"""The self-test of Stable Diffusion 1.5's networks: right ones pass, and wrong ones fail."""

import pytest
import tensorflow as tf
from attention import written_networks
from attention.written_networks import autoencoder_of, context_of, unet_of
from support.failures import weights_error

from painterly.attention.diffusion import autoencoder as autoencoders
from painterly.attention.diffusion import self_test, sources
from painterly.attention.diffusion.weights import DiffusionWeights, RandomTensors

pytestmark = pytest.mark.thorough  # Each encodes, decodes and predicts several times.


@pytest.fixture(autouse=True)
def of_written_networks(monkeypatch, tmp_path):
    """The test has the photo and the numbers of small networks."""
    monkeypatch.setattr(self_test, "sample_photo", written_networks.photo)
    first = context_of(RandomTensors(3))[0, 0]
    numbers = {place: float(first[place]) for place in self_test.FIRST_WORD}
    monkeypatch.setattr(self_test, "FIRST_WORD", numbers)
    for name, made in {
        "UNet": lambda tensors, dtype: unet_of(tensors),
        "Autoencoder": lambda tensors, dtype: autoencoder_of(tensors),
        "empty_prompt": context_of,
    }.items():
        monkeypatch.setattr(self_test, name, made)
    monkeypatch.setattr(sources, "CACHE", tmp_path)


def failures(unet=None, autoencoder=None, text=None):
    """The networks that fail, with some weights instead of the right ones."""
    right = written_networks.weights()
    given = (unet or right[0], autoencoder or right[1], text or right[2])
    made = unet_of(given[0]), autoencoder_of(given[1]), context_of(given[2])
    found = [*self_test.findings(*made)]
    return [each.network for each in found if not each.passed]


def test_right_networks_pass():
    assert failures() == []


def test_random_weights_fail():
    wrong = RandomTensors(9)
    assert "unet" in failures(unet=wrong)
    assert "autoencoder" in failures(autoencoder=wrong)
    assert "text_encoder" in failures(text=wrong)


def test_two_layers_in_each_others_place_fail():
    unet, autoencoder, _ = written_networks.weights()
    last, before = (f"up_blocks.3.resnets.{number}.conv_shortcut" for number in (2, 1))
    assert failures(unet=unet.swapped(last, before)) == ["unet"]
    blocks = "encoder.down_blocks.0"
    swapped = autoencoder.swapped(f"{blocks}.downsamplers.0.conv", f"{blocks}.resnets.0.conv1")
    assert "autoencoder" in failures(autoencoder=swapped)


def test_a_forgotten_scale_fails(monkeypatch):
    encode, decode = autoencoders.Autoencoder.encode, autoencoders.Autoencoder.decode
    scale = autoencoders.SCALE
    with monkeypatch.context() as encoding:
        encoding.setattr(autoencoders.Autoencoder, "encode", lambda *x: encode(*x) / scale)
        assert "autoencoder" in failures()
        encoding.setattr(autoencoders.Autoencoder, "decode", lambda own, x: decode(own, x * scale))
        assert failures() == ["unet"]
    monkeypatch.setattr(autoencoders.Autoencoder, "decode", lambda own, x: decode(own, x * scale))
    assert failures() == ["autoencoder"]


def test_a_wrong_time_fails(monkeypatch):
    sines, cosines = tf.sin, tf.cos
    with monkeypatch.context() as embedding:
        embedding.setattr(tf, "sin", cosines)
        embedding.setattr(tf, "cos", sines)
        assert failures() == ["unet"]
    monkeypatch.setattr(self_test, "HALF_NOISED", 345)
    assert failures() == ["unet"]


def test_a_failure_is_one_line_that_names_the_file_and_a_pass_is_remembered(monkeypatch, caplog):
    unet, autoencoder, text = written_networks.weights()
    wrong = DiffusionWeights(unet, RandomTensors(9), text, "sha256:a")
    message = weights_error(self_test.check_once, wrong)
    assert "self-test failed: the autoencoder gives the sample photo back at" in message
    assert "expected at least 24 (vae/diffusion_pytorch_model.fp16.safetensors)" in message
    right = DiffusionWeights(unet, autoencoder, text, "sha256:b")
    self_test.check_once(right)
    monkeypatch.setattr(self_test, "findings", None)
    self_test.check_once(right)
    with pytest.raises(TypeError):
        self_test.check_once(wrong)
