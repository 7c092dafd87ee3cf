#!/usr/bin/env bash
# Passwords of Kibana's built-in user and of Rasid's writer, whose role can do what a run does and
# no more. Repeating it changes nothing.
set -euo pipefail

url=https://elasticsearch:9200/_security
es=(curl -sS --fail --cacert config/certs/ca/ca.crt -u "elastic:$ELASTIC_PASSWORD"
    -H 'Content-Type: application/json')

"${es[@]}" -X POST "$url/user/kibana_system/_password" -d "{\"password\":\"$KIBANA_PASSWORD\"}"
"${es[@]}" -X PUT "$url/role/rasid_writer" -d '{
  "cluster": ["monitor", "manage_index_templates"],
  "indices": [{
    "names": ["rasid-*"],
    "privileges": ["auto_configure", "create_index", "delete", "index", "maintenance",
      "manage", "read", "view_index_metadata"]
  }]
}'
"${es[@]}" -X PUT "$url/user/rasid_writer" -d "{
  \"password\": \"$RASID_WRITER_PASSWORD\", \"roles\": [\"rasid_writer\"], \"full_name\": \"Rasid\"
}"
