"""What a site's robots.txt allows us: paths, crawl delay, and AI-use signals."""

from __future__ import annotations

import re

from dataclasses import dataclass

from protego import Protego


# Content-Signal (contentsignals.org, draft): a line of robots.txt such as
# `Content-Signal: search=yes, ai-train=no, ai-input=no`.
_SIGNAL = re.compile(r"^\s*content-signal\s*:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
MAX_CRAWL_DELAY = 120.0


@dataclass(frozen=True, slots=True)
class Robots:
    """A parsed robots.txt; `crawl_delay` in seconds, 0 when none is asked."""

    rules: Protego
    agent: str
    crawl_delay: float
    signals: frozenset[str]

    @classmethod
    def parse(cls, text: str, user_agent: str) -> Robots:
        """Read `text` for our agent, the name before the slash of `user_agent`."""
        agent = user_agent.partition("/")[0].strip() or "*"
        rules = Protego.parse(text)
        signals = frozenset(
            part.strip().lower().replace(" ", "")
            for line in _SIGNAL.findall(text.replace("\r", "\n"))
            for part in line.partition("#")[0].split(",")
        )
        delay = float(rules.crawl_delay(agent) or 0.0)
        return cls(rules, agent, min(delay, MAX_CRAWL_DELAY), signals)

    def refusal(self, url: str) -> str:
        """Why `url` must not be fetched; empty when it may be.

        Tagging is machine reading of the text, so `ai-input=no` and `ai-train=no` are taken as a
        no; `search=no` because the text would be searchable here.
        """
        for signal in ("ai-input=no", "ai-train=no", "search=no"):
            if signal in self.signals:
                return f"robots.txt says {signal}"
        if not self.rules.can_fetch(url, self.agent):
            return "robots.txt disallows the path"
        return ""
