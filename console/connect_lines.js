// The exact lines that connect an agent, for the addresses that this system has.

/** @typedef {{title: string, where: string, text: string}} Snippet */

/** @param {string} http OTLP/HTTP base address @param {string} grpc OTLP/gRPC address @returns {Snippet[]} */
export function snippets(http, grpc) {
  return [
    { title: 'Any OpenTelemetry SDK', where: 'environment of the agent', text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${http}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nexport OTEL_SERVICE_NAME=my-agent\n\n# gRPC instead: OTEL_EXPORTER_OTLP_PROTOCOL=grpc and ${grpc}` },
    { title: 'Python', where: 'pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http', text: python(http) },
    { title: 'curl', where: 'OTLP/JSON', text: curl(http) },
    { title: 'Claude Code', where: '~/.claude/settings.json', text: claude(http) },
    { title: 'Codex', where: '~/.codex/config.toml', text: codex(http) },
    { title: 'Gemini CLI', where: '~/.gemini/settings.json', text: gemini(http) },
  ];
}

/** @param {string} http */
const python = (http) => `from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "my-agent"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("${http}/v1/traces")))
with provider.get_tracer("my-agent").start_as_current_span("invoke_agent hello") as span:
    span.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "hello"})
provider.shutdown()`;

/** @param {string} http */
const curl = (http) => `now=$(date +%s)
curl ${http}/v1/traces -H 'content-type: application/json' -d '{"resourceSpans":[{
  "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-agent"}}]},
  "scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'",
    "name":"invoke_agent hello","startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'500000000",
    "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"invoke_agent"}},
                  {"key":"gen_ai.agent.name","value":{"stringValue":"hello"}}]}]}]}]}'`;

/** @param {string} http */
function claude(http) {
  const env = {
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: '1',
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_ENDPOINT: http,
    OTEL_METRIC_EXPORT_INTERVAL: '10000',
    OTEL_LOGS_EXPORT_INTERVAL: '2000',
    OTEL_TRACES_EXPORT_INTERVAL: '2000',
  };
  return JSON.stringify({ env }, null, 2);
}

/** @param {string} http */
const codex = (http) => `[otel]
exporter = { otlp-http = { endpoint = "${http}/v1/logs", protocol = "binary" } }
trace_exporter = { otlp-http = { endpoint = "${http}/v1/traces", protocol = "binary" } }
metrics_exporter = { otlp-http = { endpoint = "${http}/v1/metrics", protocol = "binary" } }`;

/** @param {string} http */
const gemini = (http) => JSON.stringify({ telemetry: { enabled: true, target: 'local', otlpEndpoint: http, otlpProtocol: 'http', logPrompts: false, traces: true } }, null, 2);
