"""The original's two extra scripts, on pictures that are painted already: nothing here needs, or
loads, TensorFlow."""

import argparse
from pathlib import Path

from styletransfer.cli.picture_files import ResultFiles, mask, picture
from styletransfer.errors import ConfigError
from styletransfer.images import arrays, colour
from styletransfer.images.output import output_extension


def transfer_colors(told: argparse.Namespace) -> Path:
    """`--color_transfer_only CONTENT GENERATED`: the photo's colours in a finished painting, as
    `colours.transfer`; the path written. Raises ConfigError, PictureError."""
    if len(told.pictures) != 2:
        raise ConfigError(f"--color_transfer_only takes CONTENT and GENERATED; got {told.pictures}")
    content, generated = told.pictures
    photo, output = picture(content, "CONTENT"), _output(generated, told)
    painted = output.photo.pixels
    where = None
    if told.mask is not None:
        where = arrays.resize(mask(told.mask, "--mask"), *painted.shape[:2])
    image = colour.transfer(photo.pixels, painted, where, told.hist_match)
    return output.write(image, "_histogram_color" if told.hist_match else "_original_color")


def transfer_mask(told: argparse.Namespace) -> Path:
    """`--mask_transfer CONTENT GENERATED MASK`: the photo's own pixels where the mask is black;
    the path written. Raises ConfigError, PictureError."""
    if len(told.pictures) != 3:
        raise ConfigError(f"--mask_transfer takes CONTENT, GENERATED and MASK; got {told.pictures}")
    content, generated, where = told.pictures
    photo, output = picture(content, "CONTENT"), _output(generated, told)
    size = output.photo.size
    image = colour.masked(
        arrays.resize(photo.pixels, *size),
        output.photo.pixels,
        arrays.resize(mask(where, "MASK"), *size),
    )
    return output.write(image, "_masked")


def _output(generated: str, told: argparse.Namespace) -> ResultFiles:
    painted = picture(generated, "GENERATED")
    return ResultFiles(
        str(Path(generated).with_suffix("")),
        painted,
        output_extension(told.output_format, painted.format),
        told.output_quality,
        told.output_depth,
        told.keep_gps,
    )
