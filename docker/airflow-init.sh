#!/usr/bin/env bash
# Database, pools and the first user; repeating it changes nothing.
set -euo pipefail

airflow db migrate
bash "$(dirname "$0")/airflow-pools.sh"
airflow users list --output plain | grep -qw admin ||
    airflow users create --username admin --firstname Rasid --lastname Admin \
        --email admin@example.org --role Admin --password "$AIRFLOW_ADMIN_PASSWORD"
