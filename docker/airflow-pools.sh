#!/usr/bin/env bash
# The pools of rasid.airflow.environment; repeating it changes nothing.
set -euo pipefail

airflow pools set news_http 4 "Tasks that send requests to outlets"
airflow pools set news_backfill 1 "Tasks that ask one outlet for its older articles"
