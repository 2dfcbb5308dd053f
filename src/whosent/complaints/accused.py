"""Which addresses a text accuses: weighed by their places and by the words before them, as a reader would.

Only what something is said of is named: an address that a label, a sentence, a heading, a table or a line of a log has
as the source.  What is merely mentioned is named if it is the only one; how often it is mentioned says nothing.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from whosent.complaints import clauses, denials, excerpts, extract, labels, tables
from whosent.complaints.view import View

_REGISTRY: Final = re.compile(
    r"^[> \t%#]{0,8}(?:inet6?num|netrange|cidr|route6?|nserver|name ?server|(?:net)?block|(?:net)?range)\s{0,40}[:=]",
    re.IGNORECASE,
)  # whose network it is, as whois has it, accuses nobody
_RANGE_BEFORE: Final = re.compile(
    r"(?:(?:\d{1,3}\.){3}\d{1,3}|::[\da-fA-F:]{0,30}|(?:[\da-fA-F]{1,4}:){3,7}[\da-fA-F]{1,4})\s{0,3}[-\u2013]\s{0,3}$"
)
_RANGE_BEHIND: Final = re.compile(
    r"^[ \t]{0,3}[-\u2013]\s{0,3}(?:(?:\d{1,3}\.){3}\d|(?:[\da-fA-F]{1,4}:){1,7}:|(?:[\da-fA-F]{1,4}:){3})"
)
_TWICE: Final = re.compile(r"(?<![\d./])((?:\d{1,3}\.){3}\d{1,3})/\1(?![\d./])")  # its name, were there one
_PORT_BEHIND: Final = re.compile(
    r"^[\s\"'\])>,;]{0,4}(?::|source[ _-]?port\s*[:=]?|src[ _-]?port\s*[:=]?|port\s*[:=]?)\s{0,2}(\d{1,5})\b",
    re.IGNORECASE,
)
_PORT_LINE: Final = re.compile(r"(?im)^[> \t]*(?:source|src)[ _-]?port[ \t]*[:=][ \t]*(\d{1,5})\b")
_TOP_PORT: Final = 65_535
_NETWORK: Final = re.compile(r"/(\d{1,3})\b")  # a whole network is nobody
_OF_DNS: Final = re.compile(r"#53\b")
_RECEIVED: Final = re.compile(r"(?i)(?:^|\n)[> \t|]{0,8}received:[^\n]{0,300}(?:\n[> |]{0,6}[ \t][^\n]{0,300}){0,3}$")
_DASHES: Final = re.compile(r"\n[> \t]{0,8}[-=~_*]{2,80}[ \t\r]*\n$")  # below a heading
_BULLET: Final = r"(?:[> \t*\u2022\u00b7\[(<-]{0,8})(?:(?:\d{1,3}|[ivx]{1,4}|[a-z])[.)][ \t]{1,3})?[\[(<]?"
_ALONE: Final = re.compile(
    rf"(?m)^{_BULLET}((?:\d{{1,3}}\.){{3}}\d{{1,3}}|[0-9A-Fa-f:]{{6,39}})(?::\d{{1,5}})?[\])>]?[;,]?[ \t\r]*$"
)
_NEXT_LINE: Final = re.compile(rf"(?::\d{{1,5}})?[\])>;, \t\r]{{0,8}}\n{_BULLET}")
_AND: Final = re.compile(r"(?:[,;]|[ \t]{1,3}(?:and|und|et|y|e|en|och|i|&))?[ \t]{1,3}|[,;]")
_LINE_ENDS: Final = re.compile(r"(?::\d{1,5})?(?:[ \t]<?h(?:tt|xx)ps?://\S{1,120})?[\])>;,. \t\r]{0,8}(?:\n|$)")
_OF_A_LINK: Final = re.compile(rf"^{_BULLET}<?(?:h(?:tt|xx)ps?://|www\.)\S[^\n]{{0,1000}}[\s/>][(\[]$")
_BRACKET_ENDS: Final = re.compile(r"[)\]][ \t\r]*(?:\n|$)")
_LINE_BEGINS: Final = re.compile(_BULLET)
_HEADS_HOSTS: Final = re.compile(
    r"\b(?:ips?|address(?:es)?|adressen?|hosts?|machines?|systems?|systeme?|servers?|networks?|rechner"
    r"|direcci[o\u00f3]n(?:es)?|adresses?|indirizz[oi]|endere[c\u00e7]os?)\b",
    re.IGNORECASE,
)
_HEADS_ACCUSED: Final = re.compile(
    r"\b(?:affected|betroffen\w*|infected|infizier\w*|compromised|kompromittier\w*|malicious|attack(?:ers?|ing)|sources?"
    r"|offend\w+|abus\w+|involved|engaged|associated|criminals?|deny|banned|blocked|(?:in|of|from|on|under|within|aus)\s+(?:your|ihr\w{0,2}))\b",
    re.IGNORECASE,
)
_HEADS_FROM: Final = re.compile(
    r"\b(?:from|by|von|durch|desde|depuis|dalle?|de)\s+(?:the\s+|los\s+|les\s+)?(?:following|these|those|folgende\w{0,2}"
    r"|siguientes|suivantes|seguenti)\b[^.:]{0,150}[.:]$",
    re.IGNORECASE,
)
_ANNOUNCED: Final = re.compile(
    r"\b(?:following|below|folgend\w{0,2}|suivant\w{0,2}|siguientes?|seguent[ei]|seguintes?)\b[^.:]{0,300}[.:]",
    re.IGNORECASE,
)
_ANSWERED: Final = re.compile(
    r"(?m)^[^>\n]{0,200}\b(?:wrote|schrieb|a \u00e9crit|escribi\u00f3|escreveu|ha scritto|schreef)[^>\n]{0,80}"
    r":[ \t\r]*\n(?:[ \t\r]*\n)?(?:[ \t]{0,3}>[^\n]*(?:\n|\Z))+"
)  # with the line that says who wrote it
_MOST: Final = 100  # accused addresses of one report
_SEVERAL: Final = 3  # alone on lines: then it is a list
_LOOK_BACK: Final = 400  # characters before an address: its line, and the heading it stands under
_LOOK_AHEAD: Final = 160
_OWN: Final = 2  # taken from the weight of what the report itself came through
_SURE: Final = 9  # the weight of what a table or a subject names
_SHORT: Final = 40  # characters of a line that is a label alone
_SHAPE: Final = 25  # characters before an address that make lines alike


class Accused(NamedTuple):
    """An address and what was said with it."""

    address: str
    port: int | None
    weight: int


class _Said:
    """The weightiest mention of an address."""

    __slots__ = ("alone", "port", "qualifier", "shape", "weight")

    def __init__(self) -> None:
        self.weight = -99
        self.port: int | None = None
        self.shape = ""
        self.qualifier: str | None = None
        self.alone = False


def accused(view: View) -> list[Accused]:
    """The accused addresses: one, or those of a list; none if the report names none."""
    column = tables.sources(view.text)
    if column:
        return [Accused(found, None, _SURE) for found in column[:_MOST]]
    own = {found for value in view.headers.all("received")[:20] for found in extract.addresses(value)}
    text = _ready(_without_answered(view.text))
    said = _weighed(text, own)
    line = _PORT_LINE.search(text)
    subject = _of_subject(view.subject, said)
    if subject:
        return [_one(found, said, line, _SURE) for found in subject][:_MOST]
    hosts = _hosts(said)
    listed = _labelled(hosts) or _announced(text, hosts)
    if listed:
        return [_one(found, said, line, max(said[found].weight, labels.ADDRESS)) for found in listed[:_MOST]]
    dated = tables.dated(text)
    if dated and all(said[found].weight > labels.NOBODY for found in dated if found in said):
        return [_one(found, said, line, labels.ADDRESS) for found in dated[:_MOST]]
    attached = list(dict.fromkeys(found for one in view.lists for found in tables.attached(one)))
    attached = attached or next(filter(None, map(_enclosed, view.enclosures)), [])
    if attached:
        return [Accused(found, None, _SURE) for found in attached[:_MOST]]
    return [_one(found, said, line, said[found].weight) for found in _in_passing(hosts)[:_MOST]]


def _without_answered(text: str) -> str:
    """The text without the message it answers, where it names an address itself: the answer may be ours."""
    own = _ANSWERED.sub("\n", text)
    return own if any(extract.addresses(own)) else text


def _enclosed(text: str) -> list[str]:
    """Whom a file that is attached accuses: by its tables, its labels, its lines of a log."""
    hosts = _hosts(_weighed(_ready(text), set()))
    return tables.sources(text) or _labelled(hosts) or _in_passing(hosts, labels.FROM)


def _ready(text: str) -> str:
    return tables.without_tables_of_others(excerpts.plain_ports(_TWICE.sub(r"\1", extract.refanged(text))))


def _hosts(said: dict[str, _Said], least: int = labels.FROM) -> dict[str, _Said]:
    """Those on the net; where the text has none, those of a private net of which something is said."""
    return {found: said[found] for found in extract.hosts(said)
            if extract.is_public(found) or said[found].weight >= least}  # fmt: skip


def _weighed(text: str, own: set[str]) -> dict[str, _Said]:
    """Every address of the text with its weightiest mention; ``own`` are those the report itself came through."""
    said: dict[str, _Said] = {}
    last = weight = 0
    shown = ""  # what stands before the address whose weight counts
    for start, end, found in extract.placed(text):
        before, behind = text[max(0, start - _LOOK_BACK) : start], text[end : end + _LOOK_AHEAD]
        between = text[last:start][:40]
        together = _AND.fullmatch(between) and (between.strip(",;") or weight >= labels.ADDRESS)
        goes_on = together or (_NEXT_LINE.fullmatch(between) and _LINE_ENDS.match(behind))
        own_weight = _by_its_place(before, behind, "128" if ":" in found else "32")
        if own_weight or not goes_on:
            weight, shown = own_weight, before[-_SHAPE:]
        last = end
        one = said.setdefault(found, _Said())
        port = _PORT_BEHIND.match(behind)
        if port and 0 < int(port[1]) <= _TOP_PORT and one.port is None:
            one.port = int(port[1])
        counts = weight - _OWN * (found in own)
        if one.weight == labels.NOBODY and counts <= labels.NAMED:
            continue  # the attacked stays so where it is mentioned again
        if counts > one.weight or (counts == labels.NOBODY and one.weight <= labels.NAMED):
            one.weight = counts
            one.shape = re.sub(r"[\d.:]+", "9", shown)
            one.qualifier = labels.qualifier(before.rpartition("\n")[2][-80:]) if weight == labels.ADDRESS else None
    for match in _ALONE.finditer(text):
        known = extract.address(match[1])
        if known in said:
            said[known].alone = True
    return said


def _by_its_place(before: str, behind: str, bits: str) -> int:
    """What the words before an address, and the mark behind it, make of it; ``bits`` are those of such an address."""
    before = _DASHES.sub("\n", before) if before.endswith("\n") else before
    above, _, line = before.rpartition("\n")
    words = line[-80:]
    if excerpts.has_as_client(line, behind):
        return labels.CLIENT
    if _is_of_a_network(line, behind, bits) or excerpts.has_as_host(line, behind):
        return labels.NOBODY
    weight = labels.tagged(before)
    weight = _by_its_words(words, before, behind) if weight is None else weight
    if weight or not _LINE_BEGINS.fullmatch(line):
        hosting = not weight and _OF_A_LINK.match(line) and _BRACKET_ENDS.match(behind)
        return labels.ADDRESS if hosting else weight
    head = above.rstrip()
    heading = head.rpartition("\n")[2][-_LOOK_BACK:] if head.endswith(":") else ""
    accused_below = _heads_accused(above)
    if denials.heads_cleared(heading) or (not accused_below and heading and clauses.lists_ours(heading)):
        return labels.NOBODY
    if accused_below:
        return labels.SOURCE
    further, _, label = above.rpartition("\n")  # a label may stand on a line of its own
    return labels.weight(f"{label.strip()}: ", further) if 0 < len(label.strip()) <= _SHORT else weight


def _is_of_a_network(line: str, behind: str, bits: str) -> bool:
    """Whether an address stands for more than a host: a network, a range, what a registry has; or for who was asked."""
    network = _NETWORK.match(behind)
    if network and network[1] != bits:
        return True
    if _OF_DNS.match(behind):  # of nslookup and dig
        return "client" not in line[-80:]
    return bool(_RANGE_BEHIND.match(behind) or _RANGE_BEFORE.search(line[-80:]) or _REGISTRY.match(line))


def _by_its_words(words: str, before: str, behind: str) -> int:
    """What a label before an address makes of it, else the clause around it."""
    if _RECEIVED.search(before):  # a header's words are no clause
        return labels.weight(words, before.rpartition("\n")[0])
    if denials.takes_back(before, behind) or clauses.is_of_ours(before, behind):
        return labels.NOBODY
    weight = labels.weight(clauses.without_name(words), before.rpartition("\n")[0])
    if labels.LINKED < weight < labels.ADDRESS:
        if clauses.is_attacked(before, behind):
            return labels.NOBODY
        if clauses.is_accused(before, behind):
            return labels.CLIENT
    return weight


def _heads_accused(above: str) -> bool:
    """Whether the line above, with at most one empty line between, says that whom it heads are the accused hosts."""
    head = above.rstrip()
    if not head.endswith((":", ".")) or above[len(head) :].count("\n") > 1:
        return False
    line = head.rpartition("\n")[2]
    source = _HEADS_FROM.search(line)  # "... our server was attacked from the following addresses:"
    if source:
        return bool(_HEADS_HOSTS.search(source[0])) and not labels.OF_OTHERS.search(source[0])
    return bool(_HEADS_HOSTS.search(line) and _HEADS_ACCUSED.search(line)) and not labels.OF_OTHERS.search(line)


def _of_subject(subject: str, said: dict[str, _Said]) -> list[str]:
    """The addresses of the subject: those it calls the source, else those nobody calls the attacked."""
    named = _weighed(extract.refanged(subject), set())
    if not any(map(extract.is_public, named)) and any(map(extract.is_public, said)):
        return []
    weights = {found: one.weight for found, one in _hosts(named, labels.MENTIONED).items()}
    free = {found: weight for found, weight in weights.items()
            if weight > labels.NOBODY and (found not in said or said[found].weight > labels.NOBODY)}  # fmt: skip
    return [found for found, weight in free.items() if weight >= labels.FROM] or list(free)


def _labelled(public: dict[str, _Said]) -> list[str]:
    """Those that labels call the source; else those of labels that only say address, and of lists of addresses."""
    sources = [found for found, one in public.items() if one.weight >= labels.SOURCE]
    alone = [found for found, one in public.items() if one.alone and one.weight >= labels.MENTIONED]
    beside = max((one.weight for one in public.values() if not one.alone), default=labels.MENTIONED)
    least = min((public[found].weight for found in alone), default=labels.MENTIONED)
    lists = alone if len(alone) >= _SEVERAL and beside <= least else []  # else what one did to those may be listed
    if sources:
        return lists if set(sources) < set(lists) else sources
    plain = [found for found, one in public.items() if one.weight == labels.ADDRESS or found in lists]
    unknown = {public[found].qualifier for found in plain}
    return [] if len(unknown) > 1 else plain  # two labels, and nobody knows what parts them


def _announced(text: str, public: dict[str, _Said]) -> list[str]:
    """Those that a sentence announces ("the following hosts in your network ..."), where the text names no others."""
    if not public or any(one.weight <= labels.NOBODY for one in public.values()):
        return []
    sentence = next((
        match for match in _ANNOUNCED.finditer(text)
        if _HEADS_HOSTS.search(match[0]) and _HEADS_ACCUSED.search(match[0]) and not labels.OF_OTHERS.search(match[0])
    ), None)  # fmt: skip
    if sentence is None:
        return []
    begun = re.split(r"[.!?]\s", text[max(0, sentence.start() - _LOOK_BACK) : sentence.end()].strip())[-1]
    if clauses.lists_ours(begun, nearby=True) or denials.heads_cleared(begun):
        return []
    behind = dict.fromkeys(extract.addresses(text[sentence.end() :]))
    apart = all(len(set(extract.addresses(row))) <= 1 for row in text[sentence.end() :].split("\n"))
    return [found for found in behind if found in public] if apart and behind.keys() >= public.keys() else []


def _in_passing(public: dict[str, _Said], least: int = labels.LINKED) -> list[str]:
    """Those that lines of a log have as the client; else whence something came; else the only one that is mentioned."""
    for level in (labels.CLIENT, labels.FROM):
        found = [name for name, one in public.items() if one.weight == level]
        if len(found) == 1 or (found and level == labels.CLIENT):
            return found
        if found:
            return found if len({public[name].shape for name in found}) == 1 else []
    for level in (labels.NAMED, labels.MENTIONED, labels.LINKED):
        found = [name for name, one in public.items() if one.weight == level >= least]
        if found:
            return found if len(found) == 1 else []
    return []


def _one(found: str, said: dict[str, _Said], line: re.Match[str] | None, weight: int) -> Accused:
    port = said[found].port if found in said else None
    return Accused(found, port or (int(line[1]) if line and 0 < int(line[1]) <= _TOP_PORT else None), weight)
