"""AWS credentials from their file and from the instance metadata service, and what the local Cognito says to them.

Duty: a signed call with each kind of credentials, through the rooms themselves (tests/driver/aws_driver.c) in an
environment that tries to mislead them; each fault of file and metadata service with its reason, what is said about it,
and the seconds it takes (printed as a table with `-s`); that version 1 of the metadata service is never used, and that
no secret is told.
"""

import os
import subprocess
import time

import pytest
from mock_cognito.defaults import POOL
from rig import accounts, network
from rig.proxy import Proxy

from system.house import AWS_FILE as FILE, CA_FILE, METADATA_ADDRESS as ADDRESS, write_file

OBJECTS = os.environ.get("OTP_OBJECTS", "")
KEY_ID, TEMPORARY_ID = "AKIDEXAMPLE", "ASIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDExample=="
LASTING = f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
TEMPORARY = LASTING.replace(KEY_ID, TEMPORARY_ID) + f"aws_session_token = {TOKEN}\n"
STEP = 1.0              # seconds that the metadata service has for an answer
SLACK = 1.5             # for a busy machine
CLEAN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
IMDS_STEPS = ["imds-token", "imds-roles", "imds-credentials"]
rows = []

pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(scope="module")
def driver(whole_house):
    """The path of aws_driver, as new as what is installed."""
    if not OBJECTS:
        pytest.skip("no build tree in OTP_OBJECTS")
    subprocess.run(["make", "-s", "-C", OBJECTS, "aws_driver"], check=True, timeout=120, capture_output=True)
    return os.path.join(OBJECTS, "aws_driver")


def run(driver, source, *, profile="default", deadline=20000, call=None, environment=None):
    """What aws_driver prints, as a dictionary, and the seconds it took; `call` is the house whose Cognito it asks."""
    asked = [call.cognito.numeric_endpoint, CA_FILE, POOL, "alice@example.com"] if call else []
    started = time.monotonic()
    done = subprocess.run([driver, source, profile, str(deadline), *asked], capture_output=True, text=True, timeout=30,
                          env={**CLEAN, **(environment or {})}, cwd="/", check=False)
    seconds = time.monotonic() - started
    assert done.returncode in (0, 1), done.stderr
    assert SECRET not in done.stdout and TOKEN not in done.stdout
    return dict(line.split("=", 1) for line in done.stdout.splitlines()), seconds


def refused(case, got, seconds, reason, words, limit=SLACK):
    """The driver gave this reason, with these words, in time."""
    rows.append((case, f"{got['reason']:<16} {seconds:5.2f} s  {got['note']}"))
    assert got["reason"] == reason, got
    assert words in got["note"], got
    assert "key_id" not in got and seconds < limit


def asked(metadata):
    """The steps that reached the metadata service; every GET of them was one of version 2."""
    requests = metadata.requests()
    for request in requests:
        named = "x-aws-ec2-metadata-token" in request["headers"]
        assert named == (request["method"] == "GET") and "x-forwarded-for" not in request["headers"], request
        assert request["method"] == "GET" or request["headers"]["x-aws-ec2-metadata-token-ttl-seconds"] == "60"
    return [request["operation"] for request in requests]


# --- a signed call --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, key_id, token", [(LASTING, KEY_ID, 0), (TEMPORARY, TEMPORARY_ID, len(TOKEN))])
def test_file(house, driver, text, key_id, token):
    """Credentials of the file, lasting or with a session token: the service accepts the signature."""
    write_file(FILE, text, 0o600)
    got, _ = run(driver, FILE, call=house)
    wanted = {"reason": "verified", "key_id": key_id, "token": str(token), "expires": "0", "status": "200"}
    assert wanted.items() <= got.items()
    (request,) = house.cognito.requests("AdminGetUser")
    assert ("x-amz-security-token" in request["headers"]) == bool(token)


def test_metadata_service(house, driver, metadata):
    """Credentials of the instance's role by version 2, with one token: the service accepts the signature."""
    got, _ = run(driver, "imds", call=house)
    wanted = {"reason": "verified", "key_id": TEMPORARY_ID, "token": str(len(TOKEN)), "status": "200"}
    assert wanted.items() <= got.items()
    assert 6 * 3600 - 60 < int(got["expires"]) - time.time() <= 6 * 3600
    assert asked(metadata) == IMDS_STEPS
    assert metadata.connections()["accepted"] == 1
    assert [request["path"] for request in metadata.requests()][2].endswith("/security-credentials/pam-host")


def change_secret(house):
    """The key that the service knows is another one."""
    house.cognito.credential(KEY_ID, secret=SECRET + "x")


def skew(seconds):
    """The service's clock for signatures differs by so much."""
    return lambda house: house.cognito.set_clock(signature_offset=seconds)


REFUSED_THERE = {
    "another secret": (change_secret, LASTING, "InvalidSignatureException"),
    "6 min slow": (skew(360), LASTING, "InvalidSignatureException"),
    "6 min fast": (skew(-360), LASTING, "InvalidSignatureException"),
    "an unknown key": (None, LASTING.replace(KEY_ID, "AKIDUNKNOWN"), "UnrecognizedClientException"),
    "no token where one must be": (None, LASTING.replace(KEY_ID, TEMPORARY_ID), "UnrecognizedClientException"),
    "another token": (None, TEMPORARY.replace("FwoG", "AwoG"), "UnrecognizedClientException"),
    "a token without need": (None, TEMPORARY.replace(TEMPORARY_ID, KEY_ID), "UnrecognizedClientException"),
    "expired": (lambda house: house.cognito.credential(TEMPORARY_ID, expires=-1), TEMPORARY, "ExpiredTokenException"),
    "not allowed": (lambda house: house.cognito.credential(KEY_ID, denied=["AdminGetUser"]), LASTING,
                    "AccessDeniedException"),
}


@pytest.mark.parametrize("case", REFUSED_THERE)
def test_the_service_refuses(house, driver, case):
    """The local service verifies what it is given: each kind of wrong signature has its own answer."""
    change, text, error = REFUSED_THERE[case]
    write_file(FILE, text, 0o600)
    if change:
        change(house)
    got, _ = run(driver, FILE, call=house)
    rows.append((f"the service, {case}", f"{got['status']} {got['error_type']}"))
    assert (got["status"], got["error_type"].rstrip(":")) == ("400", error)


@pytest.mark.parametrize("seconds", [240, -240])
def test_a_clock_that_is_a_little_off(house, driver, seconds):
    """Four minutes are within what the service allows."""
    write_file(FILE, LASTING, 0o600)
    skew(seconds)(house)
    assert run(driver, FILE, call=house)[0]["status"] == "200"


# --- the environment ------------------------------------------------------------------------------------------------


def hostile(trap, folder):
    """Everything by which AWS's own tools and libcurl would be led elsewhere."""
    os.makedirs(f"{folder}/.aws", exist_ok=True)
    write_file(f"{folder}/.aws/credentials", LASTING.replace(KEY_ID, "AKIDHOME"), 0o600)
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    return {
        **dict.fromkeys(names, trap), "NO_PROXY": "", "no_proxy": "", "HOME": folder,
        "AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x",
        "AWS_PROFILE": "other", "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/.aws/credentials",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": trap, "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{trap}/credentials",
    }


@pytest.mark.parametrize("source, key_id", [("imds", TEMPORARY_ID), (FILE, KEY_ID)])
def test_the_environment_has_no_say(house, driver, metadata, source, key_id):
    """Neither proxies nor credentials nor addresses of an environment: nothing is even connected to."""
    write_file(FILE, LASTING, 0o600)
    with Proxy(house.cognito.https_port) as trap:
        got, _ = run(driver, source, call=house, environment=hostile(trap.url, accounts.temporary_folder()))
        assert (got["reason"], got["key_id"], got["status"]) == ("verified", key_id, "200")
        assert trap.visitors == 0
    assert asked(metadata) == (IMDS_STEPS if source == "imds" else [])


# --- the file -------------------------------------------------------------------------------------------------------


def give_away():
    """The file belongs to a user."""
    os.chown(FILE, 7001, 7001)


def make_link():
    """A link stands in its place."""
    os.rename(FILE, FILE + ".real")
    os.symlink(FILE + ".real", FILE)


def make_fifo():
    """Something that makes a reader wait."""
    os.unlink(FILE)
    os.mkfifo(FILE, 0o600)


FILE_CASES = {
    "missing": (LASTING, lambda: os.unlink(FILE), "config_open", f"{FILE}: No such file"),
    "mode 0644": (LASTING, lambda: os.chmod(FILE, 0o644), "config_unsafe", "mode 0644 lets others read a secret"),
    "mode 0640": (LASTING, lambda: os.chmod(FILE, 0o640), "config_unsafe", "mode 0640 lets others read a secret"),
    "mode 0620": (LASTING, lambda: os.chmod(FILE, 0o620), "config_unsafe", "mode 0620 lets others write"),
    "a user's": (LASTING, give_away, "config_unsafe", "belongs to uid 7001"),
    "a link": (LASTING, make_link, "config_unsafe", "symbolic link"),
    "a FIFO": (LASTING, make_fifo, "config_unsafe", "not a regular file"),
    "64 KiB and one": (LASTING.ljust(65537, "#"), None, "config_open", "larger than 65536 bytes"),
    "empty": ("", None, "aws_credentials", f"{FILE}: no profile [default]"),
    "another profile": (LASTING.replace("default", "other"), None, "aws_credentials", "no profile [default]"),
    "a profile twice": (LASTING + LASTING, None, "aws_credentials", f"{FILE}:4: default: a second time"),
    "a key twice": (LASTING + f"aws_access_key_id = {KEY_ID}\n", None, "aws_credentials", ":4: aws_access_key_id"),
    "quotes": (LASTING.replace(SECRET, f'"{SECRET}"'), None, "aws_credentials", ":3: aws_secret_access_key: in quotes"),
    "no value": (LASTING.replace(SECRET, ""), None, "aws_credentials", ":3: aws_secret_access_key: empty"),
    "no secret": (LASTING[:LASTING.rindex("aws_")], None, "aws_credentials", "no aws_secret_access_key in profile"),
    "a NUL": (LASTING + "aws_session_token = a\0b\n", None, "aws_credentials", f"{FILE}:4: a NUL byte"),
    "a page of HTML": ("<html>\n", None, "aws_credentials", f"{FILE}:1: neither [profile] nor key = value"),
}


@pytest.mark.parametrize("case", FILE_CASES)
def test_faults_of_the_file(house, driver, clean_file, case):
    """Each with its reason, file and line, at once, and without what stands there."""
    text, spoil, reason, words = FILE_CASES[case]
    write_file(FILE, text, 0o600)
    if spoil:
        spoil()
    refused(f"file, {case}", *run(driver, FILE, call=house), reason, words)
    assert house.untouched()


@pytest.mark.parametrize("case, text, profile", [
    ("CRLF", LASTING.replace("\n", "\r\n"), "default"),
    ("no blanks around the sign", LASTING.replace(" = ", "="), "default"),
    ("many blanks", LASTING.replace(" = ", " \t =  ").replace("\n", " \n"), "default"),
    ("comments and other keys", "# a\n; b\n\n" + LASTING + "region = eu-west-1\n", "default"),
    ("another profile before it", "[other]\naws_access_key_id = x\n" + LASTING, "default"),
    ("the profile that is named", LASTING.replace(KEY_ID, "AKIDOTHER") + LASTING.replace("default", "pam.x"), "pam.x"),
])
def test_forms_of_the_file(house, driver, case, text, profile):
    """What AWS's own tools write and read."""
    write_file(FILE, text, 0o600)
    got, seconds = run(driver, FILE, profile=profile, call=house)
    rows.append((f"file, {case}", f"{got['reason']:<16} {seconds:5.2f} s"))
    assert (got["reason"], got["key_id"], got["status"]) == ("verified", KEY_ID, "200")


# --- the metadata service -------------------------------------------------------------------------------------------


def fault(operation, times=1, **spec):
    """A scripted fault of one step."""
    return lambda metadata: metadata.fault(operation, times=times, **spec)


def machine(**changes):
    """The machine is like this."""
    return lambda metadata: metadata.imds(**changes)


TOKEN_STEP, LIST_STEP, ROLE_STEP = "IMDSv2, token: ", "IMDSv2, role list: ", "IMDSv2, credentials of the role: "
V1_ONLY = "it does not know version 2 of the service, and version 1 is never used"
HTML = "<html><body>Welcome to the hotel</body></html>"
# what happens: (how it is made, words of the note, how many steps are asked)
IMDS_CASES = {
    "version 1 only, 405": (machine(version="v1"), TOKEN_STEP + "status 405: " + V1_ONLY, 1),
    "version 1 only, 404": (fault("imds-token", status=404), TOKEN_STEP + "status 404: " + V1_ONLY, 1),
    "disabled, 403": (machine(version="disabled"), TOKEN_STEP + "status 403: forbidden: HttpEndpoint is disabled", 1),
    "400 for the token": (fault("imds-token", status=400), TOKEN_STEP + "status 400: it gives no token", 1),
    "500 for the token": (fault("imds-token", status=500), TOKEN_STEP + "status 500: it gives no token", 1),
    "a token of HTML": (fault("imds-token", body=HTML), TOKEN_STEP + "the answer is not a token", 1),
    "a token of two lines": (fault("imds-token", body="a\r\nX-Evil: 1"), TOKEN_STEP + "the answer is not a token", 1),
    "no token in it": (fault("imds-token", body=""), TOKEN_STEP + "the answer is not a token", 1),
    "a redirect to itself": (
        fault("imds-token", transport="redirect", status=307, location=f"http://{ADDRESS}/latest/api/token"),
        TOKEN_STEP + "status 307: a redirect", 1),
    "garbage": (fault("imds-token", transport="garbage"), "what answers there is no metadata service", 1),
    "a reset": (fault("imds-token", transport="reset_body"), TOKEN_STEP, 1),
    "closed": (fault("imds-token", transport="close_before"), TOKEN_STEP, 1),
    "an endless header": (fault("imds-token", transport="endless_header"), "larger than any real one", 1),
    "refused for ever": (fault("imds-roles", times=None, status=401), LIST_STEP + "status 401: it refuses the", 4),
    "refused twice, in two steps": (
        lambda metadata: (fault("imds-roles", status=401)(metadata), fault("imds-credentials", status=401)(metadata)),
        ROLE_STEP + "status 401: it refuses the token", 5),
    "no role, 404": (machine(roles=None), LIST_STEP + "status 404: no role", 2),
    "no role, empty": (machine(roles=""), LIST_STEP + "no role", 2),
    "no role, a line end": (machine(roles="\r\n"), LIST_STEP + "no role", 2),
    "two roles": (machine(roles="pam-host\nother"), LIST_STEP + "more than one role", 2),
    "a role with a path": (machine(roles="../../user-data"), LIST_STEP + "the answer is not the name of a role", 2),
    "a role of dots": (machine(roles=".."), LIST_STEP + "the answer is not the name of a role", 2),
    "a role with a query": (machine(roles="pam-host?x"), LIST_STEP + "the answer is not the name of a role", 2),
    "a role of HTML": (machine(roles=HTML), LIST_STEP + "the answer is not the name of a role", 2),
    "a role of 65 letters": (machine(roles="r" * 65), LIST_STEP + "the answer is not the name of a role", 2),
    "a role of 10 MiB": (fault("imds-roles", transport="huge_body", size=10 << 20), LIST_STEP, 2),
    "a redirect for the list": (
        fault("imds-roles", transport="redirect", location=f"http://{ADDRESS}/latest/meta-data/iam/x"),
        LIST_STEP + "status 302: a redirect", 2),
    "another Code": (machine(code="AssumeRoleUnauthorizedAccess"), "Code is AssumeRoleUnauthorizedAccess, not", 3),
    "another Code, with keys": (fault("imds-credentials", patch={"Code": "Failed"}), "Code is Failed, not Success", 3),
    "no Code": (fault("imds-credentials", patch={"Code": None}), "no Code", 3),
    "no Token": (fault("imds-credentials", patch={"Token": None}), "Token is missing", 3),
    "a Token that is no text": (fault("imds-credentials", patch={"Token": 7}), "Token is missing", 3),
    "no AccessKeyId": (fault("imds-credentials", patch={"AccessKeyId": None}), "AccessKeyId is missing", 3),
    "no SecretAccessKey": (fault("imds-credentials", patch={"SecretAccessKey": None}), "SecretAccessKey is missing", 3),
    "no Expiration": (fault("imds-credentials", patch={"Expiration": None}), "no Expiration of the form", 3),
    "a bad Expiration": (machine(expiration="tomorrow"), "no Expiration of the form", 3),
    "a day that is none": (machine(expiration="2031-02-29T00:00:00Z"), "no Expiration of the form", 3),
    "a member twice": (fault("imds-credentials", patch_text={"Token": '"a","Token":"b"'}), "appears twice", 3),
    "credentials of HTML": (fault("imds-credentials", body=HTML), ROLE_STEP + "not a single well-formed JSON", 3),
    "half of the credentials": (fault("imds-credentials", truncate=60), ROLE_STEP + "not a single well-formed JSON", 3),
    "credentials of 1 MiB": (fault("imds-credentials", transport="huge_body", size=1 << 20), ROLE_STEP, 3),
    "404 for the role": (fault("imds-credentials", status=404), ROLE_STEP + "status 404: no role", 3),
}


@pytest.mark.parametrize("case", IMDS_CASES)
def test_faults_of_the_metadata_service(house, driver, metadata, case):
    """Each with its reason, its step and what to do, at once; nothing reaches the sign-in service."""
    make, words, steps = IMDS_CASES[case]
    make(metadata)
    refused(f"IMDS, {case}", *run(driver, "imds", call=house), "aws_imds", words)
    assert len(asked(metadata)) == steps
    assert house.untouched()


SILENT = {
    "no answer for the token": ("imds-token", "silent", "HttpPutResponseHopLimit 1 in a container"),
    "half a token, then nothing": ("imds-token", "slow_body", TOKEN_STEP),
    "no answer for the list": ("imds-roles", "silent", LIST_STEP),
    "a list byte by byte": ("imds-roles", "slow_headers", LIST_STEP),
    "no answer for the role": ("imds-credentials", "silent", ROLE_STEP),
    "endless credentials": ("imds-credentials", "endless_chunks", ROLE_STEP),
}


@pytest.mark.parametrize("case", SILENT)
def test_silence_of_the_metadata_service(house, driver, metadata, case):
    """A step has a second, and is not asked again."""
    operation, transport, words = SILENT[case]
    metadata.fault(operation, transport=transport, hold=30)
    refused(f"IMDS, {case}", *run(driver, "imds", call=house), "aws_imds", words, limit=STEP + SLACK)
    assert asked(metadata) == IMDS_STEPS[:IMDS_STEPS.index(operation) + 1]


@pytest.mark.parametrize("case, what, limit", [("nobody", "reject", SLACK), ("no way to it", "drop", STEP + SLACK)])
def test_no_metadata_service(house, driver, case, what, limit):
    """A machine that is no EC2 instance, and one whose firewall is in between."""
    with network.packets(f"ip daddr {ADDRESS} {what}"):
        refused(f"IMDS, {case}", *run(driver, "imds", call=house), "aws_imds", "not an EC2 instance", limit=limit)
    assert house.untouched()


def test_the_deadline_is_shorter(house, driver, metadata):
    """What is left of the whole call is all that a step has."""
    metadata.fault("imds-token", transport="silent", hold=30)
    refused("IMDS, 200 ms left", *run(driver, "imds", deadline=200), "aws_imds", TOKEN_STEP, limit=STEP)


def test_it_has_expired(house, driver, metadata):
    """Credentials that are over are none, and it is said since when."""
    metadata.imds(life=-1)
    words = ROLE_STEP + "they have expired at 20"
    refused("IMDS, credentials that have expired", *run(driver, "imds"), "aws_expired", words)


@pytest.mark.parametrize("operation", ["imds-roles", "imds-credentials"])
def test_a_token_that_has_expired(house, driver, metadata, operation):
    """401 once: one new token, and the same step again."""
    metadata.fault(operation, status=401)
    got, _ = run(driver, "imds", call=house)
    assert (got["reason"], got["status"]) == ("verified", "200")
    place = IMDS_STEPS.index(operation)
    assert asked(metadata) == [*IMDS_STEPS[:place + 1], "imds-token", *IMDS_STEPS[place:]]


@pytest.mark.parametrize("roles", ["pam-host\n", "pam-host\r\n", "A+b=c,d.e@f_g-9"])
def test_names_of_roles(house, driver, metadata, roles):
    """A line end behind it, and every letter that a name may have."""
    metadata.imds(roles=roles)
    assert run(driver, "imds", call=house)[0]["status"] == "200"
    assert metadata.requests()[2]["path"].endswith("/security-credentials/" + roles.strip())


def test_version_one_beside_version_two(house, driver, metadata):
    """Where both answer, version 2 is what is used."""
    metadata.imds(version="optional")
    assert run(driver, "imds", call=house)[0]["status"] == "200"
    assert asked(metadata) == IMDS_STEPS


def test_version_one_is_not_tried(house, driver, metadata):
    """Version 1 would answer, and version 2 does not: no credentials."""
    metadata.imds(version="optional")
    metadata.fault("imds-token", times=None, status=403)
    refused("IMDS, version 2 refused beside version 1", *run(driver, "imds"), "aws_imds", TOKEN_STEP + "status 403")
    assert asked(metadata) == ["imds-token"]
