// A business app that knows the HTTP API alone, by types that are generated from its document: it starts a case, answers its
// questions, and waits for its end.
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
      goal: { objective: "Obtain a signed W-9", knowledge: { year: 2026 } },
      counterparty: { address: "question@vendor.example", name: "Ada" },
      senderPersona: { name: "Grace" },
      metadata: { vendor: 8192 },
      resultSchema: { type: "object", properties: { summary: { type: "string" } } },
    },
  },
});
if (started.error) throw new Error(started.error.detail);

let answered = "";
let last = await state();
while (!last.outcome) {
  if (last.status === "INPUT_NEEDED" && last.question && last.question.id !== answered) {
    answered = last.question.id;
    const given = await api.POST("/v1/cases/{reference}/input", {
      params: { path: { reference } },
      body: { questionId: answered, text: "Yes, a signed PDF is fine." },
    });
    // 409: somebody else answered first, or the case has ended. The next state says more.
    if (given.error && given.response.status !== 409) throw new Error(given.error.detail);
  } else {
    // The wait ends at once while the case needs input, also while its question is not known yet.
    await new Promise((again) => setTimeout(again, 1000));
  }
  last = await state();
}
// The result can be any JSON value.
const result = last.outcome.facts.result as { summary?: unknown } | null | undefined;
const summary = result?.summary;
if (typeof summary !== "string" || summary.trim() === "") throw new Error("the result has no summary");
process.stdout.write(JSON.stringify({ status: last.status, result, by: last.answers?.[0]?.by }));
