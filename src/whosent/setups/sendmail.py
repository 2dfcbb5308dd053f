"""Sendmail: a few rules asked for each recipient and each program, which look into plain files, heeded at once.

They stand in ``sendmail.cf`` at the top of ``Local_check_rcpt`` (who logged in, from where), and at the end of
``submit.cf`` (which user here called sendmail(1), and which script by PHP's header), between two marks.  Where these
files are made anew from their macros they are gone: then this is run once more.  What a client may not do without us it
may not do with us: the usual checks come before a message is quarantined.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from whosent.keeper.servers import SENDMAIL_CF, ask, sendmail_program
from whosent.keeper.taps import SENDMAIL_HOME, SENDMAIL_MARK
from whosent.restarting import started_anew
from whosent.setups import CannotError, Change, file, write

_LABEL: Final = "SLocal_check_rcpt\n"
_BLOCK: Final = re.compile(rf"^{SENDMAIL_MARK}.*?^# whosent ends\n", re.DOTALL | re.MULTILINE)
_PID: Final = re.compile(r"^O PidFile=(\S+)", re.MULTILINE)
_WITHIN: Final = 90.0  # seconds: where the host's own name is not known, Sendmail pauses a minute
# Columns are parted by tabs.  The work space: recipient, what was found, and what is looked up next.
_RULES: Final = """# whosent begins
Kwhosent text -o -k0 -v1 <home>/taps
Kwhosentpeople text -o -k0 -v1 <home>/administrators
R< $+ >	$: < $1 > $| $(whosentpeople $1 $: - $) $| $&{auth_authen} $| $&{client_addr}
R$* $| pass $| $*	$@ $1
R$* $| - $| $+ $| $*	$: $1 $| $(whosent account:$2 $: - $) $| $(whosent everything: $: - $)
R$* $| - $| $| $*	$: $1 $| $(whosent client:$2 $: - $) $| $2
R$* $| - $| 127.0.0.1	$: $1 $| - $| $(whosent everything: $: - $)
R$* $| - $| $=R $*	$: $1 $| - $| $(whosent everything: $: - $)
R$* $| - $| hold	$: $1 $| hold
R$* $| $- $| $*	$: $1 $| $2
R$* $| refuse	$#error $@ 5.7.1 $: "550 5.7.1 <told>"
R$* $| hold	$: held $| $>"Basic_check_rcpt" $1
Rheld $| $#error $*	$#error $1
Rheld $| $#discard $*	$#discard $1
Rheld $| $*	$#error $@ quarantine $: whosent account:$&{auth_authen}
R$* $| $*	$: $1
# whosent ends
"""
# Who called sendmail(1) is in $_, by the number the kernel gives.  Of several headers the first is PHP's own.
_PROGRAM_RULES: Final = """# whosent begins
Kwhosent text -o -k0 -v1 <home>/taps
Kwhosentnote macro
HX-PHP-Originating-Script: $>whosent_script
Swhosent_script
R$*	$: $&{whosent_script} $| $1
R$| $- : $+ : $*	$: $| $1 : $2
R$| $- : $+	$: $(whosentnote {whosent_script} $@ script:$2 $)
Scheck_eoh
R$*	$: $(whosent local_user:$&_ $: - $) $| $(whosent $&{whosent_script} $: - $)
R$*	$: $(whosentnote {whosent_script} $) $1
R$* refuse $*	$#error $@ 5.7.1 $: "550 5.7.1 <told>"
R$* hold $*	$#error $@ quarantine $: whosent
# whosent ends
"""
_TOLD: Final = (
    "Mail from here is stopped because this login or computer was used to send spam. Change the password, check the"
    " computer, and write to the postmaster, which is still possible."
)
_PROGRAM_TOLD: Final = (
    "Mail of this user or script is stopped because it was used to send spam. Tell the administrator of this computer."
)


def changes(administrators: tuple[str, ...] = ()) -> list[Change]:
    """What containing needs."""
    program, config, submit = sendmail_program(), Path(SENDMAIL_CF["-Am"]), Path(SENDMAIL_CF["-Ac"])
    if program is None or not config.exists():
        raise CannotError("Sendmail is not installed here")
    text = _read(config)
    if _LABEL not in text:
        raise CannotError(f"{config} has no Local_check_rcpt: make it from sendmail.mc with the usual macros first")
    people = administrators or _administrators(text)
    taps = SENDMAIL_HOME / "taps"
    made = [
        file(SENDMAIL_HOME / "administrators", "".join(f"{one} pass\n" for one in people),
             "whom to write to while contained"),
        Change(str(taps), "whose new mail is quarantined or refused", taps.exists, file(taps, "", "").make,
               file(taps, "", "").undo, last=True),
        file(SENDMAIL_HOME / "accounts.type", "text\n", "the kind of these tables"),
        _rules(program, config, _LABEL, _RULES.replace("<told>", _TOLD), "looks into these files for each recipient"),
    ]  # fmt: skip
    if submit.exists():  # else sendmail(1) is the mail server itself, as it was before 8.12
        rules = _PROGRAM_RULES.replace("<told>", _PROGRAM_TOLD)
        made.append(_rules(program, submit, "", rules, "looks there for each message that a program hands in"))
    return made


def _rules(program: str, config: Path, label: str, text: str, why: str) -> Change:
    """These rules below a label, or at the end."""
    rules = text.replace("<home>", str(SENDMAIL_HOME))
    return Change(
        f"{config}: {label.strip()[1:] or 'check_eoh'}\n{rules}", why, lambda: rules in _read(config),
        lambda: _replace(program, config, label, rules), lambda: _replace(program, config, label, ""),
    )  # fmt: skip


def _read(config: Path) -> str:
    return config.read_text(encoding="utf-8", errors="surrogateescape")


def _administrators(config: str) -> tuple[str, ...]:
    """Postmaster and abuse at the name the server goes by, and at those it takes mail for."""
    names = re.findall(r"^Dj(\S+)", config, re.MULTILINE) + re.findall(r"^Fw-?o? ?(/\S+)", config, re.MULTILINE)
    domains: dict[str, None] = {}
    for name in names:
        try:
            words = Path(name).read_text(encoding="ascii").split() if name.startswith("/") else [name]
        except OSError:
            words = []
        domains.update((word.lower(), None) for word in words if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+", word))
    return tuple(f"{who}@{domain}" for domain in domains for who in ("postmaster", "abuse"))


def _replace(program: str, config: Path, label: str, rules: str) -> None:
    """The configuration with these rules of ours; Sendmail itself says whether it can read it, before it must."""
    others = _BLOCK.sub("", _read(config))
    text = others.replace(label, label + rules, 1) if label else others + rules
    trial = config.with_name(f"{config.name}.whosent-trial")
    try:
        trial.write_text(text, encoding="utf-8", errors="surrogateescape")
        new = _complaints(program, trial) - _complaints(program, config)
        if new:
            raise CannotError(f"Sendmail does not take {config} with these lines, nothing was changed: {min(new)}")
    finally:
        trial.unlink(missing_ok=True)
    write(config, text)


def _complaints(program: str, config: Path) -> set[str]:
    said = ask(["sh", "-c", 'exec "$0" -C "$1" -bt 2>&1', program, str(config)], "/quit\n", _WITHIN)
    return set(re.findall(rf"^(?:{re.escape(str(config))}: line \d+|WARNING): (.*)", said, re.MULTILINE))


def heed() -> None:
    """Let the running daemon take notice, and see that it does."""
    config = Path(SENDMAIL_CF["-Am"])
    place = _PID.search(_read(config))
    try:
        pid = int(Path(place[1] if place else "/run/sendmail.pid").read_text(encoding="ascii").split()[0])
        program = re.split(rb"[\0 :]", Path(f"/proc/{pid}/cmdline").read_bytes(), maxsplit=1)[0]
    except (OSError, ValueError, IndexError):
        return  # it does not run: it reads the file when it starts
    if program.rpartition(b"/")[2] == b"sendmail" and started_anew([pid]):
        raise CannotError(
            f"the rules stand in {config}, but Sendmail (process {pid}) still runs with the old ones: restart it, e.g."
            " `systemctl restart sendmail`"
        )
