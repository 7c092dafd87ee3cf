#!/usr/bin/env bash
# Database, pools and the first user; repeating it changes nothing.
set -euo pipefail

airflow db migrate
airflow pools set news_http 4 "Tasks that send requests to outlets"
airflow pools set news_backfill 1 "Tasks that ask one outlet for its older articles"
airflow users list --output plain | grep -qw admin ||
    airflow users create --username admin --firstname Rasid --lastname Admin \
        --email admin@example.org --role Admin --password "$AIRFLOW_ADMIN_PASSWORD"
