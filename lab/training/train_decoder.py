"""`python -m lab.training.train_decoder`: trains the decoder of recipe `instant`. See README.md."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from lab.training import loop, places
from lab.training.command import SAMPLES, parser, recipe_of, run
from lab.training.crops import Sizes, batch, plain_crop, read_folders
from lab.training.decoder import Decoder
from lab.training.network import tensors
from painterly.engine.places import MATCHED_LAYERS
from painterly.vgg.architectures import BUILTIN
from painterly.vgg.sources import file_identity, read_weights

PICTURE_SIZES = (900, 480, 280, 180)  # px, longer side of the pictures that crops are taken from
STANDARD_CROPS, MEASURED_CROPS = 32, 32
FREEDOM = 0.5  # the picture's part of queries, as at the usual strength
OUTSIDE, SAME = 2.0, 40.0  # weights of values beyond 0…1, and of the error of undecided photos
UNPAINTED, PART_PAINTED = 0.2, 0.2  # shares of crops: photos, and mixtures with them
OWN_MATCHES = 0.4  # weight of the distance from the places that were decoded
OFFSETS = 4  # px; places are also matched between those that were decoded


@dataclass(frozen=True)
class Recipe(loop.Recipe):
    """The settings of a training. Half of the crops are photos, half of them paintings; `rate` is
    Adam's first learning rate."""

    steps: int = 6000
    crops: int = 12
    rate: float = 0.001
    averaging: float = 0.997


class DecoderTraining(loop.Training):
    """Paints crops of photos in the manner of other crops, at two scales as the engine does, and
    makes the places of the result more like the most similar places of the painting."""

    averaged: Decoder
    crop = staticmethod(plain_crop)
    max_norm = 1.0

    def __init__(self, recipe: Recipe, pictures: Sequence[Sizes], device: torch.device) -> None:
        super().__init__(recipe, pictures, device)
        kernels = read_weights(BUILTIN, "vgg16").kernels
        self.kernels = tensors(kernels, list(kernels)[-1], device)
        self.channels = [len(self.kernels[layer][1]) for layer in MATCHED_LAYERS]
        self.decoder, self.averaged = (Decoder(sum(self.channels)).to(device) for _ in range(2))
        some = batch((recipe.seed, 2**31), self.trained_on, STANDARD_CROPS, plain_crop)
        with torch.no_grad():
            found = places.places(self.kernels, torch.from_numpy(some).to(device) / 255)
            self.decoder.standardise(places.joined(found))
        self.averaged.load_state_dict(self.decoder.state_dict())
        self.trained = self.decoder
        self.models = {"decoder": self.decoder, "averaged": self.averaged}
        # Not Muon, with which the pictures diverge from their collages.
        self.optimizers = [
            torch.optim.Adam(self.decoder.parameters(), recipe.rate, betas=(0.9, 0.98))
        ]
        self.full_rates = [[recipe.rate]]

    def loss(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """As in Training: the first half of the images are photos, the second half paintings."""
        photos, paintings = (images / 255).chunk(2)
        number = torch.rand(len(photos), device=self.device)
        shares = torch.rand(len(photos), device=self.device)
        shares = torch.where(number < UNPAINTED + PART_PAINTED, shares, torch.ones_like(shares))
        shares = torch.where(number < UNPAINTED, torch.zeros_like(shares), shares)
        return self.losses(self.decoder, photos, paintings, shares)

    def advance(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """As in Training."""
        torch.manual_seed((self.recipe.seed << 32) + self.step)  # A resumed run draws the same.
        return super().advance(images)

    def losses(
        self,
        decoder: Decoder,
        photos: torch.Tensor,
        paintings: torch.Tensor,
        shares: torch.Tensor,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss and scores: `distance` of painted crops, and `psnr` of unpainted ones in
        dB.

        Args:
            decoder: The decoder.
            photos: Crops [N, 3, H, W], 0…1.
            paintings: As many.
            shares: The paintings' shares of the places, [N]; 0 leaves the photo as it is.
        """
        unpainted = (shares == 0).float()
        halved = functional.avg_pool2d(photos, 2), functional.avg_pool2d(paintings, 2)
        with self.autocast():
            small, loss_of_small = self._painted(decoder, *halved, halved[0], shares)
            grown = functional.interpolate(small.detach(), scale_factor=2, mode="bicubic")
            painted, loss = self._painted(decoder, photos, paintings, grown.clamp(0, 1), shares)
        error = (painted - photos).square().mean((1, 2, 3))
        outside = (functional.relu(-painted) + functional.relu(painted - 1)).mean((1, 2, 3))
        far = (loss + 0.25 * loss_of_small) * (1 - 0.5 * unpainted)
        total = (far + OUTSIDE * outside + SAME * unpainted * error).mean()
        count = unpainted.sum().clamp_min(1)
        scores = {
            "distance": (loss * (1 - unpainted)).sum() / (1 - unpainted).sum().clamp_min(1),
            "psnr": -10 * (unpainted * error.clamp_min(1e-9).log10()).sum() / count,
        }
        return total, {name: value.detach() for name, value in scores.items()}

    def _painted(
        self,
        decoder: Decoder,
        photos: torch.Tensor,
        paintings: torch.Tensor,
        pictures: torch.Tensor,
        shares: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Paint at one scale, as `instant.painted`. Return the pictures, and their distances [N]
        from their matches."""
        with torch.no_grad():
            seen = [places.places(self.kernels, each) for each in (photos, paintings, pictures)]
            photo, painting, picture = ([part.float() for part in each] for each in seen)
            target, pixels = self._matched(photo, painting, picture, shares, photos, paintings)
            of = places.mixed(photo, painting, shares)
        painted = decoder(target, pixels).float()
        found = places.places(self.kernels, painted)
        loss = places.distance(found, places.split(target, self.channels), of)
        down, right = torch.randint(OFFSETS, (2,)).tolist()
        if down or right:  # Seams between the places are inside these.
            painted_part, part = (each[..., down:, right:] for each in (painted, photos))
            side = [length - length % 16 for length in part.shape[2:]]
            painted_part, part = (each[..., : side[0], : side[1]] for each in (painted_part, part))
            found = places.places(self.kernels, painted_part)
            with torch.no_grad():
                photo = [each.float() for each in places.places(self.kernels, part)]
        else:
            part = photos
        with torch.no_grad():
            now = [each.detach().float() for each in found]
            target, _ = self._matched(photo, painting, now, shares, part, paintings)
        again = places.distance(found, places.split(target, self.channels), of)
        return painted, OWN_MATCHES * loss + (1 - OWN_MATCHES) * again

    def _matched(
        self,
        photo: places.Places,
        painting: places.Places,
        picture: places.Places,
        shares: torch.Tensor,
        photos: torch.Tensor,
        paintings: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the features and the pixels of the matches, mixed with the photo's own by the
        shares."""
        own, candidates, seen = (places.joined(each) for each in (photo, painting, picture))
        queries = FREEDOM * seen + (1 - FREEDOM) * own
        own_pixels, their_pixels = places.pixels(photos), places.pixels(paintings)
        features, pixels = own.clone(), own_pixels.clone()
        for n, share in enumerate(shares.tolist()):
            if not share:
                continue
            found = places.matches(queries[n], candidates[n], self.channels)
            for target, source in ((features, candidates), (pixels, their_pixels)):
                taken = source[n].flatten(1)[:, found].view_as(target[n])
                target[n] = torch.lerp(target[n], taken, share)
        return features, pixels

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """As in Training."""
        images = batch((self.recipe.seed, 2**31 + 1), self.measured_on, MEASURED_CROPS, plain_crop)
        photos, paintings = (torch.from_numpy(images).to(self.device) / 255).chunk(2)
        shares = torch.ones(len(photos), device=self.device)
        shares[: len(shares) // 4] = 0
        with torch.random.fork_rng():
            torch.manual_seed(self.recipe.seed)
            _, scores = self.losses(self.averaged, photos, paintings, shares)
        return {name: float(value) for name, value in scores.items()}

    def write(self, path: Path, recipe: Mapping[str, Any]) -> None:
        """As in Training."""
        self.averaged.write(path, recipe)


def main(arguments: list[str] | None = None) -> int:
    """Run one command line. Returns the exit code."""
    options = parser("python -m lab.training.train_decoder", __doc__, Recipe, "decoder")
    return run(options.parse_args(arguments), _begin)


def _begin(options: argparse.Namespace) -> tuple[DecoderTraining, dict[str, str]]:
    pictures = read_folders([*SAMPLES, *options.pictures], PICTURE_SIZES)
    training = DecoderTraining(recipe_of(options, Recipe), pictures, torch.device(options.device))
    return training, {"network": file_identity(BUILTIN)}


if __name__ == "__main__":
    sys.exit(main())
