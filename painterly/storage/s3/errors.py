"""Errors of botocore → StorageErrors of one line, without a URL or a secret.

The line has the service's own words, if it sends some, and a way out if there is one.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from painterly.errors import StorageError
from painterly.settings.installation import command
from painterly.storage.address import CELLAR, ENCRYPTION, REGION, Account, folder_hint
from painterly.storage.base import (
    BadKeyError,
    BucketRefusedError,
    NoBucketError,
    NoObjectError,
    ObjectError,
    UnavailableError,
    changed_while_read,
)
from painterly.storage.s3.client import (
    CREDENTIALS_HINT,
    DAMAGED,
    ENCRYPTED,
    NotEncryptedError,
    client_of,
    patience,
)
from painterly.words.wording import one_line, printable

NOT_FOUND = ("NoSuchKey", "NotFound", "404")
# Answers to a conditional write if the object has changed, is gone, or is being written.
CONFLICTS = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404")
# Answers to a request that a service does not have.
NOT_OFFERED = ("NotImplemented", "MethodNotAllowed", "501", "405")
# The answer to a HEAD has no body that could name a code: botocore returns the status instead.
_BARE = ("NotFound", "404", "400", "403")
_ACCESS_DENIED = ("AccessDenied", "403")
_CREDENTIALS = (
    *("401", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"),
    *("AccountProblem", "UserSuspended"),
)
_OTHER_REGION = ("PermanentRedirect", "301", "AuthorizationHeaderMalformed")
_BAD_KEY = ("KeyTooLongError", "InvalidObjectName", "InvalidURI")
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "502", "503", "504")
_KEY_OF_ENCRYPTION = "KMS."  # the start of the codes that are about one
MOST_SAID = 300  # characters of a service's own words
# Codes that are about all objects, or about a key's name, with a way out.
_KINDS: dict[str, tuple[type[StorageError], str]] = {
    **dict.fromkeys(_CREDENTIALS, (UnavailableError, "check {keys}")),
    **dict.fromkeys(_OTHER_REGION, (UnavailableError, "it is in another region: set {region}")),
    "RequestTimeTooSkewed": (UnavailableError, "set this machine's clock"),
    **dict.fromkeys(_BUSY, (UnavailableError, "try again later")),
    # botocore also reports this for a web page instead of a listing.
    "500": (UnavailableError, "try again later; if that lasts, check CELLAR_ADDON_HOST"),
    **dict.fromkeys(_BAD_KEY, (BadKeyError, "1,024 bytes at most")),
}
# Ways out for others.
_WAYS_OUT = {
    **dict.fromkeys(DAMAGED, "it arrived damaged each time; try again"),
    "InvalidObjectState": "it is archived: restore it first, which takes hours",
    "BucketAlreadyExists": "bucket names are shared by all customers, so choose another",
    "InvalidBucketName": "choose another name",
}
# Ways out for requests without an answer, by the class of botocore's exception.
_NO_ANSWER = {
    **dict.fromkeys(
        ("NoCredentialsError", "PartialCredentialsError"), f"no credentials; {CREDENTIALS_HINT}"
    ),
    **dict.fromkeys(
        ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"),
        "the login with SSO has ended; run: aws sso login",
    ),
    **dict.fromkeys(
        ("ConnectTimeoutError", "EndpointConnectionError"),
        "cannot connect to {host}; check {endpoint} and the network",
    ),
    "NoTLS": "{host} answers without TLS; if that is meant, write http://{host} in "
    "CELLAR_ADDON_HOST",
    "SSLError": "{host}: TLS failed; if your own authority signed its certificate, set "
    "AWS_CA_BUNDLE to that authority's certificate file",
    # Its text has the proxy's password.
    "ProxyConnectionError": "cannot connect to the proxy on the way to {host}; check HTTP_PROXY "
    "and HTTPS_PROXY, or name the host in NO_PROXY",
    "ReadTimeoutError": "{host} did not answer within {read_s} s",
}


class NotS3Error(Exception):
    """An answer lacks what S3's answers have."""


def given(answer: Mapping[str, Any], name: str) -> Any:
    """Return a field of an answer. Raises NotS3Error if it has none."""
    if name not in answer:
        raise NotS3Error(name)
    return answer[name]


class OddListingError(Exception):
    """A service lists otherwise than S3 does. The text says how, after its name."""


@dataclass(frozen=True)
class ErrorTranslator:
    """Translates the errors of one bucket.

    `name` is the bucket with its prefix, for messages; `probe` sends the cheapest request whose
    error has a code.
    """

    bucket: str
    name: str
    account: Account
    probe: Callable[[], object]

    @contextlib.contextmanager
    def translated(self, key: str = "", ignored: Sequence[str] = ()) -> Iterator[None]:
        """Raise an ObjectError or UnavailableError for a failure inside the block; without a key, a
        BucketRefusedError instead of an ObjectError. Answers with `ignored` codes end the block
        without an error."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError
        from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            if error_code(error) not in ignored:
                raise self._refusal(error, key) from error
        # HTTPError: botocore reads the text of a refusal of GET outside of its own handling.
        except (RetriesExceededError, BotoCoreError, HTTPError) as error:
            raise self._failure(getattr(error, "last_exception", error), key) from error
        except (ResponseParserError, NotS3Error) as error:
            what = "does not answer as an S3 service does; check CELLAR_ADDON_HOST"
            raise UnavailableError(f"{self._host} {what}") from error
        except OddListingError as error:
            raise BucketRefusedError(f"{self._host} {error}") from error
        except NotEncryptedError as error:
            raise ObjectError(
                f"{self._host} does not encrypt {self.where(key)}, as {ENCRYPTION} asks, and may "
                "have stored it as it is; use another service, or unset the variable"
            ) from error
        except S3DownloadFailedError as error:
            raise changed_while_read(self.where(key)) from error
        except UnicodeEncodeError as error:
            raise BadKeyError(f"{self.where(key)} is not UTF-8; rename the file") from error

    def where(self, key: str) -> str:
        """Return the bucket and the key, for messages."""
        return printable(f"{self.name}/{key}") if key else self.name

    @property
    def _host(self) -> str:
        return urlsplit(str(client_of(self.account).meta.endpoint_url)).netloc

    def _refusal(self, error: Any, key: str) -> StorageError:
        where, code = self.where(key), error_code(error)
        if code in _BARE and (listing := self._refusal_of_listing()) != "AccessDenied":
            code = listing or code  # The bucket itself is the cause.
        if code in NOT_FOUND and key:
            return NoObjectError(f"{where} does not exist")
        if code in (*NOT_FOUND, "NoSuchBucket"):
            return NoBucketError(
                f"bucket {self.bucket} does not exist on {self._host}; create it "
                f"({command('buckets')} create s3://{self.bucket}), or correct its name"
                f"{folder_hint(self.name)}"
            )
        usual: type[StorageError] = ObjectError if key else BucketRefusedError
        kind, way_out = _KINDS.get(code, (usual, _WAYS_OUT.get(code, "")))
        if _is_busy(error) and kind is usual:
            kind, way_out = UnavailableError, "try again later"
        elif code.startswith(_KEY_OF_ENCRYPTION):
            way_out = "enable the key of encryption, or let {keys} use it"
        elif code in _ACCESS_DENIED:
            owner = "who owns the object" if key else "the name, which may be somebody else's"
            way_out = f"check {{keys}}, {owner}, and the bucket's policies"
            if error.operation_name in ENCRYPTED and not self.account.encryption:
                way_out += f"; if they demand encryption, set {ENCRYPTION}=AES256 or aws:kms"
        elif code == "InvalidRequest" and "encrypt" in self._said(error).lower():
            way_out = "its sender has encrypted it with a separate key; send it without"
        parts = [f"{self._host} answered {code} for {where}{self._said(error)}"]
        parts += [self._formatted(way_out)] if way_out else []
        if self.account.encryption and error.operation_name in ENCRYPTED and kind is ObjectError:
            parts.append(f"{ENCRYPTION} is {self.account.encryption}")
        return kind("; ".join(parts) + ("" if key else folder_hint(self.name)))

    def _said(self, error: Any) -> str:
        text = " ".join(str(error.response.get("Error", {}).get("Message") or "").split())
        for secret in filter(None, (self.account.secret, self.account.key_id)):
            text = text.replace(secret, "…")
        return f": {printable(text[:MOST_SAID]).rstrip('.')}" if text else ""

    def _formatted(self, way_out: str) -> str:
        cellar = bool(self.account.endpoint)
        return way_out.format(
            host=self._host,
            endpoint=CELLAR[0] if cellar else "AWS_ENDPOINT_URL",
            keys=" and ".join(CELLAR[1:]) if cellar else "AWS's credentials",
            region=REGION if cellar else "AWS_DEFAULT_REGION",
            read_s=patience(self.account)[0],
        )

    def _failure(self, error: Exception, key: str) -> StorageError:
        from botocore import exceptions

        where, name = self.where(key), type(error).__name__
        if name == "ParamValidationError":
            kind = BadKeyError if key else BucketRefusedError
            return kind(f"S3 does not accept {where} as a bucket and key; correct the name")
        if "WRONG_VERSION_NUMBER" in str(error):
            name = "NoTLS"
        # Texts about connections have addresses, and may have a proxy's password.
        no_connection = (exceptions.ConnectionError, exceptions.HTTPClientError)
        is_told = isinstance(error, exceptions.BotoCoreError) and not isinstance(
            error, (*no_connection, exceptions.IncompleteReadError)
        )
        said = f"the connection to {self._host} broke ({name}); try again"
        if is_told:
            said = f"{printable(one_line(error))} (in ~/.aws/config, or an AWS_* variable)"
        return UnavailableError(f"{where}: {self._formatted(_NO_ANSWER.get(name, '')) or said}")

    def _refusal_of_listing(self) -> str | None:
        """Return the code with which a listing is refused, empty if it is allowed; None without an
        answer."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.probe()
        except ClientError as error:
            return error_code(error)
        except BotoCoreError:
            return None
        return ""


def is_access_denied(error: Any) -> bool:
    """Return whether a ClientError says that access is denied."""
    return error_code(error) in _ACCESS_DENIED


def error_code(error: Any) -> str:
    """Return the code of a ClientError, or the status if a proxy has answered with a page. Ceph's
    answers have a code but no message."""
    code = error.response.get("Error", {}).get("Code") or _status(error)
    return str(code or "an error without a code")


def _is_busy(error: Any) -> bool:
    """Return whether a ClientError is about the service, or a proxy before it, whatever code it
    has: they have many. A 500 may be about one object."""
    status = _status(error)
    return status == 429 or (status > 501 and status not in (505, 507))


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
