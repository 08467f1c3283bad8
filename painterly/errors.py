"""The errors that users see, each with the exit code that scripts rely on."""


class PainterlyError(Exception):
    """A failure reported in one line: the message names the cause and what to do."""

    exit_code = 1


class PictureError(PainterlyError, ValueError):
    """A photo, painting or mask is unusable. Other pictures are not affected."""


class PhotoError(PictureError):
    """A photo cannot be decoded: it can be painted in no style."""


class DivergedError(PictureError):
    """An optimisation ended without a picture."""


class MemoryShortError(PainterlyError):
    """A picture needs more memory than is available; a smaller one may fit."""


class ConfigError(PainterlyError, ValueError):
    """A variable, setting or argument is wrong or missing. Nothing was changed."""

    exit_code = 2


class NoPhotoError(ConfigError):
    """The photo that PHOTO names does not exist."""


class NoAccountError(ConfigError):
    """There are no credentials for buckets."""


class WeightsError(PainterlyError):
    """The VGG weights are missing, damaged, or those of another network."""

    exit_code = 3


class DeviceError(PainterlyError):
    """DEVICE asks for a GPU, and none is usable."""

    exit_code = 4


class StorageError(PainterlyError):
    """A bucket or folder is unreachable or missing, or refuses a request."""

    exit_code = 5
