"""The original's two extra scripts, for finished paintings. They do not load TensorFlow."""

import argparse
from pathlib import Path

import numpy as np

from styletransfer.cli.inetwork_arguments import output_format, pictures_given
from styletransfer.cli.picture_files import (
    ResultFiles,
    check_target,
    files_with_prefix,
    read_mask,
    read_picture,
    result_files,
)
from styletransfer.images import arrays, colour


def transfer_colors(args: argparse.Namespace) -> Path:
    """Run `--color_transfer_only CONTENT GENERATED`, and return the path written.

    Transfers the photo's colours to a finished painting. Raises ConfigError or PictureError.
    """
    expected = "--color_transfer_only takes CONTENT and GENERATED"
    content, generated = pictures_given(args, 2, expected)
    photo, results = read_picture(content, "CONTENT"), _beside(generated, args)
    painted = results.photo.pixels
    where = None
    if args.mask is not None:
        where = arrays.resize(read_mask(args.mask, "--mask"), *painted.shape[:2])
    image = colour.transfer(photo.pixels, painted, where, args.hist_match)
    suffix = "_histogram_color" if args.hist_match else "_original_color"
    return _write(results, image, suffix, args, content, *filter(None, [args.mask]))


def transfer_mask(args: argparse.Namespace) -> Path:
    """Run `--mask_transfer CONTENT GENERATED MASK`, and return the path written.

    Restores the photo's pixels where the mask is black. Raises ConfigError or PictureError.
    """
    expected = "--mask_transfer takes CONTENT, GENERATED and MASK"
    content, generated, mask = pictures_given(args, 3, expected)
    photo, results = read_picture(content, "CONTENT"), _beside(generated, args)
    size = results.photo.size
    image = colour.masked(
        arrays.resize(photo.pixels, *size),
        results.photo.pixels,
        arrays.resize(read_mask(mask, "MASK"), *size),
    )
    return _write(results, image, "_masked", args, content, mask)


def _beside(generated: str, args: argparse.Namespace) -> ResultFiles:
    """Return the files next to a finished painting, or the file that --output names."""
    painted = read_picture(generated, "GENERATED")
    if args.output:
        return result_files(args.output, painted, output_format(args))
    # The rest of `photo.heic.png`, a result of a batch, does not name a format to write.
    return files_with_prefix(str(Path(generated).with_suffix("")), painted, output_format(args))


def _write(
    results: ResultFiles, image: np.ndarray, suffix: str, args: argparse.Namespace, *originals: str
) -> Path:
    """Write the result, and return its path. Raises ConfigError if that is one of the originals."""
    suffix = "" if args.output else suffix
    name = args.output or f"{results.prefix}{suffix}"
    check_target(results.path(suffix), name, map(Path, originals))
    return results.write(image, suffix)
