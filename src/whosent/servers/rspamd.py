"""Rspamd: the line by which it signs mail from outside with our key, or spares what bears our name; what mends it.

What is in force is told by ``rspamadm configdump``; where that does not answer, by the files themselves, the strongest
first: ``override.d`` stands above ``local.d``, and that above the package's own.  Whom Rspamd signs for is decided as
its ``lualib/lua_dkim_tools.lua`` does for a client without a password: ``sign_networks``, else ``sign_local`` with
``local_addrs``, else ``sign_inbound``.  An ARC seal (``arc``) is put on what comes in, and says nothing of whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from whosent.model.check import Heard, Opening, Question, Ran, Read, Run
from whosent.servers import mending, postfix, running, senders
from whosent.servers.attempt import Blamed, Forged

_DUMP: Final = "rspamadm configdump"
_SECTIONS: Final = ("dkim_signing", "options", "settings")
_FOLDER: Final = "/etc/rspamd"
_FILES: Final = {  # the strongest first
    "dkim_signing": tuple(f"{_FOLDER}/{one}/dkim_signing.conf" for one in ("override.d", "local.d", "modules.d")),
    "options": (f"{_FOLDER}/override.d/options.inc", f"{_FOLDER}/local.d/options.inc", f"{_FOLDER}/options.inc"),
    "settings": tuple(f"{_FOLDER}/{one}/settings.conf" for one in ("override.d", "local.d")),
}
_TALLEST: Final = 1000  # lines of a list
_RESTART: Final = "systemctl restart rspamd"
_PERSONAL: Final = {"authenticated", "user", "ip", "ip_map", "client_ip", "client_ip_map"}  # not for strangers to write
_UNTRIED: Final = {
    "rcpt",
    "rcpt_mime",
    "hostname",
    "header",
    "request_header",
    "selector",
    "local",
    "inverse",
    "expression",
}
_SPARING: Final = {"whitelist", "want_spam"}
_LENIENT: Final = {
    "actions",
    "scores",
    "symbols",
    "symbols_enabled",
    "symbols_disabled",
    "groups_enabled",
    "groups_disabled",
}
_ELSEWHERE: Final = {"selector_map", "key_table", "use_vault", "sign_condition"}  # what names selectors
_TRUE: Final = {"true", "yes", "on", "1"}
_LOCAL: Final = ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "fd00::/8", "169.254.0.0/16", "fe80::/10")
_WORD: Final = re.compile(r'"([^"]*)"|([^\s,;\[\]{}"]+)')
_REACH: Final = "whose mail gets our signature: our own hosts must be in the list, or log in"


def lookups(heard: Heard) -> Iterator[Question]:
    """What is in force, and the files that may say so; a list that stands in a file of its own."""
    if not runs(heard):
        return
    yield Run(key=_DUMP, argv=("rspamadm", "configdump", "-C", *_SECTIONS), within=60)
    for files in _FILES.values():
        yield from (Read(key=path, path=path) for path in files)
    if _DUMP in heard and (listed := _file(_value(heard, "dkim_signing", "sign_networks"))):
        yield Read(key=listed, path=listed)


def guilty(heard: Heard, forged: Forged, kinds: set[str]) -> Iterator[Blamed]:
    """Whom it signs for, where something was signed; whom its settings spare, where something was let through."""
    if not runs(heard):
        return
    if "signed" in kinds and (found := _signs(heard, forged.attempt.client)):
        yield found
    if "unfiltered" in kinds:
        yield from _spares(heard, forged.attempt.sender)


def runs(heard: Heard) -> bool:
    """Whether it runs here."""
    return any(words[0].rpartition("/")[2] in {"rspamd", "rspamd:"} for words in running.command_lines(heard))


# ------------------------------------------------------------------ what is in force, and where it is written


def _dumped(heard: Heard) -> dict[str, dict[str, Any]]:
    """The sections, as Rspamd tells them: one a line."""
    told = heard.get(_DUMP)
    found: dict[str, dict[str, Any]] = {}
    for name, line in zip(_SECTIONS, running.split(told.output) if isinstance(told, Ran) else (), strict=False):
        try:
            value = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(value, dict):
            found[name] = value
    return found


def _value(heard: Heard, section: str, key: str) -> Any:  # noqa: ANN401  # whatever stands there
    """In force: a word or a list of words; None: nothing says so."""
    told = _dumped(heard).get(section)
    if told is not None:
        return told.get(key)
    setting = _written(heard, section, key)
    return setting.words if setting else None


class _Setting(NamedTuple):
    """Where a value is written."""

    path: str
    first: int  # line, from 1
    last: int
    words: list[str]
    alone: bool  # nothing else stands in these lines


def _written(heard: Heard, section: str, key: str, holding: str = "") -> _Setting | None:
    """The strongest line that sets it; with ``holding``, the strongest whose value has that word."""
    found = [one for path in _FILES[section] for one in _settings(path, _lines(heard, path), key)]
    return next((one for one in found if not holding or holding in one.words), None)


def _settings(path: str, lines: list[str], key: str) -> Iterator[_Setting]:
    """Every place in a file of UCL, the last first: ``key = value;``, ``key: value`` or ``key value``, lists too."""
    every, last = [], 0
    start = re.compile(rf'\s*"?{key}"?(?:\s*[=:]\s*|\s+)(?P<value>[^\s=:].*)')
    for number, line in enumerate(lines, 1):
        told = start.match(line) if number > last else None
        if told is None:
            continue
        texts, last = [_bare(told["value"])], number
        while "[" in texts[0] and "]" not in texts[-1] and last < min(len(lines), number + _TALLEST):
            texts.append(_bare(lines[last]))
            last += 1
        text = " ".join(texts)
        value = re.match(r"\[[^\]]*\]|[^;]*", text)
        end = value.end() if value else 0
        words = [one or two for one, two in _WORD.findall(text[:end])]
        every.append(_Setting(path, number, last, words, alone=not text[end:].strip(" \t;")))
    yield from reversed(every)


def _lines(heard: Heard, path: str) -> list[str]:
    """Of a file, those of a comment of several lines left empty."""
    kept, within = [], False
    for line in running.lines(heard, path):
        within = within or line.lstrip().startswith("/*")
        kept.append("" if within else line)
        within = within and "*/" not in line
    return kept


def _bare(text: str) -> str:
    """Without a comment."""
    return re.sub(r"(?:^|\s)(?:#|//).*", "", text)


def _is_true(value: object) -> bool:
    words = value if isinstance(value, list) else [value]
    return bool(words) and str(words[0]).lower() in _TRUE


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return re.split(r"[,\s]+", value)
    return [str(one) for one in value] if isinstance(value, list) else []


def _file(value: object) -> str:
    """The file that holds a list, if it is not written where it is named."""
    words = _words(value)
    named = re.sub(r"^file://", "", words[0]) if len(words) == 1 else ""
    named = re.sub(r"^\$\{?(?:LOCAL_)?CONFDIR\}?", _FOLDER, named)
    return named if named.startswith("/") else ""


# ------------------------------------------------------------------ whom it signs for


def signs_as(heard: Heard, selectors: frozenset[str]) -> bool:
    """Whether a selector that is in force is one of these; where keys stand elsewhere, one may be."""
    told = _dumped(heard).get("dkim_signing", {})
    text = msgspec.json.encode(told).decode()
    return bool(_ELSEWHERE & set(told)) or any(f'"selector":"{one}"' in text for one in selectors)


def _signs(heard: Heard, client: str) -> Blamed | None:
    """What makes a client without a password one whose mail is signed."""
    by = {key: _value(heard, "dkim_signing", key) for key in ("enabled", "sign_condition", "use_http_headers",
          "sign_networks", "sign_local", "sign_inbound", "signing_table", "key_table", "use_vault")}  # fmt: skip
    if by["enabled"] is not None and not _is_true(by["enabled"]):
        return None
    for key in ("use_http_headers", "sign_condition"):
        if by[key] and by[key] != ["false"]:
            return _decided_elsewhere(heard, key)
    if (found := _network(heard, by["sign_networks"], client)) is not None:
        return found
    local = _words(_value(heard, "options", "local_addrs") or list(_LOCAL))
    if (by["sign_local"] is None or _is_true(by["sign_local"])) and (wide := postfix.network_of(local, client)):
        why = f"Rspamd takes {client} for a host of ours by this ({wide}), and signs what our hosts send (sign_local)."
        return _narrowed(heard, "options", "local_addrs", wide, why)
    tabled = by["signing_table"] and (by["key_table"] or by["use_vault"])  # a table signs for nobody from outside
    if _is_true(by["sign_inbound"]) and not tabled:
        why = "Rspamd signs what comes from outside as well, as the domain that its From names."
        return _switched(heard, "sign_inbound", why)
    return None


def _network(heard: Heard, value: object, client: str) -> Blamed | None:
    """The entry of sign_networks that holds the client."""
    why = f"Rspamd signs what comes from here, and {client} is one of them."
    path = _file(value)
    for number, line in enumerate(running.lines(heard, path), 1) if path else ():
        if postfix.network_of(_bare(line).split()[:1], client):
            opening = running.opening(heard, path, number, why)
            return mending.edited(opening, f"{number}s/^/#/", f"Take it out of {path}", _REACH, _RESTART)
    wide = "" if path else postfix.network_of(_words(value), client)
    return _narrowed(heard, "dkim_signing", "sign_networks", wide, why) if wide else None


def _narrowed(heard: Heard, section: str, key: str, wide: str, why: str) -> Blamed:
    """A list without the network that holds strangers."""
    setting = _written(heard, section, key, wide)
    if setting is None:
        return mending.by_hand(_unwritten(key, wide, why), f"Take {wide} out of {key}", _REACH, _SEARCH)
    kept = ", ".join(f'"{word}"' for word in setting.words if word != wide) or '"127.0.0.1"'
    opening = running.opening(heard, setting.path, setting.first, why, wide)
    if not setting.alone:
        return mending.by_hand(opening, f"Take {wide} out of {key}", _REACH, _SHARED)
    edit = f"{setting.first},{setting.last}c\\{key} = [{kept}];"
    return mending.edited(opening, edit, f"Take {wide} out of {key}", _REACH, _RESTART)


def _switched(heard: Heard, key: str, why: str) -> Blamed:
    """A switch that is on."""
    setting = _written(heard, "dkim_signing", key)
    if setting is None:
        return mending.by_hand(_unwritten(key, "true", why), f"Switch {key} off", _REACH, _SEARCH)
    opening = running.opening(heard, setting.path, setting.first, why)
    if not setting.alone:
        return mending.by_hand(opening, f"Switch {key} off", _REACH, _SHARED)
    return mending.edited(opening, f"{setting.first}c\\{key} = false;", f"Switch {key} off", _REACH, _RESTART)


_SHARED: Final = "It shares its line with others: edit it by hand."
_SEARCH: Final = f"It stands in no file that is usual: grep -r for it below {_FOLDER} and /var/lib/rspamd."


def _unwritten(key: str, value: str, why: str) -> Opening:
    """In force, and in none of the usual files."""
    return Opening(file="rspamadm configdump", line=None, text=f"{key} = {value}", why=why, setting=key, entry=value)


def _decided_elsewhere(heard: Heard, key: str) -> Blamed | None:
    """What decides before every list is asked: a program, or what the mail server says of each message."""
    setting = _written(heard, "dkim_signing", key)
    if setting is None:
        return None
    told = {"sign_condition": "a program that is not run here", "use_http_headers": "what the mail server adds"}[key]
    why = f"whether Rspamd signs is decided by this alone ({told})."
    opening = mending.suspected(running.opening(heard, setting.path, setting.first, why))
    return mending.by_hand(opening, "Ask in it for a password, or for a network of ours", _REACH,
                           "Whosent cannot write this for you: it must refuse clients that are not ours.")  # fmt: skip


# ------------------------------------------------------------------ whom it spares


def _spares(heard: Heard, sender: str) -> Iterator[Blamed]:
    """Rules of the user settings that our own sender meets, whoever wrote it."""
    for name, rule in _dumped(heard).get("settings", {}).items():
        if not isinstance(rule, dict) or _PERSONAL & set(rule) or not (one := _met(rule, sender)):
            continue
        grants = _grants(rule)
        certain = not _UNTRIED & set(rule) and any(grants.get(key) for key in _SPARING)
        if not certain and not (_SPARING | _LENIENT) & set(grants):
            continue
        why = f"the settings {name} are for mail from {one}: whoever writes that name gets what they grant."
        title, reach = f"Let {name} hold for who has logged in", f"mail from {one} without a password"
        path, number, apart = _rule(heard, name, one)
        if not number:
            opening, note = _unwritten(f"settings {name}", one, why), _SEARCH
        else:
            opening, note = (
                running.opening(heard, path, number, why, one),
                "Write authenticated = true; beside its from.",
            )
        if not certain:
            yield mending.by_hand(mending.suspected(opening), title, reach, note)
            continue
        opening = msgspec.structs.replace(opening, why=why[0].upper() + why[1:])
        edit = f"{number}i\\  authenticated = true;"
        yield (
            mending.edited(opening, edit, title, reach, _RESTART)
            if apart
            else mending.by_hand(opening, title, reach, note)
        )


def _grants(rule: dict[str, Any]) -> dict[str, Any]:
    """What a rule gives, however it is nested."""
    apply = rule.get("apply")
    found = {**rule, **(apply if isinstance(apply, dict) else {})}
    usual = found.get("default")
    return {**found, **usual} if isinstance(usual, dict) else found


def _met(rule: dict[str, Any], sender: str) -> str:
    """The entry of a rule's from, or from_mime, that a sender meets: of both, if it has both; empty: none."""
    met = [next((word for word in _words(rule[key]) if _is_met(word, sender)), "")
           for key in ("from", "from_mime") if key in rule]  # fmt: skip
    return met[0] if met and all(met) else ""


def _is_met(word: str, sender: str) -> bool:
    pattern = re.fullmatch(r"/(.*)/(i?)", word)
    if pattern:
        return senders.meets(pattern[1], sender, any_case=bool(pattern[2]))
    return word.lower() in {sender.lower(), "@" + sender.rpartition("@")[2].lower()}


def _rule(heard: Heard, name: str, word: str) -> tuple[str, int, bool]:
    """File and line of the from in a rule, and whether that line is its own; line 0: not found."""
    for path in _FILES["settings"]:
        label = depth = 0
        for number, line in enumerate(_lines(heard, path), 1):
            if not label and re.match(rf'\s*"?{re.escape(name)}"?\s*[={{]', line):
                label = number
            if label and word in line and re.match(r'\s*"?from(?:_mime)?"?\s*[=:\s]', line):
                return path, number, True
            depth += _bare(line).count("{") - _bare(line).count("}") if label else 0
            if label and depth <= 0 and "}" in line:
                break
        if label:
            return path, label, False
    return "", 0, False
