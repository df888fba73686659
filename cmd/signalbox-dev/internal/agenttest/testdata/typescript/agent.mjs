// The worker of an agent's author: it runs the workflow that the agent's handOver names until one activation has ended, and prints what that
// workflow was told.
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { fileURLToPath } from "node:url";
import { dataConverter } from "./codec.mjs";

const [, , address, namespace, taskQueue, workflowId] = process.argv;
Runtime.install({ logger: new DefaultLogger("ERROR") });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue,
  dataConverter,
  workflowsPath: fileURLToPath(new URL("./workflows.mjs", import.meta.url)),
});
const asking = await Connection.connect({ address });
const client = new Client({ connection: asking, namespace, dataConverter });
const told = await worker.runUntil(client.workflow.getHandle(workflowId).result());
process.stdout.write(JSON.stringify(told));
await asking.close();
await connection.close();
