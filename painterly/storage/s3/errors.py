"""Errors of botocore → StorageErrors of one line, without a URL or a secret."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from painterly.errors import StorageError
from painterly.settings.installation import command
from painterly.storage.address import REGION, Account, folder_hint
from painterly.storage.base import (
    BadKeyError,
    BucketRefusedError,
    NoBucketError,
    ObjectError,
    UnavailableError,
    changed_while_read,
)
from painterly.storage.s3 import client
from painterly.words.wording import printable

# The answer to a HEAD has no body that could name a code: botocore returns the status instead.
_BARE = ("NotFound", "404", "400", "403")
NOT_FOUND = ("NoSuchKey", "NotFound", "404")
# Answers to a conditional write if the object has changed, is gone, or is being written.
CONFLICTS = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404")
# Answers to a request that a service does not have.
NOT_OFFERED = ("NotImplemented", "MethodNotAllowed", "501", "405")
_ACCESS_DENIED = ("AccessDenied", "403")
_READS = ("GetObject", "HeadObject")
_REFUSED = (
    *(*_ACCESS_DENIED, "401", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    *("ExpiredToken", "InvalidToken", "AccountProblem", "UserSuspended"),
)
_BUSY = (UnavailableError, "{host} answered {code} for {where}; try again later")
# botocore also reports this for a web page instead of a listing.
_ODD = (UnavailableError, f"{_BUSY[1]}; if that lasts, check CELLAR_ADDON_HOST")
_OTHER_REGION = (
    UnavailableError,
    "{host} says that {where} is in another region ({code}); set {region}",
)
_ARCHIVED = (
    ObjectError,
    "{where} is archived{storage_class} and cannot be read before it is restored; restore it (aws "
    "s3api restore-object, or Initiate restore in Amazon's console), which takes hours, and try "
    "again",
)
_ENCRYPTED = (
    ObjectError,
    "{where} is encrypted with a key of AWS KMS that cannot be used ({code}); enable the key",
)
_ACCELERATED = (
    UnavailableError,
    "{host} does not accelerate {bucket} ({code}), which use_accelerate_endpoint in ~/.aws/config "
    "asks for; remove it there, or turn on the bucket's acceleration",
)
_BAD_KEY = (BadKeyError, "{host} does not accept the key {where} ({code}); 1,024 bytes at most")
_NAME_TAKEN = (
    "{bucket} belongs to somebody else on {host} ({code}); bucket names are shared by all "
    "customers, so choose another"
)
_NAME_REFUSED = "{host} does not accept the name {bucket} ({code}); choose another name"
_DAMAGED = (ObjectError, "{where} arrived damaged at {host} each time ({code}); try again")
_WRONG_CLOCK = "{host} refused {where} ({code}): this machine's clock is wrong; set it"
_ANSWERS: dict[str, tuple[type[StorageError], str]] = {
    "InvalidObjectState": _ARCHIVED,
    **dict.fromkeys(("KMS.DisabledException", "KMS.NotFoundException"), _ENCRYPTED),
    **dict.fromkeys(("KMS.KMSInvalidStateException", "KMS.InvalidStateException"), _ENCRYPTED),
    "NoSuchUpload": (ObjectError, "{where}: the upload was aborted meanwhile; try again"),
    **dict.fromkeys(client.DAMAGED, _DAMAGED),
    "BucketAlreadyExists": (BucketRefusedError, _NAME_TAKEN),
    "InvalidBucketName": (BucketRefusedError, _NAME_REFUSED),
    "RequestTimeTooSkewed": (UnavailableError, _WRONG_CLOCK),
    **dict.fromkeys(("PermanentRedirect", "301", "AuthorizationHeaderMalformed"), _OTHER_REGION),
    **dict.fromkeys(("KeyTooLongError", "InvalidObjectName", "InvalidURI"), _BAD_KEY),
    **dict.fromkeys(("SlowDown", "ServiceUnavailable", "InternalError"), _BUSY),
    **dict.fromkeys(("502", "503", "504"), _BUSY),
    "500": _ODD,
}
_NO_CREDENTIALS = f"no credentials for {{where}}; {client.CREDENTIALS_HINT}"
_NO_CONNECTION = "cannot connect to {host} for {where}; check {check}"
# Messages for requests without an answer, by the class of botocore's exception.
_NO_ANSWER = {
    **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError"), _NO_CREDENTIALS),
    **dict.fromkeys(("ConnectTimeoutError", "EndpointConnectionError"), _NO_CONNECTION),
    "NoTLS": "{host} answers without TLS; if that is meant, write http://{host} in "
    "CELLAR_ADDON_HOST",
    "SSLError": "{host}: TLS failed; if your own authority signed its certificate, set "
    "AWS_CA_BUNDLE to that authority's certificate file",
    # Its text has the proxy's password.
    "ProxyConnectionError": "cannot connect to the proxy on the way to {host}; check the variables "
    "HTTP_PROXY and HTTPS_PROXY, or name the host in NO_PROXY",
    "ReadTimeoutError": "{host} did not answer for {where} within {read_s} s",
}


class CutListingError(Exception):
    """A service says that there is more than it has listed, and does not list it.

    Attributes:
        last: The last key that it listed; empty if there is none.
    """

    def __init__(self, last: str) -> None:
        super().__init__(last)
        self.last = last


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
        except (ResponseParserError, KeyError) as error:
            what = "does not answer as an S3 service does; check CELLAR_ADDON_HOST"
            raise UnavailableError(f"{self._host} {what}") from error
        except CutListingError as error:
            after = f" after {printable(error.last)}" if error.last else ""
            raise BucketRefusedError(
                f"{self._host} ends the listing of {self.name} early: it says that more "
                f"follows{after}, and lists nothing more; use a bucket with fewer objects, or "
                "another service"
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
        if self.account.endpoint or client.other_endpoint(self.account):
            return urlsplit(self.account.url or client.endpoint_of(self.account)).netloc
        return "Amazon S3"

    def _refusal(self, error: Any, key: str) -> StorageError:
        where, host, code = self.where(key), self._host, error_code(error)
        kind: type[StorageError] = ObjectError if key else BucketRefusedError
        if code in _BARE and (listing := self._refusal_of_listing()) != "AccessDenied":
            code = listing or code  # The bucket itself is the cause.
        if code in NOT_FOUND and key:
            return ObjectError(f"{where} does not exist")
        if code in (*NOT_FOUND, "NoSuchBucket"):
            return NoBucketError(
                f"bucket {self.bucket} does not exist on {host}; create it "
                f"({command('buckets')} create {self.bucket}), or correct its name"
                f"{folder_hint(self.name)}"
            )
        if code in _REFUSED:
            return self._no_access(error.operation_name, key, code)
        usual = _BUSY if _is_busy(error) else (kind, "{host} answered {code} for {where}")
        if code == "InvalidRequest" and client.is_accelerated(self.account):
            usual = _ACCELERATED
        kind, text = _ANSWERS.get(code, usual)
        storage_class = error.response.get("Error", {}).get("StorageClass")
        region = REGION if self.account.endpoint else "AWS_DEFAULT_REGION"
        return kind(
            text.format(
                host=host,
                code=code,
                where=where,
                bucket=self.bucket,
                region=region,
                storage_class=f" ({printable(storage_class)})" if storage_class else "",
            )
        )

    def _no_access(self, operation: str, key: str, code: str) -> StorageError:
        host, where, is_denied = self._host, self.where(key), code in _ACCESS_DENIED
        kind: type[StorageError] = UnavailableError  # Wrong credentials fail for all objects.
        if is_denied:
            kind = ObjectError if key else BucketRefusedError
        check = "CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET"
        if not self.account.endpoint:
            check = "AWS's credentials, and the policies of the bucket and of its encryption key"
        if is_denied and key and operation in _READS and self._refusal_of_listing() == "":
            return kind(
                f"{host} refused {where} ({code}), and allows to list the bucket: the object "
                "belongs to another account, or a policy or an encryption key protects it; let "
                "its owner allow access, for example with bucket-owner-full-control"
            )
        if is_denied and not key:
            check = f"the name, which somebody else's bucket may have, and {check}"
        if is_denied and (not key or operation in _READS):
            check += "; a bucket whose requester pays cannot be used"
        if not key:
            check += folder_hint(self.name)
        return kind(f"{host} refused {where} ({code}); check {check}")

    def _failure(self, error: Exception, key: str) -> StorageError:
        where, name = self.where(key), type(error).__name__
        if name == "ParamValidationError":
            kind = BadKeyError if key else BucketRefusedError
            return kind(f"S3 does not accept {where} as a bucket and key; correct the name")
        if name == "EndpointResolutionError":  # as for acceleration at a service that has none
            return UnavailableError(client.wrong_setting(error))
        if "WRONG_VERSION_NUMBER" in str(error):
            name = "NoTLS"
        if unusable := client.unusable_credentials(error):
            return UnavailableError(f"no access to {where}: {unusable}")
        text = _NO_ANSWER.get(
            name, "the connection to {host} broke for {where} ({name}); try again"
        )
        check = "CELLAR_ADDON_HOST and the network" if self.account.endpoint else "the network"
        if setting := client.other_endpoint(self.account):
            check = f"{setting}, which names it, and the network"
        read_s, _ = client.patience(self.account)
        return UnavailableError(
            text.format(host=self._host, where=where, name=name, check=check, read_s=read_s)
        )

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
