#!/bin/sh
# Makes the folder ./secrets for docker-compose.yml. What is there already stays. To get new tokens, or to give another API key, remove that file and
# run it again. The passwords of the two databases can't be changed so: the databases keep them.
# The Offload API key comes from SIGNALBOX_OFFLOAD_API_KEY, or is asked for.
set -eu
umask 022
mkdir -p secrets
chmod 700 secrets

# keep NAME: writes standard input to secrets/NAME unless it is there.
keep() {
  if [ -s "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1"; fi
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

random | keep temporal_db_password
random | keep inbox_password
random | keep grafana_password
printf 'operator:%s\n' "$(random)" | keep internal_tokens
printf 'postgres://signalbox:%s@postgresql:5432/signalbox?sslmode=disable\n' "$(cat secrets/inbox_password)" | keep inbox_url
printf 'POSTGRES_PWD=%s\nSQL_PASSWORD=%s\n' "$(cat secrets/temporal_db_password)" "$(cat secrets/temporal_db_password)" | keep temporal.env
keep config.yml <<'END'
## The --config file of the ingresses and workers: restart them after a change, one after the other. README.md, "Run it", lists what it may contain.
# agents:
#   my-agent:
#     secrets: ["the webhook secret of this agent at Artmail"]
END
if [ ! -s secrets/offload_api_key ]; then
  key=${SIGNALBOX_OFFLOAD_API_KEY:-}
  if [ -z "$key" ]; then
    printf 'Offload API key: ' >&2
    read -r key
  fi
  printf '%s\n' "$key" | keep offload_api_key
fi
echo "secrets are in ./secrets; internal_tokens holds the API token, grafana_password the password of Grafana's admin"
