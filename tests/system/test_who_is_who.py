"""Who is who: the user map, the tokens, the filters and the users without mapping, one row for each way in or out.

Duty: for each way in which a name, a line of the map, a claim or a setting can be taken for another, what PAM is told,
what the log says, and whether a mail has left. Rows that let somebody in stand beside those that do not.
"""

import collections
import contextlib
import os
from dataclasses import dataclass, field

import pytest
from driver.driver import PamCall
from driver.people import SERVICE, TERMINAL
from mock_cognito.defaults import POOL
from rig import accounts, pam

from system.house import STATE, USER_MAP, no_groups_file, write_file

ALICE = "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
BOB = "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"
PHONE = "+12065550199"
MAIL = "alice@example.com"
NULL = {"$null": True}
BY_MAIL = f"alice email:{MAIL}"
BY_NAME = f"alice username:{ALICE}"
BY_PHONE = f"carol phone:{PHONE}"
LEAST = {"charset": 15, "case": 10, "claims": 20, "pins": 10, "duplicates": 10, "filters": 10, "unmapped": 10}
IN = ("PAM_SUCCESS", "verified", 1)
rows = []
pytestmark = pytest.mark.usefixtures("table")


@dataclass
class Case:
    """One row: what is there, and what must come of it."""

    kind: str
    name: str
    result: tuple                   # what PAM is told, the reason in the log, the mails
    user: str = "alice"
    user_map: tuple = (BY_MAIL, "bob email:bob@example.com")        # None: there is none
    settings: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    swap: bool = False
    pool: dict = field(default_factory=dict)
    people: dict = field(default_factory=dict)      # Cognito users: {name: what is changed}
    service: str = SERVICE
    arguments: str = ""             # on the PAM line
    around: object = None           # what else is changed meanwhile
    pins: str = None                # what is in the file of pins; None: there is none
    person: str = None              # what is typed where several people share the account


def denied(reason, mails=0):
    """The result of a row in which he is refused."""
    return "PAM_AUTH_ERR", reason, mails


def unusable(reason):
    """The result of a row in which nobody gets in until it is repaired."""
    return "PAM_SERVICE_ERR", reason, 0


UNKNOWN = ("PAM_USER_UNKNOWN", "user_unknown", 0)
FILTERED = ("PAM_PERM_DENIED", "user_filtered", 0)
NOBODY = ("PAM_MAXTRIES", "tries_exhausted", 0)     # the service plays the same for a name that it does not know
BAD_LINE = unusable("map_syntax")


def shared(name, result, person, *user_map, **more):
    """A row about an account that several people have."""
    return Case("duplicates", name, result, user="deploy", user_map=user_map, person=person, **more)


def lines(kind, name, result, *user_map, **more):
    """A row about what stands in the map."""
    return Case(kind, name, result, user_map=user_map, **more)


def named(kind, name, user, result=UNKNOWN, **more):
    """A row about the name that PAM is given."""
    return Case(kind, name, result, user=user, **more)


def claims(kind, name, result, /, both=None, access=None, user_map=(BY_MAIL,), append=None, **identity):
    """A row about what stands in the tokens."""
    tokens = {"id": {"claims": {**identity, **(both or {})}}, "access": {"claims": {**(access or {}), **(both or {})}}}
    if append:
        tokens["id"]["append"] = append
    return Case(kind, name, result, user_map=user_map, tokens=tokens, user=user_map[0].split()[0],
                pool={"username_attributes": ["email", "phone_number"]} if user_map[0] == BY_PHONE else {})


def email(kind, name, value, result=None):
    """A row about the claim email."""
    return claims(kind, name, result or denied("identity_email", 1), email=value)


CHARSET = [
    *[lines("charset", f"map: {name}", BAD_LINE, line, "bob email:bob@example.com") for name, line in {
        "Cyrillic letter in the local name": f"\u0430lice email:{MAIL}",
        "Cyrillic letter in the address": "alice email:\u0430lice@example.com",
        "full-width letter in the address": "alice email:\uff41lice@example.com",
        "full-width @": "alice email:alice\uff20example.com",
        "combining accent in the address": "alice email:alice\u0301@example.com",
        "Greek question mark behind it": f"{BY_MAIL}\u037e",
        "right-to-left override": f"alice email:\u202e{MAIL}",
        "no-break space behind it": f"{BY_MAIL}\u00a0",
        "no width at all": "alice email:al\u200bice@example.com",
        "byte order mark before the first line": f"\ufeff{BY_MAIL}",
        "NUL in the address": f"{BY_MAIL}\0.evil.example",
        "escape sequence": f"alice email:\x1b[8m{MAIL}",
        "form feed in place of a blank": f"alice\femail:{MAIL}",
        "no text at all": "alice email:\udcff@example.com",
    }.items()],
    lines("charset", "map: Cyrillic letter in the line of another", BAD_LINE, BY_MAIL, "b\u043eb email:b@example.com"),
    lines("charset", "map: tabs, and lines that end as in DOS", IN, f"alice\t email:{MAIL}\r", "# \u0430lice\r"),
    *[named("charset", f"PAM: {name}", user) for name, user in {
        "Cyrillic letter": "\u0430lice", "full-width letters": "\uff41\uff4c\uff49\uff43\uff45",
        "combining accent": "alice\u0301", "right-to-left override": "alice\u202e", "line break behind": "alice\n",
        "control character": "alice\x07", "blank behind": "alice ", "no-break space before": "\u00a0alice",
    }.items()],
    email("charset", "email: Cyrillic letter", "\u0430lice@example.com"),
    email("charset", "email: full-width @", "alice\uff20example.com"),
    email("charset", "email: combining accent", "alice\u0301@example.com"),
    email("charset", "email: right-to-left override", f"\u202e{MAIL}"),
    email("charset", "email: line break behind", f"{MAIL}\n"),
    email("charset", "email: no width at all", "al\u200bice@example.com"),
    email("charset", "email: NUL behind", f"{MAIL}\0", denied("jwt_nul", 1)),
    claims("charset", "email: plain letters, escaped", IN, email=None, append='"email":"\\u0061lice@example.com"'),
    claims("charset", "user name: Cyrillic letter", denied("identity_username", 1), user_map=(BY_NAME,),
           **{"cognito:username": ALICE.replace("c", "\u0441")}),
]

CASE = [
    named("case", "PAM: capital", "Alice"),
    named("case", "PAM: capitals", "ALICE"),
    named("case", "PAM: his address", MAIL),
    named("case", "PAM: an account whose name is the beginning of his", "alic", denied("user_unmapped")),
    named("case", "PAM: an account whose name begins with his", "alicea", denied("user_unmapped")),
    lines("case", "map: capital in the local name", BAD_LINE, f"Alice email:{MAIL}"),
    lines("case", "map: only a name that begins with his", denied("user_unmapped"), f"alicea email:{MAIL}"),
    lines("case", "map: only the beginning of his name", denied("user_unmapped"), f"alic email:{MAIL}"),
    lines("case", "map: the right one between these", IN, "alic email:bob@example.com", BY_MAIL,
          "alicea email:bob@example.com"),
    lines("case", "map: capital in the address", denied("identity_email", 1), "alice email:Alice@example.com"),
    lines("case", "map: capital in the domain", denied("identity_email", 1), "alice email:alice@Example.com"),
    lines("case", "map: address continued", NOBODY, f"alice email:{MAIL}.evil"),
    lines("case", "map: capital in the kind", BAD_LINE, f"alice Email:{MAIL}"),
    lines("case", "map: user name in capitals", denied("identity_username", 1), f"alice username:{ALICE.upper()}"),
    email("case", "email: capital", "Alice@example.com"),
    email("case", "email: capital in the domain", "alice@Example.com"),
    email("case", "email: continued", f"{MAIL}.evil"),
    email("case", "email: cut", MAIL[:-1]),
    email("case", "email: longer before", f"m{MAIL}"),
    email("case", "email: with a tag", "alice+x@example.com"),
    email("case", "email: blank before", f" {MAIL}"),
    email("case", "email: name and address", f"Alice <{MAIL}>"),
    email("case", "email: two of them", f"{MAIL},bob@example.com"),
    claims("case", "user name: in capitals", denied("identity_username", 1), user_map=(BY_NAME,),
           **{"cognito:username": ALICE.upper()}),
]


def verified(kind, claim, user_map, values):
    """Rows about a claim that must be true."""
    return [claims("claims", f"{kind}: {claim} {name}", result, user_map=(user_map,), **{claim: value})
            for name, (value, result) in values.items()]


UNVERIFIED = denied("identity_unverified", 1)
VERIFIED = {
    "true": (True, IN), "false": (False, UNVERIFIED), "the word true": ("true", UNVERIFIED), "1": (1, UNVERIFIED),
    "missing": (None, UNVERIFIED), "null": (NULL, UNVERIFIED), "an array": ([True], UNVERIFIED),
}
PHONE_VERIFIED = {name: VERIFIED[name] for name in ("true", "false", "the word true", "missing")}
OTHER_NAME = {"cognito:username": "eve"}
CLAIMS = [
    *verified("email", "email_verified", BY_MAIL, VERIFIED),
    *verified("phone", "phone_number_verified", BY_PHONE, PHONE_VERIFIED),
    claims("claims", "email: missing, and all else is his", denied("jwt_claim", 1), email=None,
           **{"cognito:username": MAIL, "preferred_username": MAIL, "name": MAIL}),
    claims("claims", "email: an array", denied("jwt_claim", 1), email=[MAIL]),
    claims("claims", "email: an object", denied("jwt_claim", 1), email={MAIL: True}),
    claims("claims", "email: a number", denied("jwt_claim", 1), email=7),
    claims("claims", "email: empty", denied("jwt_claim", 1), email=""),
    claims("claims", "email: twice", denied("jwt_duplicate", 1), append=f'"email":"{MAIL}"'),
    claims("claims", "email: another, and a user name like his address", denied("identity_email", 1),
           email="eve@example.com", **{"cognito:username": MAIL}),
    claims("claims", "email: his, and another user name", IN, **OTHER_NAME),
    claims("claims", "email: another, his number", denied("identity_email", 1), email="eve@example.com",
           phone_number=PHONE, phone_number_verified=True),
    claims("claims", "name: right", IN, user_map=(BY_NAME,)),
    claims("claims", "name: right, email another and unverified", IN, user_map=(BY_NAME,), email="eve@example.com",
           email_verified=False),
    claims("claims", "name: the map has his address, which is no user name", denied("identity_username", 1),
           user_map=(f"alice username:{MAIL}",)),
    claims("claims", "name: like the address of the map, in the ID token alone", denied("identity_username", 1),
           user_map=(f"alice username:{MAIL}",), **{"cognito:username": MAIL}),
    claims("claims", "name: another, preferred_username right", denied("identity_username", 1), user_map=(BY_NAME,),
           preferred_username=ALICE, **OTHER_NAME),
    claims("claims", "name: missing in the ID token", denied("jwt_claim", 1), user_map=(BY_NAME,),
           **{"cognito:username": None, "username": ALICE}),
    claims("claims", "name: missing in the access token", denied("jwt_claim", 1), user_map=(BY_NAME,),
           access={"username": None, "cognito:username": ALICE}),
    claims("claims", "name: another in the access token", denied("identity_username", 1), user_map=(BY_NAME,),
           access={"username": BOB}),
    claims("claims", "name: an array", denied("jwt_claim", 1), user_map=(BY_NAME,), **{"cognito:username": [ALICE]}),
    claims("claims", "phone: another number", denied("identity_phone", 1), user_map=(BY_PHONE,),
           phone_number="+12065550100"),
    claims("claims", "phone: without its plus", denied("identity_phone", 1), user_map=(BY_PHONE,),
           phone_number=PHONE[1:]),
    claims("claims", "phone: with blanks", denied("identity_phone", 1), user_map=(BY_PHONE,),
           phone_number="+1 206 555 0199"),
    claims("claims", "phone: missing, email verified", denied("jwt_claim", 1), user_map=(BY_PHONE,),
           phone_number=None),
    claims("claims", "phone: a number", denied("jwt_claim", 1), user_map=(BY_PHONE,), phone_number=12065550199),
    Case("claims", "tokens: swapped", denied("jwt_token_use", 1), swap=True),
    Case("claims", "tokens: both of bob", denied("identity_email", 1), tokens={"user": "bob@example.com"}),
    claims("claims", "tokens: ID of alice, access of bob", denied("jwt_sub_differs", 1),
           access={"sub": BOB, "username": BOB}),
    claims("claims", "tokens: ID of bob, access of alice", denied("jwt_sub_differs", 1), sub=BOB,
           email="bob@example.com", **{"cognito:username": BOB}),
]

PINNED = f"{BY_MAIL} sub={ALICE}"


def pin(user, address, sub):
    """A line of the file of pins."""
    return f"{user} email:{address} sub={sub} from=login time=1700000000"


def pins_of(*pins):
    """The file of pins with these lines."""
    return "".join(f"{line}\n" for line in (f"# pins of {POOL}", *pins, "# end"))


def remembered(name, result, pins, settings=None, **more):
    """A row about who came before."""
    case = claims("pins", f"pin_sub: {name}", result, **more)
    case.pins, case.settings = pins, {"pin_sub": "yes"} if settings is None else settings
    return case


PINS = [
    lines("pins", "map: his sub", IN, PINNED),
    lines("pins", "map: his sub, by user name", IN, f"{BY_NAME} sub={ALICE}"),
    lines("pins", "map: another sub", denied("identity_sub", 1), f"{BY_MAIL} sub={BOB}"),
    lines("pins", "map: another sub, by user name", denied("identity_sub", 1), f"{BY_NAME} sub={BOB}"),
    lines("pins", "map: in capitals", BAD_LINE, f"{BY_MAIL} sub={ALICE.upper()}"),
    lines("pins", "map: SUB=", BAD_LINE, f"{BY_MAIL} SUB={ALICE}"),
    lines("pins", "map: empty", BAD_LINE, f"{BY_MAIL} sub="),
    lines("pins", "map: one digit too few", BAD_LINE, PINNED[:-1]),
    lines("pins", "map: one digit too many", BAD_LINE, f"{PINNED}0"),
    lines("pins", "map: in braces", BAD_LINE, f"{BY_MAIL} sub={{{ALICE}}}"),
    lines("pins", "map: two of them", BAD_LINE, f"{PINNED} sub={ALICE}"),
    lines("pins", "map: another's line is no pin of his", IN, f"bob email:bob@example.com sub={BOB}", BY_MAIL),
    claims("pins", "sub: another in both tokens", denied("identity_sub", 1), both={"sub": BOB}, user_map=(PINNED,)),
    claims("pins", "sub: another in both tokens, no pin", IN, both={"sub": BOB}),
    claims("pins", "sub: in capitals in both", denied("identity_sub", 1), both={"sub": ALICE.upper()},
           user_map=(PINNED,)),
    claims("pins", "sub: continued in both", denied("identity_sub", 1), both={"sub": f"{ALICE}0"}, user_map=(PINNED,)),
    claims("pins", "sub: right in the ID token alone", denied("jwt_sub_differs", 1), access={"sub": BOB},
           user_map=(PINNED,)),
    claims("pins", "sub: right in the access token alone", denied("jwt_sub_differs", 1), sub=BOB, user_map=(PINNED,)),
    claims("pins", "sub: missing in both", denied("jwt_claim", 1), both={"sub": None}, user_map=(PINNED,)),
    claims("pins", "sub: missing in the access token", denied("jwt_claim", 1), access={"sub": None},
           user_map=(PINNED,)),
    claims("pins", "sub: an array", denied("jwt_claim", 1), both={"sub": [ALICE]}, user_map=(PINNED,)),
    claims("pins", "a pin does not stand in for the address", denied("identity_email", 1), email="eve@example.com",
           user_map=(PINNED,)),
    claims("pins", "a pin does not stand in for email_verified", denied("identity_unverified", 1),
           email_verified=False, user_map=(PINNED,)),
    remembered("nobody yet", IN, pins_of()),
    remembered("the same", IN, pins_of(pin("alice", MAIL, ALICE))),
    remembered("another", denied("identity_sub", 1), pins_of(pin("alice", MAIL, BOB))),
    remembered("another, by the token", denied("identity_sub", 1), pins_of(pin("alice", MAIL, ALICE)),
               both={"sub": BOB}),
    remembered("another of another local user", IN, pins_of(pin("bob", MAIL, BOB))),
    remembered("another of another address", IN, pins_of(pin("alice", "bob@example.com", BOB))),
    remembered("another of the address in capitals", IN, pins_of(pin("alice", MAIL.upper(), BOB))),
    remembered("the same, and the map has another", denied("identity_sub", 1), pins_of(pin("alice", MAIL, ALICE)),
               user_map=(f"{BY_MAIL} sub={BOB}",)),
    remembered("another, and the map has his", denied("identity_sub", 1), pins_of(pin("alice", MAIL, BOB)),
               user_map=(PINNED,)),
    remembered("the file is lost", unusable("pins_missing"), None),
    remembered("the file is empty", unusable("pins_syntax"), ""),
    remembered("the file ends early", unusable("pins_syntax"), pins_of(pin("alice", MAIL, ALICE))[:-6]),
    remembered("a line is damaged", unusable("pins_syntax"), pins_of(pin("alice", MAIL, ALICE.upper()))),
    remembered("the line of another is damaged", unusable("pins_syntax"), pins_of("bob email:bob@example.com sub=")),
    remembered("of another pool", unusable("pins_syntax"), pins_of().replace(POOL, "eu-west-1_other")),
    remembered("damaged, but not asked for", IN, "", settings={}),
]

TWICE = unusable("config_duplicate")
BOB_LINE = "bob email:bob@example.com"
TEAM = (f"deploy email:{MAIL}", "deploy email:bob@example.com")
OTHERS = tuple(f"deploy email:p{number}@example.com" for number in range(63))
STRANGER = denied("person_unknown")
DUPLICATES = [
    lines("duplicates", "the same line twice", TWICE, BY_MAIL, BY_MAIL),
    lines("duplicates", "the same line three times", TWICE, BY_MAIL, BY_MAIL, BY_MAIL),
    lines("duplicates", "the second with a pin", TWICE, BY_MAIL, PINNED),
    lines("duplicates", "the first with a pin", TWICE, PINNED, BY_MAIL),
    lines("duplicates", "with two pins", TWICE, PINNED, f"{BY_MAIL} sub={BOB}"),
    lines("duplicates", "far apart", TWICE, BY_MAIL, BOB_LINE, "# alice", "carol email:carol@example.com", BY_MAIL),
    lines("duplicates", "with other blanks", TWICE, BY_MAIL, f"  alice \t email:{MAIL}  "),
    lines("duplicates", "of another, who is not asking", IN, BY_MAIL, BOB_LINE, BOB_LINE),
    lines("duplicates", "of another, who is asking", TWICE, BY_MAIL, BOB_LINE, BOB_LINE, user="bob"),
    lines("duplicates", "in a comment", IN, BY_MAIL, f"#{BY_MAIL}", f"  # {BY_MAIL}"),
    lines("duplicates", "one address for two users, the first", IN, BY_MAIL, f"bob email:{MAIL}"),
    lines("duplicates", "one address for two users, the second", IN, BY_MAIL, f"bob email:{MAIL}", user="bob"),
    shared("shared: the first", IN, MAIL, *TEAM),
    shared("shared: the second", IN, "bob@example.com", *TEAM),
    shared("shared: tokens of the other", denied("identity_email", 1), MAIL, *TEAM, tokens={"user": "bob@example.com"}),
    shared("shared: the pin of the one is not the other's", IN, "bob@example.com", f"deploy email:{MAIL} sub={ALICE}",
           TEAM[1]),
    shared("shared: pinned, another sub", denied("identity_sub", 1), MAIL, f"deploy email:{MAIL} sub={BOB}", TEAM[1]),
    shared("shared: by user name and by address", IN, ALICE, f"deploy username:{ALICE}", TEAM[1]),
    shared("shared: somebody else of the map", STRANGER, "carol@example.com", *TEAM, "carol email:carol@example.com"),
    shared("shared: in capitals", STRANGER, "Alice@example.com", *TEAM),
    shared("shared: the beginning of an address", STRANGER, "alice", *TEAM),
    shared("shared: with its kind", STRANGER, f"email:{MAIL}", *TEAM),
    shared("shared: Cyrillic letter", STRANGER, "\u0430lice@example.com", *TEAM),
    shared("shared: both of them", STRANGER, f"{MAIL} bob@example.com", *TEAM),
    shared("shared: one of them twice", TWICE, MAIL, *TEAM, TEAM[0]),
    shared("shared: one value in two kinds", TWICE, ALICE, f"deploy username:{MAIL}", *TEAM),
    shared("shared: filtered", FILTERED, MAIL, *TEAM, settings={"groups": "otp-staff"}),
    shared("shared: 64 people", IN, MAIL, *TEAM, *OTHERS[:62]),
    shared("shared: 65 people", BAD_LINE, MAIL, *TEAM, *OTHERS),
]


def filtered(name, result, user="alice", service=SERVICE, arguments="", around=None, **settings):
    """A row about a filter; two words of a key that belong to a service are joined by its name."""
    settings = {key.replace("__", "."): value for key, value in settings.items()}
    return Case("filters", name, result, user=user, settings=settings, service=service, arguments=arguments,
                around=around)


NO_GROUP = denied("identity_group", 1)
OWN_LIST = f"require_group.{SERVICE}"
FILTERS = [
    filtered("users: named", IN, users="bob alice"),
    filtered("users: another is named", FILTERED, users="bob"),
    filtered("users: the beginning of his name", FILTERED, users="alic"),
    filtered("users: in capitals", FILTERED, users="ALICE"),
    filtered("users: wildcard", IN, users="al*"),
    filtered("users: excluded", FILTERED, users="!alice"),
    filtered("users: excluded from a wildcard, before it", FILTERED, users="!alice a*"),
    filtered("users: another is excluded", IN, users="!bob"),
    filtered("users: one word allows, so nobody else is", FILTERED, "bob", users="alice !carol"),
    filtered("users: a list that allows nobody", unusable("config_value"), users="alice !a*"),
    filtered("groups: supplementary", IN, groups="otp-staff"),
    filtered("groups: primary", IN, groups="alice"),
    filtered("groups: primary is not his name", FILTERED, "drifter", groups="drifter"),
    filtered("groups: primary without a name is its number", denied("user_unmapped"), "drifter", groups="7951"),
    filtered("groups: excluded by the number", FILTERED, "drifter", groups="!7951"),
    filtered("groups: a number whose group has a name", FILTERED, groups="7901"),
    filtered("groups: in none of them", FILTERED, "bob", groups="otp-staff otp-nobody"),
    filtered("groups: one that does not exist", FILTERED, groups="otp-no-such-group"),
    filtered("groups: the beginning of its name", FILTERED, groups="otp-staf"),
    filtered("groups: in capitals", FILTERED, groups="OTP-STAFF"),
    filtered("groups: wildcard", IN, groups="otp-st*"),
    filtered("groups: excluded", FILTERED, groups="!otp-staff"),
    filtered("groups: excluded, and allowed by another", FILTERED, groups="alice !otp-staff"),
    filtered("groups: excluded by a wildcard", FILTERED, groups="alice !*-staff"),
    filtered("groups: another is excluded", IN, groups="!otp-contractors"),
    filtered("groups: of the pool are not those of the host", FILTERED, groups="ssh-users"),
    filtered("users and groups: both", IN, users="alice", groups="otp-staff"),
    filtered("users and groups: users alone", FILTERED, "bob", users="bob", groups="otp-staff"),
    filtered("users and groups: groups alone", FILTERED, users="bob", groups="otp-staff"),
    filtered("groups: cannot be looked up", ("PAM_SYSTEM_ERR", "system", 0), groups="otp-staff", around=no_groups_file),
    filtered("groups: cannot be looked up, excluded", ("PAM_SYSTEM_ERR", "system", 0), groups="!otp-contractors",
             around=no_groups_file),
    filtered("groups: cannot be looked up, wildcard", ("PAM_SYSTEM_ERR", "system", 0), groups="!otp-c*",
             around=no_groups_file),
    filtered("groups: cannot be looked up, no account", ("PAM_SYSTEM_ERR", "system", 0), "nobody-here",
             groups="otp-staff", around=no_groups_file),
    filtered("groups: not asked for, cannot be looked up", IN, around=no_groups_file),
    filtered("groups: on the PAM line", FILTERED, "bob", arguments="groups=otp-staff"),
    filtered("min_uid: above his", ("PAM_PERM_DENIED", "user_system", 0), min_uid="4000000"),
    filtered("min_uid: above his, and he is named", ("PAM_PERM_DENIED", "user_system", 0), min_uid="4000000",
             users="alice", groups="otp-staff"),
    filtered("require_group: in it", IN, require_group="hosts ssh-users"),
    filtered("require_group: in none", NO_GROUP, require_group="hosts"),
    filtered("require_group: in capitals", NO_GROUP, require_group="SSH-users"),
    filtered("require_group: of the host", NO_GROUP, require_group="otp-staff"),
    filtered("require_group of the service: in it", IN, **{OWN_LIST: "ssh-users"}),
    filtered("require_group of the service: in none", NO_GROUP, **{OWN_LIST: "hosts"}),
    filtered("require_group of the service: instead of the general one", IN, require_group="hosts",
             **{OWN_LIST: "ssh-users"}),
    filtered("require_group of the service: the general one does not help", NO_GROUP, require_group="ssh-users",
             **{OWN_LIST: "hosts"}),
    filtered("require_group of another service", IN, require_group__sudo="hosts"),
    filtered("require_group of another service: the general one counts", NO_GROUP, require_group="hosts",
             require_group__sudo="ssh-users"),
    filtered("require_group of a service whose name begins alike", IN, **{OWN_LIST + "-2": "hosts"}),
    filtered("require_group of the service, called in capitals", NO_GROUP, service=SERVICE.upper(),
             **{OWN_LIST: "hosts"}),
    filtered("require_group of the service, written in capitals", unusable("config_unknown_key"),
             **{f"require_group.{SERVICE.upper()}": "hosts"}),
    filtered("require_group of the service on the PAM line", NO_GROUP, arguments=f"{OWN_LIST}=hosts",
             **{OWN_LIST: "ssh-users"}),
    filtered("require_group of the service: no word", unusable("config_value"), **{OWN_LIST: ","}),
]

IGNORED = ("PAM_PERM_DENIED", "unmapped_ignored", 0)        # PAM_IGNORE, and no other line says yes
IGNORE = {"unmapped": "ignore"}
TEMPLATE = {"user_template": "email:%u@example.com"}
NAMES = {"user_template": "username:%u", "require_group": "hosts"}
DAVE = {"dave@example.com": {}}
NAMED_DAVE = {"dave": {"email": "dave@example.com", "groups": ["hosts"]}}


def unmapped(name, result, user="dave", user_map=(BY_MAIL,), **more):
    """A row about somebody whom the map does not have."""
    return Case("unmapped", name, result, user=user, user_map=user_map, **more)


UNMAPPED = [
    unmapped("deny", denied("user_unmapped")),
    unmapped("deny: empty map", denied("user_unmapped"), user_map=()),
    unmapped("deny: no map", denied("user_unmapped"), user_map=None),
    unmapped("ignore: map with one line", IGNORED, settings=IGNORE),
    unmapped("ignore: empty map", denied("user_unmapped"), settings=IGNORE, user_map=()),
    unmapped("ignore: map of comments", denied("user_unmapped"), settings=IGNORE, user_map=(f"#{BY_MAIL}", "")),
    unmapped("ignore: no map", denied("user_unmapped"), settings=IGNORE, user_map=None),
    unmapped("ignore: named map missing", unusable("config_open"),
             settings={**IGNORE, "user_map": "/etc/security/no.users"}),
    unmapped("ignore: bad line in the map", BAD_LINE, settings=IGNORE, user_map=(BY_MAIL, "dave")),
    unmapped("ignore: only his line is commented out", IGNORED, settings=IGNORE,
             user_map=(BY_MAIL, "#dave email:dave@example.com")),
    unmapped("ignore: mapped", IN, "alice", settings=IGNORE),
    unmapped("ignore: unknown", UNKNOWN, "nobody-here", settings=IGNORE),
    unmapped("ignore: filtered", FILTERED, settings={**IGNORE, "groups": "otp-staff"}),
    unmapped("ignore: root", ("PAM_PERM_DENIED", "user_root", 0), "root", settings=IGNORE),
    unmapped("ignore: root, allowed", denied("user_unmapped"), "root", settings={**IGNORE, "allow_root": "yes"}),
    unmapped("root, mapped and not allowed", ("PAM_PERM_DENIED", "user_root", 0), "root",
             user_map=(f"root email:{MAIL}",)),
    unmapped("root, mapped and allowed", IN, "root", user_map=(f"root email:{MAIL}",),
             settings={"allow_root": "yes"}),
    unmapped("template", IN, settings=TEMPLATE, people=DAVE),
    unmapped("template: no map", IN, settings=TEMPLATE, people=DAVE, user_map=None),
    unmapped("template: the pool has nobody of this name", NOBODY, settings=TEMPLATE),
    unmapped("template: address in another case", denied("identity_email", 1), settings=TEMPLATE,
             people={"Dave@example.com": {}}),
    unmapped("template: unverified", denied("identity_unverified", 1), settings=TEMPLATE, people=DAVE,
             tokens={"id": {"claims": {"email_verified": False}}}),
    unmapped("template: his own line counts", IN, "alice", settings=TEMPLATE,
             user_map=("alice email:bob@example.com",)),
    unmapped("template: root", denied("user_unmapped"), "root", settings={**TEMPLATE, "allow_root": "yes"}),
    unmapped("template: unknown", UNKNOWN, "nobody-here", settings=TEMPLATE),
    unmapped("template: filtered", FILTERED, settings={**TEMPLATE, "users": "!dave"}, people=DAVE),
    unmapped("template and ignore", unusable("config_value"), settings={**TEMPLATE, **IGNORE}),
    unmapped("template of names: without require_group", unusable("config_value"),
             settings={"user_template": "username:%u"}),
    unmapped("template of names: with that of a service alone", unusable("config_value"),
             settings={"user_template": "username:%u", OWN_LIST: "hosts"}),
    unmapped("template of names: in the group", IN, settings=NAMES, people=NAMED_DAVE,
             pool={"username_attributes": []}),
    unmapped("template of names: whoever has registered it", NO_GROUP, settings=NAMES,
             people={"dave": {"email": "eve@example.com"}}, pool={"username_attributes": []}),
]

CASES = CHARSET + CASE + CLAIMS + PINS + DUPLICATES + FILTERS + UNMAPPED


@pytest.fixture(scope="module", autouse=True)
def crowd(whole_house):
    """Accounts and groups of this machine that the rows are about."""
    assert whole_house
    accounts.add_people("alic", "alicea", "deploy")
    accounts.add_group("otp-staff", ["alice"], gid=7901)
    accounts.add_group("otp-contractors", gid=7902)
    accounts.append("/etc/passwd", "drifter:x:7950:7951::/nonexistent:/bin/sh")


def prepare(house, case):
    """The settings, map, pool and PAM line of the row."""
    house.settings(**case.settings)
    if case.user_map is None:
        os.remove(USER_MAP)
    else:
        with open(USER_MAP, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.writelines(line + "\n" for line in case.user_map)
    if case.pins is not None:
        os.makedirs(STATE, 0o700, exist_ok=True)
        write_file(f"{STATE}/pins-{POOL}", case.pins, 0o600)
    if case.pool:
        house.cognito.pool(**case.pool)
    for name, changes in case.people.items():
        house.cognito.user(name, **changes)
    if case.arguments:
        pam.lines(case.service, **pam.module(case.arguments))
    fault = {**({"tokens": case.tokens} if case.tokens else {}), **({"swap": True} if case.swap else {})}
    if fault:
        house.cognito.fault("RespondToAuthChallenge", **fault)


def play(house, case):
    """Somebody at the machine, who types what was mailed to the mapped user, or what he makes up; what PAM is told."""
    with PamCall(case.service, case.user, tty=TERMINAL) as call:
        while (prompt := call.prompt()) is not None:
            mails = house.cognito.outbox()
            code = mails[-1]["code"] if mails else "00000000"
            call.answer(case.person if "Several people use" in prompt else code)
        return call.result()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.name}".replace(" ", "-"))
def test_row(house, case):
    """What PAM is told, the reason in the log, how many mails have left; refused before the service, nothing has."""
    prepare(house, case)
    with case.around() if case.around else contextlib.nullcontext():
        code = play(house, case)
    outcome = house.outcome()
    found = (code, outcome["reason"], len(house.cognito.outbox()))
    rows.append((f"{case.kind}: {case.name}", "{} {} mails {}".format(*found)))
    assert found == case.result, house.log.lines("event=")
    assert outcome["event"] == {"PAM_SUCCESS": "accepted"}.get(code, outcome["event"] if found == IGNORED else "denied")
    if found[2] == 0 and found != NOBODY:
        assert house.untouched()


def test_there_are_enough_of_them():
    """So many of each kind, each under a name of its own, and of each kind somebody who gets in."""
    counts = collections.Counter(case.kind for case in CASES)
    assert {kind: counts[kind] for kind in LEAST if counts[kind] < LEAST[kind]} == {}
    assert set(counts) == set(LEAST)
    assert len({(case.kind, case.name) for case in CASES}) == len(CASES) >= 80
    assert {case.kind for case in CASES if case.result == IN} == set(LEAST)
    rows.append((f"{len(CASES)} rows", " ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))))


@pytest.fixture
def thousands(house):
    """A machine with 3 000 groups, of which alice is in each; as it was before afterwards."""
    with open("/etc/group", encoding="utf-8") as file:
        before = file.read()
    try:
        with open("/etc/group", "a", encoding="utf-8") as file:
            file.writelines(f"otp-many-{number}:x:{100000 + number}:bob,alice\n" for number in range(3000))
        yield house
    finally:
        with open("/etc/group", "w", encoding="utf-8") as file:
            file.write(before)


@pytest.mark.parametrize("words, result", [
    ("otp-many-2999", IN), ("!otp-many-2999", FILTERED), ("otp-many-3000", FILTERED),
    ("otp-many-2999 !otp-staff", FILTERED),
])
def test_thousands_of_groups(thousands, words, result):
    """The last one counts as the first does."""
    case = Case("filters", f"3000 groups: {words}", result, settings={"groups": words})
    prepare(thousands, case)
    found = (play(thousands, case), thousands.outcome()["reason"], len(thousands.cognito.outbox()))
    rows.append((case.name, "{} {} mails {}".format(*found)))
    assert found == result
