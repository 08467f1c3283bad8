"""The buckets that arguments or BUCKET_* variables name, opened with the account configured."""

from collections.abc import Sequence

from styletransfer import config
from styletransfer.errors import ConfigError
from styletransfer.paths import WORKSPACE
from styletransfer.storage import open_bucket
from styletransfer.storage.address import parse_account
from styletransfer.storage.base import Store

BUCKET_HELP = "a bucket's name or name/prefix; or a folder, starting with ./ ../ / ~ or file:"
ACCOUNT_NOTES = """\
CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET are read from
the environment, or from a file .env beside this script. Without them, buckets are
on Amazon S3."""
BUCKETS_NOTES = f"""\
BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT name the buckets.
{ACCOUNT_NOTES}"""


def open_named(value: str, *, new: bool = False) -> Store:
    """Return the bucket that an argument names. `new` is as in `open_bucket`."""
    return open_bucket(value, parse_account(config.environment()), new=new)


def open_configured(
    variables: Sequence[str] = config.BUCKETS, *, new: bool = False
) -> dict[str, Store]:
    """Open the buckets that BUCKET_* variables name.

    Args:
        variables: The variables.
        new: As in `open_bucket`.

    Returns:
        The buckets by variable.

    Raises:
        ConfigError: None is set. The samples of the demo are not a place to upload to.
    """
    loaded = config.load(config.environment())
    if loaded.demo:
        which = variables[0] if len(variables) == 1 else "BUCKET_*"
        raise ConfigError(
            f"{which} is not set; set {', '.join(config.BUCKETS)} in the environment or in "
            f"{WORKSPACE / '.env'}, or let ./start.sh init ask for them"
        )
    values = dict(zip(config.BUCKETS, (loaded.source, loaded.style, loaded.result), strict=True))
    return {name: open_bucket(values[name], loaded.account, new=new) for name in variables}
