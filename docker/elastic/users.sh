#!/usr/bin/env bash
# Kibana's password, the roles, and the API keys that Rasid works with: each can do what its job
# needs and no more. Repeating it changes nothing; a key that is not valid any more is made anew.
set -euo pipefail

url=https://elasticsearch:9200/_security
setup=/usr/share/elasticsearch/setup
secrets=/run/rasid
curl=(curl -sS --fail --cacert config/certs/ca/ca.crt -H 'Content-Type: application/json')
es=("${curl[@]}" -u "elastic:$ELASTIC_PASSWORD")

"${es[@]}" -X POST "$url/user/kibana_system/_password" -d "{\"password\":\"$KIBANA_PASSWORD\"}"

for file in "$setup"/roles/*.json; do
    "${es[@]}" -X PUT "$url/role/rasid_$(basename "$file" .json)" -d "@$file"
done

# Airflow's user is in the group 0; so is whoever rotates a key.
chmod 775 "$secrets"
umask 027
key() { # role, file: as Settings reads it (RASID_SECRETS)
    if [ -s "$secrets/$2" ] &&
        "${curl[@]}" -H "Authorization: ApiKey $(cat "$secrets/$2")" "$url/_authenticate" >/dev/null; then
        return
    fi
    "${es[@]}" -X POST "$url/api_key" -d "{
      \"name\": \"rasid-$1\", \"expiration\": \"90d\", \"metadata\": {\"application\": \"rasid\"},
      \"role_descriptors\": {\"rasid_$1\": $(cat "$setup/roles/$1.json")}
    }" | sed -n 's/.*"encoded":"\([^"]*\)".*/\1/p' | tr -d '\n' >"$secrets/$2"
    test -s "$secrets/$2"
}
key writer rasid_es_api_key
key keeper rasid_keeper_api_key
key kibana rasid_kibana_api_key
