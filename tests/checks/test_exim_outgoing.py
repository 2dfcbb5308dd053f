"""Exim: which line treats our name otherwise than a stranger's, as its own pretended sessions tell."""

from __future__ import annotations

from tests.checks.test_outgoing import IN_OUR_NAME
from whosent.model.check import Answer, Content, Heard, Problem, Ran
from whosent.servers import outgoing
from whosent.servers.attempt import Blamed

PLACE, INCLUDED = "/etc/exim4/exim4.conf", "/etc/exim4/routers"
CONFIGURATION = """hostlist relay_from_hosts = 127.0.0.1
begin acl
acl_data:
  accept sender_domains = \\
         +local_domains
  deny message = virus
       ! sender_domains = +local_domains
       malware = *
  accept
begin routers
.include /etc/exim4/routers
remote:
  driver = dnslookup
  transport = remote_smtp
begin transports
signed_smtp:
  driver = smtp
remote_smtp:
  driver = smtp
  dkim_domain = ${domain:\\
                 $h_from:}
begin retry
"""
ROUTERS = "ours:\n  driver = dnslookup\n  senders = *@corp.test\n  transport = signed_smtp\n"
OURS, STRANGER = IN_OUR_NAME.attempt.sender, IN_OUR_NAME.stranger
ONE_OF_OURS = ("or{{def:sender_host_authenticated}{eq{$sender_host_address}{}}"
               "{match_ip{$sender_host_address}{+relay_from_hosts}}}")  # fmt: skip


def statement(verb: str, line: int, checks: list[str], *, met: bool) -> str:
    """As ``exim -bh`` of Exim 4.96 tells it."""
    told = [f'>>> processing "{verb}" ({PLACE} {line})', *(f">>> check {one}" for one in checks),
            f'>>> {verb}: condition test {"succeeded" if met else "failed"} in ACL "acl_data"']  # fmt: skip
    return "\n".join(told) + "\n"


def exim_says(sessions: dict[str, str], routes: dict[str, tuple[str, str]], transport: str = "", **more: str) -> Heard:
    texts = {"exim -bP": f"{PLACE}\n", "exim -bP system_filter": f"system_filter = {more.pop('filter', '')}\n"}
    texts |= {f"exim -bh {name}": told for name, told in sessions.items()}
    texts |= {f"exim -bt {sender}": f"t@sink.test\n    <-- audit@corp.test\n  router = {one}, transport = {two}\n"
              for sender, (one, two) in routes.items()}  # fmt: skip
    texts |= {f"exim -bP transport {name}": transport for name in ("signed_smtp", "remote_smtp", "remote")}
    heard: dict[str, Answer] = {key: Ran(key=key, at=0, output=text) for key, text in texts.items()}
    files = {PLACE: CONFIGURATION, INCLUDED: ROUTERS, **{name: text for name, text in more.items() if "/" in name}}
    heard |= {path: Content(key=path, at=0, text=text) for path, text in files.items()}
    return {**heard, "postconf": Ran(key="postconf", at=0, problem=Problem("missing", "There is no postconf."))}


def shown(found: list[Blamed]) -> list[tuple[str, int | None, str]]:
    return [(opening.file, opening.line, steps[0].commands[0] if steps[0].commands else "") for opening, steps in found]


USUAL = {OURS: ("remote", "remote_smtp"), STRANGER: ("remote", "remote_smtp")}


def test_the_statement_that_accepts_our_name_is_named() -> None:
    ours = statement("accept", 4, ["sender_domains = +local_domains"], met=True)
    theirs = statement("accept", 4, ["sender_domains = +local_domains"], met=False)
    heard = exim_says({"in our name": ours, "our From alone": theirs, "a stranger's": theirs}, USUAL)
    found = outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"])
    assert shown(found) == [(PLACE, 4, f"sed -i.whosent '5a\\         authenticated = *' {PLACE}")]
    assert "a stranger's goes on" in found[0][0].why
    alike = exim_says(dict.fromkeys(("in our name", "our From alone", "a stranger's"), theirs), USUAL)
    assert outgoing.guilty(alike, IN_OUR_NAME, ["unfiltered"]) == []
    assert "read here of Exim does not decide" in outgoing.unexplained(alike)


def test_the_condition_that_leaves_our_name_out_is_named() -> None:
    condition = "!sender_domains = +local_domains"
    ours = statement("deny", 6, [condition], met=False)
    theirs = statement("deny", 6, [condition, "malware = *"], met=False)
    heard = exim_says({"in our name": theirs, "our From alone": ours, "a stranger's": theirs}, USUAL)
    assert shown(outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"])) == [
        (PLACE, 7, f"sed -i.whosent '7s/^/#/' {PLACE}")
    ]
    within = [one.replace(condition, "condition = x") for one in (ours, theirs)]
    heard = exim_says({"in our name": within[0], "a stranger's": within[1]}, USUAL)
    assert shown(outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"])) == [(PLACE, 6, "")]  # not a line of its own


def test_the_router_that_takes_our_name_another_way_is_named() -> None:
    heard = exim_says({}, {**USUAL, OURS: ("ours", "signed_smtp")})
    assert {one.key for one in outgoing.lookups(heard, IN_OUR_NAME)} >= {
        INCLUDED, "exim -bP transport signed_smtp", f"exim -bt {STRANGER}", "exim -bh our From alone",
    }  # fmt: skip
    found = shown(outgoing.guilty(heard, IN_OUR_NAME, ["signed"]))
    assert found == [(INCLUDED, 3, f"sed -i.whosent '1a\\  condition = ${{if {ONE_OF_OURS}}}' {INCLUDED}")]
    hidden = exim_says({}, {**USUAL, OURS: ("macro", "signed_smtp")})
    assert outgoing.guilty(hidden, IN_OUR_NAME, ["signed"]) == []


def test_the_option_of_a_transport_that_goes_by_a_name_is_named() -> None:
    heard = exim_says({}, USUAL, "dkim_domain = ${domain:$h_from:}\ntransport_filter = /bin/disclaim\n")
    ((file, line, command),) = shown(outgoing.guilty(heard, IN_OUR_NAME, ["signed"]))
    assert (file, line) == (PLACE, 20)
    assert (
        command == f"sed -i.whosent '20,21c\\  dkim_domain = ${{if {ONE_OF_OURS}{{${{domain:$h_from:}}}}{{}}}}' {PLACE}"
    )
    always = exim_says({}, USUAL, "dkim_domain = corp.test\n")
    ((opening, (step,)),) = outgoing.guilty(always, IN_OUR_NAME, ["signed"])
    assert (opening.strength, step.commands) == ("candidates", [])
    assert outgoing.guilty(heard, IN_OUR_NAME, ["changed"]) == []  # the line is in no file that was read
    more = {PLACE: CONFIGURATION.replace("  dkim_domain", "  transport_filter = /bin/disclaim\n  dkim_domain")}
    heard = exim_says({}, USUAL, "transport_filter = /bin/disclaim\n", **more)
    ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["changed"])
    assert (opening.line, opening.strength, step.commands) == (20, "candidates", [])


def test_a_system_filter_that_asks_for_a_name_is_a_place_to_look() -> None:
    more = {"/etc/f": '# if $h_from: is "x"\nif $h_from: contains "@corp.test" then\n'}
    heard = exim_says({}, USUAL, filter="/etc/f", **more)
    assert "/etc/f" in {one.key for one in outgoing.lookups(heard, IN_OUR_NAME)}
    ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["changed"])
    assert (opening.file, opening.line, opening.strength, step.commands) == ("/etc/f", 2, "candidates", [])


def test_two_steps_in_one_file_go_from_its_end_to_its_beginning() -> None:
    ours = statement("accept", 4, ["sender_domains = +local_domains"], met=True)
    heard = exim_says({"in our name": ours, "a stranger's": ours.replace("succeeded", "failed")}, USUAL,
                      "dkim_domain = ${domain:$h_from:}\n")  # fmt: skip
    found = outgoing.guilty(heard, IN_OUR_NAME, ["signed", "unfiltered"])
    assert [(opening.line, steps[0].undo[0]) for opening, steps in found] == [
        (20, f"mv {PLACE}.whosent-20 {PLACE}"), (4, f"mv {PLACE}.whosent-4 {PLACE}"),
    ]  # fmt: skip
    assert all("their undo in the opposite one" in steps[0].note for _, steps in found)


def test_a_router_for_strangers_makes_no_hole_of_ours() -> None:
    """As where forwarded mail gets an envelope of its own: a condition on ours would leave mail without a way."""
    routers = "srs:\n  driver = dnslookup\n  senders = ! *@corp.test\n  transport = srs_smtp\n"
    for files in ({INCLUDED: routers}, {INCLUDED: routers + ROUTERS}):
        ours = "ours" if "ours:" in files[INCLUDED] else "remote"
        heard = exim_says({}, {OURS: (ours, "remote_smtp"), STRANGER: ("srs", "srs_smtp")}, **files)
        ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["signed"])
        assert (opening.strength, step.commands) == ("candidates", [])


def test_a_statement_that_notes_is_no_statement_that_decides() -> None:
    check = ["sender_domains = +local_domains"]
    warned, warned_not = (statement("warn", 6, check, met=met) for met in (True, False))
    passed, passed_not = (statement("accept", 4, check, met=met) for met in (True, False))
    heard = exim_says({"in our name": warned + passed, "a stranger's": warned_not + passed_not}, USUAL)
    assert [line for _, line, _ in shown(outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"]))] == [4]
    more = statement("deny", 6, [*check, "malware = *"], met=False)  # it looks closer at our name
    closer = exim_says({"in our name": more, "a stranger's": statement("deny", 6, check, met=False)}, USUAL)
    assert [one.strength for one, _ in outgoing.guilty(closer, IN_OUR_NAME, ["unfiltered"])] == ["candidates"]
    heard = exim_says({"in our name": warned, "a stranger's": warned_not}, USUAL)
    ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"])
    assert (opening.line, opening.strength, step.commands) == (6, "candidates", [])


def test_only_lines_of_the_statement_itself_are_edited() -> None:
    condition = "!sender_domains = +local_domains"
    text = f"begin acl\nacl_data:\n  deny {condition}\n  deny message = x\n       {condition}\n"
    ours, theirs = (statement("deny", 3, checks, met=False) for checks in ([condition], [condition, "malware = *"]))
    heard = exim_says({"in our name": ours, "a stranger's": theirs}, USUAL, **{PLACE: text})
    assert shown(outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"])) == [(PLACE, 3, "")]
    ours, theirs = (statement("accept", 3, [condition], met=met).replace(PLACE, "/etc/unread") for met in (True, False))
    heard = exim_says({"in our name": ours, "a stranger's": theirs}, USUAL)
    assert shown(outgoing.guilty(heard, IN_OUR_NAME, ["unfiltered"])) == [("/etc/unread", 3, "")]
