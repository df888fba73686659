// A business app that knows the HTTP API alone, by types that are generated from its document: it starts a case, answers its question, and
// waits for its end.
import createClient from "openapi-fetch";
import type { components, paths } from "./node_modules/.generated/signalbox.js";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

const [, , baseUrl, token, reference] = process.argv;
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

type State = components["schemas"]["CaseState"];

async function state(): Promise<State> {
  const { data, error } = await api.GET("/v1/cases/{reference}", { params: { path: { reference }, query: { wait: "60s" } } });
  if (!data) throw new Error(error.detail);
  return data;
}

const started = await api.POST("/v1/cases", {
  body: {
    reference,
    request: {
      channel: "EMAIL",
      goal: { objective: "Obtain a signed W-9" },
      counterparty: { address: "question@vendor.example", name: "Ada" },
      senderPersona: { name: "Grace" },
    },
  },
});
if (started.error) throw new Error(started.error.detail);

let asking = await state();
while (!asking.question && !asking.outcome) asking = await state();
if (!asking.question) throw new Error(`the case asks nothing: ${asking.status}`);
const given = await api.POST("/v1/cases/{reference}/input", {
  params: { path: { reference } },
  body: { questionId: asking.question.id, text: "Yes, a signed PDF is fine." },
});
if (given.error) throw new Error(given.error.detail);

let last = await state();
while (!last.outcome) last = await state();
process.stdout.write(JSON.stringify({ status: last.status, result: last.outcome.facts.result, by: last.answers?.[0]?.by }));
