// Where Temporal's payloads are encrypted, Signalbox's codec server encrypts and decrypts them for a client or worker. Without a URL they stay
// as they are.
const { CODEC_URL: url, CODEC_TOKEN: token } = process.env;

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => new Uint8Array(Buffer.from(text ?? "", "base64"));
const each = (metadata, change) => Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, change(value)]));

async function call(what, payloads) {
  const response = await fetch(`${url}/${what}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ payloads: payloads.map((p) => ({ metadata: each(p.metadata, base64), data: base64(p.data ?? []) })) }),
  });
  if (!response.ok) throw new Error(`${url}/${what}: ${response.status}: ${await response.text()}`);
  const answer = await response.json();
  return answer.payloads.map((p) => ({ metadata: each(p.metadata, bytes), data: bytes(p.data) }));
}

const codec = { encode: (payloads) => call("encode", payloads), decode: (payloads) => call("decode", payloads) };

export const dataConverter = url ? { payloadCodecs: [codec] } : undefined;
