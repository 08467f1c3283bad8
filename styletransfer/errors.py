"""What can go wrong, by who has to act; each kind knows the exit code that scripts rely on."""


class StyleTransferError(Exception):
    """A failure told to the user in one line: the message names the thing and the way out."""

    exit_code = 1


class PictureError(StyleTransferError, ValueError):
    """A photo, painting or mask that cannot be used; the others go on."""


class DivergedError(PictureError):
    """An optimisation that found no picture."""


class MemoryShortError(StyleTransferError):
    """A picture needs more memory than can be had; a smaller one may fit."""


class ConfigError(StyleTransferError, ValueError):
    """A wrong or missing variable, setting, or argument; nothing was touched."""

    exit_code = 2


class NoPhotoError(ConfigError):
    """The photo that PHOTO names is not there."""


class WeightsError(StyleTransferError):
    """The VGG weights are missing, damaged, or of another network."""

    exit_code = 3


class DeviceError(StyleTransferError):
    """A GPU was asked for and none is usable."""

    exit_code = 4


class StorageError(StyleTransferError):
    """A bucket or folder is unreachable, missing, or refuses."""

    exit_code = 5
