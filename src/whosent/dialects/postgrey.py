"""Postgrey: greylisting of incoming mail, a policy service before there is a queue id.

From postgrey 1.36 and 1.37, recorded from 1.37.  Sender and recipient are logged without quotes and are not read:
behind ``client_address=`` everything is the client's word.

What it cannot prove: anything of the mail itself; it speaks of who was asked to come back.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_ACTION = rb"action="

dialect = Dialect(
    name="postgrey",
    title="Postgrey",
    programs=((rb"postgrey|sqlgrey|greyfix|milter-greylist", (
        Rule("verdict", _ACTION + rb"(?P<action>\w++), reason=[^,\n]*+(?:\([^()\n]*+\))?(?:, delay=\d++)?, "
             rb"client_name=(?P<client_name>[^, \n]*+), client_address=(?P<client_address>[0-9A-Fa-f.:]++)"
             rb"(?:/\d++)?(?:, [^\n]*+)?", (("program", "postgrey"),)),
        Rule("notice", rb"(?!" + _ACTION + rb")[^\n]*+"),
    )),),
    ambiguous=(_ACTION,),
)  # fmt: skip
