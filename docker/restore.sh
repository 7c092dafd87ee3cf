#!/usr/bin/env bash
# restore.sh FOLDER/<moment>: brings back what backup.sh kept. Airflow has to be stopped.
#
# Elasticsearch may be new and empty, or hold other indices: only what is missing comes back, unless
# REPLACE=1 puts the snapshot's state in the place of what is there.
set -euo pipefail
from="${1:?usage: restore.sh FOLDER/<moment>}"
: "${RASID_AIRFLOW_DB:?is the URL of the database of Airflow}"

# The pages first: no index points to a page that is not there.
if [ -f "$from/store.tar" ]; then
    mkdir -p "${RASID_STORE#file://}"
    tar -C "${RASID_STORE#file://}" -xf "$from/store.tar"
fi

rasid snapshot restore "$(cat "$from/snapshot")" ${REPLACE:+--replace}
# Templates, and the indices that no snapshot held.
rasid provision

if [ -f "$from/airflow.dump" ]; then
    pg_restore --clean --if-exists --no-owner --exit-on-error \
        --dbname "postgresql:${RASID_AIRFLOW_DB#*:}" "$from/airflow.dump"
    # A backup of an older Airflow is brought to the version that is installed.
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="$RASID_AIRFLOW_DB" airflow db migrate
fi
echo "Restored. Start Airflow; rasid doctor says whether all is well."
