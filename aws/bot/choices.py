"""The styles that a chat can choose from: the shared ones and those of its own paintings."""

import difflib
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import layout

from bot.resources import Resources
from styletransfer.batch.styles import Style, find_styles
from styletransfer.settings import Settings
from styletransfer.storage import open_bucket
from styletransfer.storage.address import Account


@dataclass(frozen=True)
class Choice:
    """A style and the prefix of its paintings, `styles` or `own/<chat>`."""

    prefix: str
    style: Style

    @property
    def name(self) -> str:
        return self.style.name

    @property
    def is_own(self) -> bool:
        return self.prefix != layout.STYLES

    @property
    def token(self) -> str:
        """A short name, the same in every invocation.

        A button carries 64 bytes, and a style's name may have more.
        """
        return hashlib.sha256(f"{self.prefix}/{self.name}".encode()).hexdigest()[:16]

    @property
    def painting_key(self) -> str:
        """The key of its first painting in the bucket."""
        return f"{self.prefix}/{self.style.paintings[0].entry.key}"


def offered(resources: Resources, chat: int, user: int) -> list[Choice]:
    """Return the styles that a user can choose from in a chat.

    They are the shared ones, then the chat's and the user's own. A private chat has the user's
    number. Raises StorageError, and ConfigError for an invalid styles.toml.
    """
    layout.adopt_first_style(resources.bucket)
    prefixes = dict.fromkeys((layout.STYLES, layout.own_prefix(chat), layout.own_prefix(user)))
    found = []
    for prefix in prefixes:
        bucket = open_bucket(f"{resources.bucket_name}/{prefix}", Account())
        styles = find_styles(bucket, list(bucket.list()), "each", Settings())
        found += [Choice(prefix, style) for style in styles]
    return found


def chosen(choices: Sequence[Choice], wish: layout.Wish) -> Choice | None:
    """Return the style chosen last, or the first one if that is gone, or None without any."""
    return wished(choices, wish) or (choices[0] if choices else None)


def wished(choices: Sequence[Choice], wish: layout.Wish) -> Choice | None:
    """Return exactly the style of a wish, or None if it is gone."""
    same = (each for each in choices if (each.prefix, each.name) == (wish.prefix, wish.style))
    return next(same, None)


def named(choices: Sequence[Choice], name: str) -> Choice | None:
    """Return the style with a name, in any case. One's own takes precedence."""
    exact = [each for each in choices if each.name == name]
    alike = [each for each in choices if _folded(each.name) == _folded(name)]
    return max(exact or alike, key=lambda each: each.is_own, default=None)


def with_token(choices: Sequence[Choice], token: str) -> Choice | None:
    """Return the style of the button that was pressed, or None if it is gone."""
    return next((each for each in choices if each.token == token), None)


def similar(choices: Sequence[Choice], name: str) -> list[str]:
    """Return up to three names of styles that resemble an unknown name."""
    known = {_folded(each.name): each.name for each in choices}
    return [known[near] for near in difflib.get_close_matches(_folded(name), known, n=3)]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()
