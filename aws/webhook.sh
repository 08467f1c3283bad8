#!/usr/bin/env bash
# Sets the address at which Telegram reaches a stack's bot. Needs the AWS CLI, curl and python3.
#
#     aws/webhook.sh STACK           sets the address; again after a new token
#     aws/webhook.sh STACK info      shows the address, and errors of deliveries
#     aws/webhook.sh STACK remove    removes the address
set -euo pipefail

stack=${1:-} action=${2:-set}
if [[ -z $stack || $# -gt 2 || ! $action =~ ^(set|info|remove)$ ]]; then
  sed -n 's/^# \?//p' "$0" >&2
  exit 2
fi

output() {
  aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

# call METHOD [FIELD=VALUE]…: curl reads the secrets from its input, as all users can see arguments.
call() {
  { echo "url = \"${TELEGRAM_API:-https://api.telegram.org}/bot$token/$1\""
    [[ $# -eq 1 ]] || printf 'form-string = "%s"\n' "${@:2}"
  } | curl --silent --show-error --fail-with-body --config - | python3 -m json.tool
}

address=$(output WebhookUrl)
token=$(aws ssm get-parameter --name "$(output TokenParameter)" --with-decryption --output text \
  --query Parameter.Value)
case $action in
  set)  # as in aws/contract.py
    secret=$(python3 -c 'import hmac; print(hmac.new(input().encode(), b"webhook", "sha256").hexdigest())' <<< "$token")
    call setWebhook "url=$address" "secret_token=$secret" 'allowed_updates=[\"message\",\"callback_query\"]'
    ;;
  info) call getWebhookInfo ;;
  remove) call deleteWebhook ;;
esac
