// A business app that knows Temporal and the contract's names, and no library of Signalbox: it starts a case, answers its question, and waits
// for its end.
import { Client, Connection } from "@temporalio/client";
import { dataConverter } from "./codec.mjs";

const [, , address, namespace, reference] = process.argv;
const connection = await Connection.connect({ address });
const client = new Client({ connection, namespace, dataConverter });

const handle = await client.workflow.start("offload-case", {
  workflowId: `offload-case/${reference}`,
  taskQueue: "signalbox",
  workflowIdReusePolicy: "REJECT_DUPLICATE",
  args: [
    {
      reference,
      request: {
        channel: "EMAIL",
        goal: { objective: "Obtain a signed W-9" },
        counterparty: { address: "question@vendor.example", name: "Ada" },
        senderPersona: { name: "Grace" },
      },
    },
  ],
});

let state = await handle.query("state");
while (!state.question && !state.outcome) {
  await new Promise((again) => setTimeout(again, 100));
  state = await handle.query("state");
}
if (!state.question) throw new Error(`the case has ended and asked nothing: ${state.status}`);
await handle.executeUpdate("provide-input", {
  args: [{ questionId: state.question.id, text: "Yes, a signed PDF is fine.", by: "typescript" }],
});
const outcome = await handle.result();
state = await handle.query("state");
process.stdout.write(JSON.stringify({ status: outcome.status, result: outcome.facts.result, by: state.answers[0].by }));
await connection.close();
