"""The demonstration: a real ssh login and a real sudo with mailed codes, against the local Cognito, in the rig.

Duty: set the house up, let the person at the terminal log in (or answer for him with --auto), and show what the
service and the system log saw.

Rules: exit status 0 only if ssh and sudo let alice in and the service saw exactly one mail and one answered challenge
for each; every wait of --auto has a bound; codes are shown because this is a demonstration with a mailbox of its own.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rig import pam, ssh, sudo  # noqa: E402
from rig.sshd import Sshd  # noqa: E402

from system.house import CODE_QUESTION, FIRST_QUESTION, SETTINGS, House  # noqa: E402

WELCOME = """
This is a throw-away copy of this machine with an sshd on loopback and a local Cognito.
You are about to log in as alice. Answer y to have a code mailed; the mail appears here.
Inside, try:  sudo id      and leave with:  exit
"""


class Mailbox(threading.Thread):
    """Shows each mail on the terminal as it arrives."""

    def __init__(self, cognito):
        super().__init__(daemon=True)
        self.cognito = cognito
        self.stopping = threading.Event()

    def run(self):
        """Look for new mails until told to stop."""
        shown = 0
        while not self.stopping.wait(0.2):
            mails = self.cognito.outbox()
            for mail in mails[shown:]:
                print(f"\r\n  [mail to {mail['destination']}] Your code is {mail['code']}\r\n", flush=True)
            shown = len(mails)


def heading(text):
    """Print a line that separates the parts."""
    print(f"\n== {text}", flush=True)


def transcript(terminal):
    """Print what a terminal showed, indented."""
    for line in terminal.transcript.replace("\r", "").strip("\n").split("\n"):
        print("   | " + line)


def by_person(house, server):
    """The person at the terminal logs in by himself."""
    print(WELCOME, flush=True)
    mailbox = Mailbox(house.cognito)
    mailbox.start()
    status = subprocess.run([*ssh.command(server, "alice", flags=("-t",))], check=False).returncode
    mailbox.stopping.set()
    mailbox.join()
    return status == 0


def code_from_mail(house, count):
    """Show the newest mail and return its code."""
    mail = house.cognito.wait_mail(count=count)[-1]
    print(f"   [mail to {mail['destination']}] Your code is {mail['code']}", flush=True)
    return mail["code"]


def without_service(server):
    """What a person sees when the service is down: said at once, nothing to wait for."""
    with ssh.terminal(server, "alice", flags=("-t",)) as person:
        person.answer(FIRST_QUESTION, "y")
        person.expect("not reachable")
        person.close()
        transcript(person)
    return False


def by_itself(house, server):
    """Log in with ssh, then use sudo in that session, each with its own code."""
    with ssh.terminal(server, "alice", flags=("-t",)) as person:
        person.answer(FIRST_QUESTION, "y")
        person.answer(CODE_QUESTION, code_from_mail(house, 1))
        person.answer(r"\$ ", "sudo id")
        person.answer(CODE_QUESTION, code_from_mail(house, 2))
        person.expect(r"uid=0\(root\)")
        person.answer(r"\$ ", "exit")
        status = person.wait()
        transcript(person)
    return status == 0


def show_logs(house, server, with_service):
    """The service's request log beside sshd's and the system log's lines."""
    if with_service:
        heading("what the local Cognito saw")
        for request in house.cognito.requests():
            when = time.strftime("%H:%M:%S", time.localtime(request["time"]))
            print(f"   {when}  connection {request['connection']}  {request['operation']:24} {request['status']}")
    heading("what sshd says")
    for line in Path(server.log_path).read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(("Accepted ", "Failed ", "PAM: ", "error: PAM: ")):
            print("   " + line)
    heading("what the system log says")
    for line in house.log.lines("pam_cognito_otp|sudo"):
        print("   " + line)


def accepted(house, at_least):
    """Whether the service and the log agree that everything went as it should."""
    counts = house.counts()
    logins = [line for line in house.outcomes() if line["event"] == "accepted"]
    answered = counts.get("RespondToAuthChallenge", 0)
    return len(logins) >= at_least and counts.get("InitiateAuth") == counts["mails"] and answered >= at_least


def prepare(house, arguments):
    """Stacks for sshd and sudo; the two ways to see the demonstration fail."""
    sudo.allow("alice ALL=(ALL) ALL")
    if arguments.deny:
        for service in ("rig-sshd", "sudo"):
            pam.lines(service, auth="required pam_deny.so")
    if arguments.no_service:
        house.cognito.stop()


def automatic(arguments):
    """Whether there is nobody to answer."""
    return arguments.auto or not (sys.stdin.isatty() and sys.stdout.isatty())


def attempt(house, server, arguments):
    """Make the login; a failure is shown, and is the result."""
    try:
        if arguments.no_service:
            return without_service(server)
        return by_itself(house, server) if automatic(arguments) else by_person(house, server)
    except (AssertionError, TimeoutError, OSError) as error:
        print(f"   it did not work: {error}")
        return False


def main():
    """Run the demonstration."""
    parser = argparse.ArgumentParser(prog="demo.sh", description="Log in with a mailed code, against a local Cognito.")
    parser.add_argument("--auto", action="store_true", help="answer by itself and show the transcript")
    parser.add_argument("--deny", action="store_true", help="put pam_deny in place of the module: must fail")
    parser.add_argument("--no-service", action="store_true", help="stop the local Cognito first: must fail")
    arguments = parser.parse_args()
    house = House()
    prepare(house, arguments)
    heading("settings of the module")
    print("   " + Path(SETTINGS).read_text(encoding="utf-8").strip().replace("\n", "\n   "))
    heading("login")
    with Sshd("rig-sshd") as server:
        good = attempt(house, server, arguments)
        show_logs(house, server, not arguments.no_service)
    if not arguments.no_service:
        good = good and accepted(house, 2 if automatic(arguments) else 1)
    house.close()
    heading("in, with a mailed code" if good else "NOT logged in")
    return 0 if good else 1


if __name__ == "__main__":
    os.environ.pop("SSH_AUTH_SOCK", None)
    sys.exit(main())
