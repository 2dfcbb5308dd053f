"""Lists in Postfix's main.cf: an entry put in and taken out, the others untouched."""

from __future__ import annotations


def last(parameter: str, entry: str) -> tuple[str, str]:
    """The same with ``entry`` last, where what stands before it must keep its say."""
    setup = f'entry={entry}\nothers=$(postconf -h {parameter} | sed "s#,* *$entry##")\n'
    return (
        f'{setup}postconf -e "{parameter} = ${{others:+$others, }}$entry"',
        f'{setup}postconf -e "{parameter} = $others"',
    )


def first(parameter: str, entry: str) -> tuple[str, str]:
    """Commands that put ``entry`` (a shell word) first in a list of main.cf, and that take it out again.

    The rest of the list stays as it is, whoever changed it in between; doing it twice changes nothing.
    """
    setup = f'entry={entry}\nothers=$(postconf -h {parameter} | sed "s#$entry, *##")\n'
    return (
        f'{setup}postconf -e "{parameter} = $entry, $others"',
        f'{setup}postconf -e "{parameter} = $others"',
    )
