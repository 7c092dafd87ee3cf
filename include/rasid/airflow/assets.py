"""Assets, each defined once."""

from __future__ import annotations

from airflow.sdk import Asset


# Updated by every run of monitor_news that closed its books; everything downstream hangs on it.
ARTICLES = Asset(name="rasid_articles", uri="rasid://articles", group="rasid")
