"""What the network is trained for. Everything is read from its features by linear maps (1 × 1
convolutions) that are thrown away afterwards:

texture    which places share a texture, between two views of a scene whose colours were changed
           (InfoNCE, van den Oord, Li & Vinyals 2018); its family; whether it is spoilt, and how.
structure  the scene without its textures: outlines, marks, light and shadow, relative to the local
           contrast, so that a faint face counts as much as a black line; contours; shapes.
colour     mean and spread of the local colour, relative to the picture's.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from training.network import Network
from training.scenes import DAMAGES, FAMILY_NAMES, SHAPES, Scenes

# How much each layer's texture tasks count.
TEXTURE_LAYERS = {
    "conv2_1": 0.3,
    "conv2_2": 0.3,
    "conv3_1": 0.5,
    "conv3_4": 0.7,
    "conv4_1": 0.6,
    "conv4_2": 0.5,
    "conv4_4": 0.7,
    "conv5_1": 1.0,
}
STRUCTURE_LAYERS = {"conv3_2": 1.2, "conv3_4": 1.2, "conv4_2": 3.0, "conv4_4": 1.5, "conv5_1": 0.8}
CONTOUR_LAYERS = {"conv2_2": 1.0, "conv3_2": 1.5, "conv3_4": 1.5, "conv4_2": 2.0}
SHAPE_LAYERS = {"conv4_4": 0.2, "conv5_1": 0.3}
COLOUR_LAYERS = {"conv4_1": 0.5, "conv5_1": 0.5}
EMBEDDING = 64  # dimensions in which places are compared
TEMPERATURE = 0.1
COARSE = 8  # texture is compared on a grid of 8 × 8 places


@dataclass
class Labels:
    """Scenes as tensors: images float32 [n, 3, 128, 128] (0…255), the others as in Scenes."""

    images: torch.Tensor
    outline: torch.Tensor
    region: torch.Tensor
    family: torch.Tensor
    damage: torch.Tensor
    shape: torch.Tensor
    contour: torch.Tensor

    @classmethod
    def of(cls, scenes: Scenes, device: torch.device) -> "Labels":
        """These scenes on this device."""
        arrays = (
            *(scenes.image, scenes.outline, scenes.region, scenes.family, scenes.damage),
            *(scenes.shape, scenes.contour),
        )
        images, outline, *rest = (torch.from_numpy(each).to(device) for each in arrays)
        images = images.permute(0, 3, 1, 2).float()
        return cls(images, outline[:, None].float() / 255, *rest)


class Heads(nn.Module):
    """The linear maps, layer → 1 × 1 convolution, by task."""

    def __init__(self, network: Network) -> None:
        super().__init__()

        def maps(layers: dict[str, float], outputs: int | dict[str, int]) -> nn.ModuleDict:
            sizes = dict.fromkeys(layers, outputs) if isinstance(outputs, int) else outputs
            return nn.ModuleDict(
                {layer: nn.Conv2d(network.width(layer), sizes[layer], 1) for layer in layers}
            )

        self.texture = maps(TEXTURE_LAYERS, EMBEDDING + len(FAMILY_NAMES) + len(DAMAGES))
        values = {layer: 4 if layer.startswith("conv3") else 16 for layer in STRUCTURE_LAYERS}
        self.structure = maps(STRUCTURE_LAYERS, values)
        self.contour = maps(CONTOUR_LAYERS, 1)
        self.shape = maps(SHAPE_LAYERS, SHAPES)
        self.colour = maps(COLOUR_LAYERS, 6)
        for name, parameter in self.named_parameters():
            if not name.startswith("texture"):
                nn.init.zeros_(parameter)


def losses(
    network: Network, heads: Heads, labels: Labels, views: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The weighted sum of all losses, and how well each task is solved, 0…1, by `task layer`.

    views: the labelled scenes twice, one after the other, in changed colours: [2 n, 3, 128, 128].
    """
    features = network(views)
    task = _Tasks(heads, features, labels)
    for layer, weight in TEXTURE_LAYERS.items():
        task.texture(layer, weight)
    structure = _structure_targets(labels.outline)
    for layer, weight in STRUCTURE_LAYERS.items():
        task.structure(layer, weight, structure[layer[4]])
    for layer, weight in CONTOUR_LAYERS.items():
        task.contour(layer, weight)
    for layer, weight in SHAPE_LAYERS.items():
        task.shape(layer, weight)
    for layer, weight in COLOUR_LAYERS.items():
        task.colour(layer, weight, views)
    return torch.stack(task.losses).sum(), task.scores


class _Tasks:
    """Collects the losses of one batch and the scores of its tasks."""

    def __init__(self, heads: Heads, features: dict[str, torch.Tensor], labels: Labels) -> None:
        self.heads, self.features, self.labels = heads, features, labels
        self.losses: list[torch.Tensor] = []
        self.scores: dict[str, torch.Tensor] = {}
        region = _coarse(labels.region)
        scene = torch.arange(len(region), device=region.device)[:, None, None]
        key = (region + (int(region.max()) + 1) * scene).flatten()
        # A place's own view is no positive: it is found by its pixels alone, whatever the texture.
        self.itself = torch.eye(len(key), dtype=torch.bool, device=key.device)
        self.same = ((key[:, None] == key[None]) & ~self.itself).float()

    def _add(self, name: str, weight: float, loss: torch.Tensor, score: torch.Tensor) -> None:
        self.losses.append(weight * loss)
        self.scores[name] = score.detach()

    def texture(self, layer: str, weight: float) -> None:
        """Places of one texture are alike in both views, others are not; family; damage."""
        feature = self.features[layer]
        pooled = functional.avg_pool2d(feature, feature.shape[-1] // COARSE)
        found = self.heads.texture[layer](pooled).float()
        sizes = (EMBEDDING, len(FAMILY_NAMES), len(DAMAGES))
        embedding, family, damage = found.split(sizes, dim=1)
        places = functional.normalize(embedding, dim=1).permute(0, 2, 3, 1).flatten(0, 2)
        one, other = places.chunk(2)
        logits = (one @ other.T / TEMPERATURE).masked_fill(self.itself, -1e4)
        positives = self.same.sum(1).clamp_min(1)
        loss = sum(
            (-(self.same * each.log_softmax(1)).sum(1) / positives).mean() / 2
            for each in (logits, logits.T)
        )
        hit = self.same.gather(1, logits.argmax(1, keepdim=True)).mean()
        self._add(f"texture {layer}", 0.5 * weight, loss, hit)
        self._classes(f"family {layer}", 0.6 * weight, family, _coarse(self.labels.family))
        self._classes(f"damage {layer}", 1.5 * weight, damage, _coarse(self.labels.damage))

    def shape(self, layer: str, weight: float) -> None:
        """Which outline the shape at a place has."""
        found = self.heads.shape[layer](self.features[layer]).float()
        self._classes(f"shape {layer}", weight, found, _cells(self.labels.shape, found.shape[-1]))

    def _classes(
        self, name: str, weight: float, logits: torch.Tensor, classes: torch.Tensor
    ) -> None:
        classes = torch.cat([classes, classes])
        loss = functional.cross_entropy(logits, classes)
        self._add(name, weight, loss, (logits.argmax(1) == classes).float().mean())

    def structure(self, layer: str, weight: float, target: torch.Tensor) -> None:
        """The scene without textures, finer than the layer's own grid. Score: R²."""
        found = self.heads.structure[layer](self.features[layer]).float()
        target = torch.cat([target, target])
        error = (found - target).square().mean() / target.square().mean()
        self._add(f"structure {layer}", weight, error, 1 - error)

    def contour(self, layer: str, weight: float) -> None:
        """Whether a contour passes through a cell. Score: intersection over union."""
        feature = self.features[layer]
        cells = self.labels.contour.shape[-1]
        if feature.shape[-1] > cells:
            feature = functional.avg_pool2d(feature, feature.shape[-1] // cells)
        contour = self.labels.contour[:, None].float()
        if feature.shape[-1] < cells:
            contour = functional.max_pool2d(contour, cells // feature.shape[-1])
        contour = torch.cat([contour, contour])
        found = self.heads.contour[layer](feature).float()
        loss = functional.binary_cross_entropy_with_logits(found, contour)
        both = ((found > 0) & (contour > 0)).sum()
        either = ((found > 0) | (contour > 0)).sum()
        self._add(f"contour {layer}", weight, loss, both / (either + 1))

    def colour(self, layer: str, weight: float, views: torch.Tensor) -> None:
        """Mean and standard deviation of a place's colour, less the picture's mean. Score: R²."""
        feature = self.features[layer]
        pixels, size = views / 255, views.shape[-1] // feature.shape[-1]
        mean = functional.avg_pool2d(pixels, size)
        spread = functional.avg_pool2d(pixels**2, size) - mean**2
        spread = spread.clamp_min(1e-6).sqrt()
        target = torch.cat([each - each.mean((2, 3), True) for each in (mean, spread)], dim=1)
        found = self.heads.colour[layer](feature).float()
        error = (found - target).square().mean() / target.square().mean()
        self._add(f"colour {layer}", weight, error, 1 - error)


def _structure_targets(outline: torch.Tensor) -> dict[str, torch.Tensor]:
    """What layers of blocks 3, 4 and 5 are to predict of outline [n, 1, 128, 128], per place: the
    luminance of every second (block 5: fourth) pixel, less its local mean, by local contrast."""
    half = functional.avg_pool2d(outline, 2)
    local = functional.avg_pool2d(half, 9, 1, 4, count_include_pad=False)
    spread = functional.avg_pool2d((half - local).square(), 9, 1, 4, count_include_pad=False)
    relative = (half - local) / (spread.sqrt() + 0.02)
    quarter = functional.avg_pool2d(relative, 2)
    return {
        "3": functional.pixel_unshuffle(relative, 2),
        "4": functional.pixel_unshuffle(relative, 4),
        "5": functional.pixel_unshuffle(quarter, 4),
    }


def _cells(labels: torch.Tensor, size: int) -> torch.Tensor:
    """Labels [n, 32, 32] on a grid of size × size, each taken near the middle of its cell."""
    step = labels.shape[-1] // size
    return labels[:, step // 2 :: step, step // 2 :: step]


def _coarse(labels: torch.Tensor) -> torch.Tensor:
    return _cells(labels, COARSE)


def recoloured(images: torch.Tensor, generator: torch.Generator, hue: float = 0.35) -> torch.Tensor:
    """A view of images [n, 3, H, W] (0…255): hue turned by about `hue` radians, saturation,
    contrast and the colour of the light changed, noise added. A larger hue costs the palette.
    generator: on the device of the images."""
    count, device = len(images), images.device

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        drawn = torch.rand(count, *(shape or (1, 1, 1)), generator=generator, device=device)
        return low + (high - low) * drawn

    angle = hue * torch.randn(count, 1, 1, 1, generator=generator, device=device)
    grey = images.mean(1, keepdim=True)
    chroma = images - grey
    cross = (chroma.roll(1, 1) - chroma.roll(-1, 1)) / 3**0.5
    view = grey + (chroma * angle.cos() + cross * angle.sin()) * uniform(0.2, 1.3)
    view = (view - 128) * uniform(0.6, 1.3) + 128 + uniform(-30, 30, 3, 1, 1)
    noise = torch.randn(images.shape, generator=generator, device=device)
    return (view + noise * uniform(0, 6)).clamp(0, 255)
