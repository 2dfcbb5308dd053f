"""What is planted: stolen accounts, an abused script, a newsletter, a provider's outage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.generator.cast import Account
from benchmarks.generator.truth import Planted

if TYPE_CHECKING:
    from benchmarks.generator.recipe import Recipe
    from benchmarks.generator.scene import Host, Scene

SHARE = 0.12
"""Of all sessions while a campaign runs."""
OUTAGE = (20 / 24, 21 / 24)
"""When the popular provider answers nobody, in parts of the log's span."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a campaign writes: recipients per message, and how they take it."""

    least: int
    most: int
    bounce: float
    defer: float
    forged: bool = False


@dataclass(frozen=True, slots=True)
class Campaign:
    """A planted sender and everything needed to play it."""

    planted: Planted
    shape: Shape
    host: Host
    address: str
    account: Account | None
    clients: tuple[str, ...]


SPAM = Shape(5, 40, 0.28, 0.15)
FORGED = Shape(5, 40, 0.28, 0.15, forged=True)
SCRIPT = Shape(1, 3, 0.28, 0.15)
NEWSLETTER = Shape(20, 60, 0.03, 0.06)


def plant(scene: Scene, recipe: Recipe) -> list[Campaign]:
    """Choose who will be abused and when; write it into the truth."""
    span = recipe.hours * 3600

    def moments(begin: float, end: float) -> tuple[float, float]:
        return recipe.start + span * begin / 24, recipe.start + span * end / 24

    accounts = scene.cast.accounts
    chosen = scene.random.sample(range(len(accounts) // 10, len(accounts)), 3)
    campaigns = [
        _stolen(scene, accounts[number], shape, moments(5 + 6 * turn, 5.5 + 6.5 * turn))
        for turn, (number, shape) in enumerate(zip(chosen, (SPAM, SPAM, FORGED), strict=True))
    ]
    campaigns += [_script(scene, moments(9, 10)), _newsletter(scene, moments(14, 14.5))]
    scene.truth.incidents = [each.planted for each in campaigns[:-1]]
    scene.truth.innocents = [campaigns[-1].planted]
    scene.outage = moments(OUTAGE[0] * 24, OUTAGE[1] * 24)
    return campaigns


def _stolen(scene: Scene, account: Account, shape: Shape, when: tuple[float, float]) -> Campaign:
    planted = Planted(
        kind="account",
        name=account.login,
        actor=account.login,
        host=scene.relay.name,
        cause="compromised_account",
        start=when[0],
        end=when[1],
    )
    return Campaign(planted, shape, scene.relay, account.address, account, tuple(scene.cast.spammers))


def _script(scene: Scene, when: tuple[float, float]) -> Campaign:
    host = scene.hosts[-1]
    planted = Planted(
        kind="local_user",
        name="www-data",
        actor=f"uid:33@{host.name}",
        host=host.name,
        cause="abused_script",
        start=when[0],
        end=when[1],
    )
    return Campaign(planted, SCRIPT, host, f"www-data@{host.full_name}", None, ())


def _newsletter(scene: Scene, when: tuple[float, float]) -> Campaign:
    address = "newsletter@lists.example.org"
    client = scene.cast.client()
    account = Account(address, address, (client,), filtered=False)
    planted = Planted(
        kind="account",
        name=address,
        actor=address,
        host=scene.relay.name,
        cause="newsletter",
        start=when[0],
        end=when[1],
    )
    return Campaign(planted, NEWSLETTER, scene.relay, address, account, (client,))
