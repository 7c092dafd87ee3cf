#!/usr/bin/env bash
# The pools of rasid.airflow.environment where they are missing; what a person has set stays.
set -euo pipefail

pool() {
  airflow pools get "$1" >/dev/null 2>&1 || airflow pools set "$@"
}
pool news_http 4 "Tasks that send requests to outlets"
pool news_backfill 1 "Tasks that ask one outlet for its older articles"
