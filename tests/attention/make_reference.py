"""Writes reference.npz: what diffusers, transformers and the authors' program compute.

    python tests/attention/make_reference.py FOLDER

FOLDER has losses.py, utils.py and pipeline_sd.py of github.com/xugao97/AttentionDistillation, at
commit 142800c. The environment has lab/requirements.txt. All is computed in float64, since the
signs in the loss' gradient make a rounding error grow from step to step. Pictures of 64 px would
make it grow a billionfold: the deepest map has one place then, and norms of two numbers.
"""

import sys
import types
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

sys.path[:0] = [sys.argv[1], str(Path(__file__).resolve().parents[2])]
for missing, names in {
    "matplotlib": [],
    "matplotlib.pyplot": [],
    "torchvision": [],
    "torchvision.transforms": ["ToTensor"],
    "torchvision.utils": ["save_image"],
}.items():  # The authors' program imports them for other purposes.
    module = types.ModuleType(missing)
    for name in names:
        setattr(module, name, None)
    sys.modules[missing] = module

from painterly.attention.diffusion.weights import Architecture, RandomTensors  # noqa: E402

HERE = Path(__file__).resolve().parent
SMALL = Architecture((32, 64, 64, 64), (32, 32, 64, 64), 48, 4, 2)
SIDE, STEPS = 128, 20


def networks() -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """Return the reference's UNet, autoencoder and text encoder with random weights."""
    unet = UNet2DConditionModel(
        block_out_channels=SMALL.unet, attention_head_dim=8, cross_attention_dim=SMALL.text
    )
    autoencoder = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=SMALL.autoencoder,
        layers_per_block=2,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=SMALL.text,
            intermediate_size=4 * SMALL.text,
            num_hidden_layers=SMALL.text_depth,
            num_attention_heads=SMALL.text_heads,
        )
    )
    for number, network in enumerate((unet, autoencoder, text)):
        tensors, state = RandomTensors(number), network.state_dict()
        prefix = "text_model." if number == 2 and not any("text_model" in k for k in state) else ""
        for key, value in state.items():
            if value.is_floating_point():
                array = tensors.array(prefix + key, tuple(value.shape))
                state[key] = torch.from_numpy(array.astype(np.float64))
        network.double().eval().load_state_dict(state)
    return unet, autoencoder, text


def angles(half: int, time: torch.Tensor) -> torch.Tensor:
    """Return the cosines and sines of a time in float64; diffusers' are in float32."""
    speeds = torch.exp(-np.log(10_000) / half * torch.arange(half, dtype=torch.float64))
    found = time.double().reshape(-1, 1) * speeds
    return torch.cat([found.cos(), found.sin()], -1)


def main() -> None:
    """Compute and write."""
    torch.set_default_dtype(torch.float64)
    import utils
    from pipeline_sd import ADPipeline

    unet, autoencoder, text = networks()
    unet.time_proj.forward = lambda time: angles(SMALL.unet[0] // 2, time)
    with torch.no_grad():
        prompt = text(torch.tensor([[49406] + [49407] * 76]))[0]
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
    )
    program = ADPipeline(
        vae=autoencoder,
        text_encoder=text,
        tokenizer=None,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    program.classifier = unet
    program.encode_prompt = lambda *_, **__: (prompt, None)
    ADPipeline.init = lambda self, _: self.freeze()  # It would round to float32.
    torch.Tensor.float = torch.Tensor.double
    latents, take_step = [], torch.optim.Adam.step

    def recorded(self: torch.optim.Adam, *_: object) -> None:
        take_step(self)
        latents.append(self.param_groups[0]["params"][0].detach().clone())

    torch.optim.Adam.step = recorded
    pictures = np.random.default_rng(0).random((2, 1, SIDE, SIDE, 3), np.float32)
    photo, painting = torch.from_numpy(pictures.transpose(0, 1, 4, 2, 3).astype(np.float64))
    with torch.no_grad():
        encoded = program.image2latent(photo)
        decoded = program.latent2image(encoded)
        noise = unet(encoded, torch.tensor(495), prompt)[0]
    program.optimize(
        lr=0.05,
        weight=0.25,
        width=SIDE,
        height=SIDE,
        controller=utils.Controller(self_layers=(10, 16)),
        style_image=painting,
        content_image=photo,
        num_inference_steps=STEPS,
    )
    arrays = {
        "encoded": encoded,
        "decoded": decoded[:, :, ::4, ::4],
        "noise": noise,
        "latents": torch.cat(latents),
    }
    every = {
        name: array.numpy().transpose(0, 2, 3, 1).astype(np.float32)
        for name, array in arrays.items()
    }
    np.savez_compressed(HERE / "reference.npz", prompt=prompt.numpy(), **every)


if __name__ == "__main__":
    main()
