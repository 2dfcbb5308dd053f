"""Chat, telephone and ticket services by Apprise (an extra): some hundred of them, each an address."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from whosent.alerts.wording import subject_line, text
from whosent.channels import Channel, Means, Unsent, secret
from whosent.model.alert import Alert

_TYPES: Final = {"critical": "failure", "warning": "warning", "information": "info"}


def lacks(means: Means) -> str:
    """Needs the library and an address."""
    if not means.rules.apprise:
        return "alerts.apprise is not set"
    return "" if find_spec("apprise") else "the library apprise is not installed: pip install 'whosent[alerts]'"


def send(alert: Alert, means: Means) -> str:
    """Tell every address; one that takes it is not told again if another does not."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType  # noqa: PLC0415  # an extra, and slow to load

    addresses = [line for one in means.rules.apprise for line in secret("alerts.apprise", one).split()]
    asset = AppriseAsset(app_id="Whosent", app_desc="Whosent", app_url="", interpret_escapes=False)
    refused = 0
    for address in addresses:
        service = Apprise(asset=asset)
        if not service.add(address):
            raise Unsent(f"alerts.apprise: the address of kind {address.partition(':')[0]!r} is not understood")
        refused += not service.notify(
            body=text(alert),
            title=subject_line(alert),
            notify_type=NotifyType(_TYPES[alert.urgency]),
            body_format=NotifyFormat.TEXT,
            timeout=means.rules.timeout,
        )
    if refused == len(addresses):
        raise Unsent("no service took it" if addresses else "alerts.apprise names no service")
    return f"{refused} of {len(addresses)} services did not take it" if refused else ""


channel = Channel("apprise", "chat, telephone and ticket services by Apprise", lacks, send)
