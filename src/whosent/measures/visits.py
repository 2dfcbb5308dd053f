"""What visitors asked of the web server: pages, how often, by whom; the latest first, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from whosent.model.rows import Request

_PAGES: Final = 20_000
_VISITORS: Final = 32  # of one page
_LINES: Final = 3
_BACK: Final = 32  # pages looked at for one burst of mail


class Page:
    """One address of the web site."""

    __slots__ = ("first", "hits", "last", "lines", "name", "path", "posts", "visitors")

    def __init__(self, name: str, path: str, time: float) -> None:
        self.name = name
        self.path = path
        self.first = self.last = time
        self.hits = self.posts = 0
        self.visitors: dict[str, int] = {}  # addresses that posted
        self.lines: list[tuple[float, int]] = []  # the latest posts

    def posted(self, time: float, ref: int, address: str) -> None:
        """Remember a POST: heavy posters stay, however many others come (Misra and Gries)."""
        self.posts += 1
        visitors = self.visitors
        if address in visitors or len(visitors) < _VISITORS:
            visitors[address] = visitors.get(address, 0) + 1
        else:
            self.visitors = {name: count - 1 for name, count in visitors.items() if count > 1}
        if len(self.lines) >= _LINES:
            del self.lines[1]
        self.lines.append((time, ref))

    @property
    def poster(self) -> tuple[str, int]:
        """The address that posted most, and how often at least."""
        if not self.visitors:
            return ("", 0)
        return min(self.visitors.items(), key=lambda item: (-item[1], item[0]))


class Visits:
    """All pages, least recently asked for first."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str], Page] = {}
        self.first = self.last = float("nan")

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def span(self) -> float:
        """Seconds that the access log covers."""
        return self.last - self.first if self._pages else 0.0

    def note(self, row: Request) -> Page:
        """One request."""
        time, ref, host, address, method, path, _ = row
        if not self._pages:
            self.first = time
        self.last = time
        key = (host, path)
        page = self._pages.pop(key, None)
        if page is None:
            page = Page(f"{host}{path}", path, time)
            if len(self._pages) >= _PAGES:
                del self._pages[next(iter(self._pages))]
        self._pages[key] = page
        page.last = time
        page.hits += 1
        if method == "POST":
            page.posted(time, ref, address)
        return page

    def before(self, time: float, reach: float) -> list[tuple[Page, float]]:
        """Pages asked for in the seconds before, each with how long before."""
        found: list[tuple[Page, float]] = []
        for page in reversed(self._pages.values()):
            if page.last < time - reach or len(found) >= _BACK:
                break
            found.append((page, time - page.last))
        return found

    def of_script(self, script: str) -> Page | None:
        """The most posted page whose path a script's file name ends with."""
        pages = [page for page in self._pages.values() if len(page.path) > 1 and script.endswith(page.path)]
        return max(pages, key=lambda page: (page.posts, page.hits), default=None)

    def in_folder(self, folder: str) -> Page | None:
        """The most posted page that lies in a folder: its path without the file ends that of the folder."""
        pages = [page for page in self._pages.values() if page.posts and _lies_in(page.path, folder)]
        return max(pages, key=lambda page: (page.posts, page.hits), default=None)


def _lies_in(path: str, folder: str) -> bool:
    """Whether a page's own folder, which is more than the root, is the end of this one."""
    own = path.rpartition("/")[0]
    return bool(own) and folder.rstrip("/").endswith(own)
