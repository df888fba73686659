// The workflow of one activation. It is told each notice at least once, and drops repetitions by their IDs.
import { condition, defineSignal, setHandler } from "@temporalio/workflow";

const agentNotice = defineSignal("agent-notice");

export async function activationAgent(start) {
  const seen = new Set();
  const told = [];
  setHandler(agentNotice, (notice) => {
    if (seen.has(notice.id)) return;
    seen.add(notice.id);
    told.push({ kind: notice.kind, activationId: notice.activationId, data: notice.data });
  });
  await condition(() => told.some((notice) => notice.kind === "activation.deactivated"));
  return { start, told };
}
