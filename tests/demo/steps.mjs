// What an event of a briefing says to a person, in one line; undefined when it says nothing new.

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

const lines = {
  prepared: (d) => `✓ ${d.connectors} connections checked, ${d.tools} tools ready`,
  model_reply: (d) =>
    `· Claude, reply ${d.turn}: ${d.input_tokens + d.cache_read_tokens + d.cache_write_tokens} tokens read, ` +
    `${d.output_tokens} written, $${d.cost_usd}, ${seconds(d.took_ms)}`,
  model_retry: (d) => `… the model is not available (HTTP ${d.status}), next try in ${seconds(d.wait_ms)}`,
  tool_result: (d) => (d.ok ? `✓ ${d.tool}${d.count === undefined ? '' : `: ${d.count} ${d.noun}`}` : `✗ ${d.tool} failed`),
  delivery_intended: () => '→ the message is on its way',
  delivered: (d) => `✓ posted to ${d.channel}, ts ${d.ts}`,
  blocked: () => '✗ a connection needs its user',
};

export function describe(event) {
  return lines[event.type]?.(event.data);
}
