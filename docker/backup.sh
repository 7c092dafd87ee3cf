#!/usr/bin/env bash
# backup.sh FOLDER: what cannot be made anew, as FOLDER/<moment>/.
#
#   snapshot       name of a snapshot of the indices; it lies where RASID_SNAPSHOTS says
#   store.tar      archived pages and briefs, where RASID_STORE is a folder
#   airflow.dump   Airflow's database (RASID_AIRFLOW_DB), where it is a Postgres
#
# Nothing has to stop: runs go on. The files of runs are left out, they are for Clear alone.
set -euo pipefail
: "${1:?usage: backup.sh FOLDER}"
: "${RASID_AIRFLOW_DB:?is the URL of the database of Airflow}"

to="$1/$(date -u +%Y%m%dT%H%M%SZ)"
mkdir -p "$to"

# The indices first: whatever page they point to is in what is copied after them.
rasid snapshot take | tail -n 1 | cut -d: -f1 >"$to/snapshot"

case "${RASID_STORE:?}" in
file://*) tar -C "${RASID_STORE#file://}" --exclude ./runs -cf "$to/store.tar" . ;;
*) echo "The pages lie in $RASID_STORE: let the bucket keep versions, or replicate it." ;;
esac

case "$RASID_AIRFLOW_DB" in
postgresql*) pg_dump --format custom --file "$to/airflow.dump" "postgresql:${RASID_AIRFLOW_DB#*:}" ;;
*) echo "Airflow's database is no Postgres: its file is not copied." ;;
esac
echo "$to"
