"""TIFF files of 8 or 16 bits, written by tifffile: Pillow writes no colours of 16 bits, and only
EXIF tags of types that it knows."""

import io

import numpy as np

from painterly.images.files import exif as exifs
from painterly.images.files.tiff import SHORT

_ORIENTATION = 274
_ROWS = 256  # rows that are compressed together
_RESOLUTION = (282, 283, 296)  # tags that tifffile always writes; EXIF may have better ones


def encoded(values: np.ndarray, profile: bytes, metadata: exifs.Exif | None) -> bytes:
    """Return a deflated TIFF.

    Args:
        values: uint8 or uint16 [H, W, 3], or 4 with alpha.
        profile: The ICC profile.
        metadata: The EXIF, or None.
    """
    import tifffile  # Half a second, and other results need none of it.

    metadata = metadata or exifs.Exif("<", {}, {}, {})
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        values,
        byteorder=metadata.byte_order,
        photometric="rgb",
        extrasamples=["unassalpha"] if values.shape[2] == 4 else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=_ROWS,
        iccprofile=profile,
        metadata=None,
        software=False,
    )
    # The file's directory follows once more, with EXIF's entries as they are: tifffile does not
    # know all types, nor the directories of camera and position.
    data = file.getvalue()
    layout = exifs.layout(data)
    metadata.main |= {tag: entry for tag, entry in layout.items() if tag not in _RESOLUTION}
    metadata.main[_ORIENTATION] = metadata.number(SHORT, 1)
    return metadata.tiff(data[8:])
