"""From the result of an operation to the bytes of an answer, and the faults that change its head or body."""

import base64

from .errors import status_of
from .operations import CONTENT_TYPE
from .transport import Answer, http_date, json_bytes

MARK = "@@raw:{}@@"


def common_headers(world):
    """The headers of every answer."""
    return [("Content-Type", CONTENT_TYPE), ("x-amzn-RequestId", world.chance.uuid()),
            ("Date", http_date(world.clock.date())), ("Connection", "keep-alive")]


def success(world, result):
    return Answer(200, json_bytes(result), common_headers(world))


def error_answer(world, error):
    """An error in its usual envelope: bare type in the body, type and text again in headers."""
    bare = error.type.rpartition("#")[2]
    body = {"__type": error.type}
    headers = common_headers(world) + [("x-amzn-ErrorType", f"{bare}:")]
    if error.message is not None:
        body["Message" if error.capital else "message"] = error.message
        headers.append(("x-amzn-ErrorMessage", error.message))
    body |= error.members
    return Answer(error.status or status_of(bare, world.settings.model_status), json_bytes(body), headers)


NAMESPACE = "com.amazonaws.cognito.identity.idp.model#"
SUFFIX = ":http://internal.amazon.com/coral/com.amazonaws.cognito.identity.idp.model/"
# envelope -> the body's type member as a function of the type; None: no such member
TYPE_FORMS = {
    "bare": lambda t: t, "namespace": lambda t: NAMESPACE + t, "colon": lambda t: t + SUFFIX,
    "namespace_colon": lambda t: NAMESPACE + t + SUFFIX, "trailing_space": lambda t: t + "  ",
    "empty": lambda t: "", "null": lambda t: None, "number": lambda t: 400, "huge": lambda t: t + "x" * 10240,
}
TEXT_MEMBERS = {"Message": "Message", "errorMessage": "errorMessage", "no_message": None}
HEADER_NAMES = {"header_upper": "X-AMZN-ERRORTYPE", "header_lower": "x-amzn-errortype"}
ENVELOPES = {*TYPE_FORMS, *TEXT_MEMBERS, *HEADER_NAMES, "code", "header_only", "header_empty_object", "disagree",
             "no_header", "query_error", "ok_status", "lower_type"}


def scripted_error(world, spec):
    """An error as a fault words it, in one of the known envelopes."""
    error_type, message, envelope = spec["type"], spec.get("message"), spec.get("envelope", "bare")
    body = {_type_member(envelope): TYPE_FORMS.get(envelope, TYPE_FORMS["bare"])(error_type)}
    text_member = TEXT_MEMBERS.get(envelope, "message")
    if message is not None and text_member:
        body[text_member] = message
    body |= spec.get("members", {})
    encoded = {"header_only": b"", "header_empty_object": b"{}"}.get(envelope, json_bytes(body))
    status = spec.get("status") or (200 if envelope == "ok_status" else
                                    status_of(error_type, world.settings.model_status))
    return Answer(status, encoded, common_headers(world) + _error_headers(envelope, error_type, message, spec))


def _type_member(envelope):
    return {"code": "code", "lower_type": "__Type"}.get(envelope, "__type")


def _error_headers(envelope, error_type, message, spec):
    if envelope in ("no_header", "code"):
        return []
    if envelope == "query_error":
        return [("x-amzn-query-error", f"{error_type};Sender")]
    shown = spec.get("header_type", "InternalErrorException" if envelope == "disagree" else error_type)
    headers = [(HEADER_NAMES.get(envelope, "x-amzn-ErrorType"), f"{shown}:")]
    if message is not None and envelope != "no_message" and message.isprintable():
        headers.append(("x-amzn-ErrorMessage", message))
    return headers


def patched(result, spec):
    """The result with members replaced (dotted names reach inside), None removing one, raw JSON text where given."""
    raw = {}
    for name, value in spec.get("patch", {}).items():
        _set_member(result, name.split("."), value)
    for number, (name, text) in enumerate(spec.get("patch_text", {}).items()):
        mark = MARK.format(number)
        raw[json_bytes(mark)] = text
        _set_member(result, name.split("."), mark)
    body = json_bytes(result)
    for mark, text in raw.items():
        body = body.replace(mark, text.encode("utf-8", "surrogatepass"))
    return body


def _set_member(result, path, value):
    *parents, last = path
    for name in parents:
        if not isinstance(result.get(name), dict):
            result[name] = {}
        result = result[name]
    if value is None:
        result.pop(last, None)
    else:
        result[last] = None if value == {"$null": True} else value


def reshape(answer, spec):
    """Status, body and headers as the fault has them."""
    if "body_base64" in spec:
        answer.body = base64.b64decode(spec["body_base64"])
    elif "body" in spec:
        answer.body = spec["body"].encode("utf-8", "surrogatepass")
    answer.body = (spec.get("body_prefix", "").encode() + answer.body + spec.get("body_suffix", "").encode())
    if "truncate" in spec:
        answer.body = answer.body[:spec["truncate"]]
    if "status" in spec:
        answer.status = spec["status"]
    answer.reason = spec.get("reason", answer.reason)
    _reshape_headers(answer, spec)
    return answer


def _reshape_headers(answer, spec):
    replaced = dict(spec.get("headers", {}))
    if "content_type" in spec:
        replaced["Content-Type"] = spec["content_type"]
    gone = {name.lower() for name in [*replaced, *spec.get("remove_headers", [])]}
    kept = [(name, value) for name, value in answer.headers if name.lower() not in gone]
    answer.headers = kept + [(name, value) for name, value in replaced.items() if value is not None]
