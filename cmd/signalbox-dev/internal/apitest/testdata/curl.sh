api=http://127.0.0.1:8081/v1

# Start a case. Sent again, it attaches to the same case.
curl -sS $api/cases -H 'Content-Type: application/json' -d '{
  "reference": "vendor_2048",
  "request": {
    "channel": "EMAIL",
    "goal": {"objective": "Obtain a signed W-9"},
    "counterparty": {"address": "question@vendor.example", "name": "Ada"},
    "senderPersona": {"name": "Grace"}}}'

# Wait up to 60 s until it asks something or has ended, and keep the ID of the question.
question=$(curl -sS "$api/cases/vendor_2048?wait=60s" | sed -n 's/.*"question":{"id":"\([^"]*\)".*/\1/p')

# Answer, then wait for the end and read the conversation.
curl -sS $api/cases/vendor_2048/input -H 'Content-Type: application/json' -d '{"questionId": "'$question'", "text": "Yes, a signed PDF is fine."}'
curl -sS "$api/cases/vendor_2048?wait=60s"
curl -sS $api/cases/vendor_2048/transcript
