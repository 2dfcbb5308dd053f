"""The steps on an Exim: look, freeze, freeze what would come, close; and the same on a hosting panel."""

from __future__ import annotations

from typing import Final

from whosent.remedies import proxying
from whosent.remedies.exim import insiders, passing, strangers

BY_KIND: Final = {
    "account": insiders.contain_account,
    "local_user": insiders.contain_user,
    "script": insiders.contain_script,
    "form": insiders.contain_script,
    "host": strangers.contain,
    "relay": strangers.contain,
    "proxy": proxying.contain_unknown(strangers.contain),
    "forwarder": passing.filter_forwards,
    "backscatter": passing.refuse_early,
    "list": passing.clean_list,
}
