"""Signature Version 4: recomputes the signature of a raw request and refuses like the service does."""

import calendar
import hashlib
import hmac
import re
import time

from .errors import ServiceError

SERVICE = "cognito-idp"
ALLOWED_SKEW = 300


def sha256_hex(data):
    return hashlib.sha256(data).hexdigest()


def canonical_request(method, path, query, headers, signed_names, body):
    """`headers` maps lower-case names to values; only the signed ones go in."""
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed_names)
    return "\n".join([method, path, query, lines, ";".join(signed_names), sha256_hex(body)])


def signing_key(secret, date, region, service=SERVICE):
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signature(secret, amz_date, region, canonical, service=SERVICE):
    scope = f"{amz_date[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", amz_date, scope, sha256_hex(canonical.encode())])
    return hmac.new(signing_key(secret, amz_date[:8], region, service), to_sign.encode(), hashlib.sha256).hexdigest()


def parse_authorization(value):
    """Access key, credential scope, signed header names and signature of an Authorization header."""
    match = re.fullmatch(r"AWS4-HMAC-SHA256\s+(.*)", value.strip())
    fields = dict(part.strip().split("=", 1) for part in match[1].split(",") if "=" in part) if match else {}
    if not {"Credential", "SignedHeaders", "Signature"} <= set(fields):
        raise ServiceError("IncompleteSignatureException",
                           "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.")
    access_key, *scope = fields["Credential"].split("/")
    return access_key, scope, fields["SignedHeaders"].split(";"), fields["Signature"]


class Verifier:
    """Judges requests against the configured credentials and the virtual clock."""

    def __init__(self, clock, store):
        self.clock = clock
        self.store = store

    def check(self, request, region, operation, resource):
        """Return if the request is signed by somebody who may call the operation."""
        header = request.headers.get("authorization")
        if not header:
            raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
        access_key, scope, signed, given = parse_authorization(header)
        credential = self._credential(access_key, request)
        amz_date = request.headers.get("x-amz-date", "")
        self._check_scope(scope, amz_date, region)
        self._check_signed_names(signed, request)
        self._check_signature(request, credential, amz_date, region, signed, given)
        self._check_date(amz_date)
        self._check_permission(credential, operation, resource)

    def _credential(self, access_key, request):
        credential = self.store.credentials.get(access_key)
        if credential is None or (credential.get("token") or "") != request.headers.get("x-amz-security-token", ""):
            raise ServiceError("UnrecognizedClientException", "The security token included in the request is invalid.")
        expires = credential.get("expires")
        if credential.get("expired") or (expires is not None and expires <= self.clock.signature()):
            raise ServiceError("ExpiredTokenException", "The security token included in the request is expired")
        return credential

    @staticmethod
    def _check_scope(scope, amz_date, region):
        wanted = [amz_date[:8], region, SERVICE, "aws4_request"]
        if scope != wanted:
            raise ServiceError("InvalidSignatureException",
                               f"Credential should be scoped to {'/'.join(wanted)}, not {'/'.join(scope)}.")

    @staticmethod
    def _check_signed_names(signed, request):
        must = {"host", "x-amz-date"} | {name for name in request.headers if name.startswith("x-amz-")}
        missing = sorted(must - set(signed))
        if missing or signed != sorted(signed):
            raise ServiceError("InvalidSignatureException",
                               f"'{missing[0] if missing else 'SignedHeaders'}' must be a 'SignedHeader' in the "
                               "AWS Authorization.")

    @staticmethod
    def _check_signature(request, credential, amz_date, region, signed, given):
        path, _, query = request.path.partition("?")
        canonical = canonical_request(request.method, path, query, request.headers, signed, request.body)
        if not hmac.compare_digest(signature(credential["secret"], amz_date, region, canonical).encode(),
                                   given.encode("utf-8", "replace")):
            raise ServiceError(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.")

    def _check_date(self, amz_date):
        try:
            signed_at = calendar.timegm(time.strptime(amz_date, "%Y%m%dT%H%M%SZ"))
        except ValueError as error:
            raise ServiceError("IncompleteSignatureException",
                               "Date must be in ISO-8601 'basic format'.") from error
        now = self.clock.signature()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        if signed_at < now - ALLOWED_SKEW:
            raise ServiceError("InvalidSignatureException",
                               f"Signature expired: {amz_date} is now earlier than {stamp} - 5 min.")
        if signed_at > now + ALLOWED_SKEW:
            raise ServiceError("InvalidSignatureException",
                               f"Signature not yet current: {amz_date} is still later than {stamp} + 5 min.")

    @staticmethod
    def _check_permission(credential, operation, resource):
        denied = credential.get("denied", [])
        if "*" in denied or operation in denied:
            raise ServiceError(
                "AccessDeniedException",
                "User: arn:aws:sts::111122223333:assumed-role/host/i-0abc is not authorized to perform: "
                f"cognito-idp:{operation} on resource: {resource} because no identity-based policy allows the "
                f"cognito-idp:{operation} action", capital=True)
