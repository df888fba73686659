// Verifies a callback with the libraries that receivers use. Reads {secret, headers, body} from stdin.
import { readFileSync } from "node:fs";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
for (const [name, { Webhook }] of Object.entries({ standardwebhooks, svix })) {
  const notice = new Webhook(secret).verify(body, headers);
  if (notice.id !== headers["webhook-id"]) throw new Error(`${name}: another notice: ${notice.id}`);
  let refused = false;
  try {
    new Webhook(secret).verify(`${body} `, headers);
  } catch {
    refused = true;
  }
  if (!refused) throw new Error(`${name}: takes a changed body`);
  console.log(`${name}: verified`);
}
