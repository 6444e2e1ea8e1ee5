// What the API and the socket send, as far as the console reads it. Rows may lack any field that is not an id.
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Thread {
  project: string;
  thread_id: string;
  parent_thread_id?: string | null;
  kind?: string;
  name?: string;
  status?: string;
  stalled_since?: string | null;
  waiting_for?: string | null;
  waiting_since?: string | null;
  loop_count?: number;
  environment?: string;
  service_version?: string;
  host?: string;
  user_input?: string;
  agent_name?: string;
  user_id?: string;
  mcp_ids?: string[];
  services?: string[];
  models?: string[];
  started_at?: string | null;
  last_seen_at?: string | null;
  ended_at?: string | null;
  duration_ms?: number | null;
  current_step?: string | null;
  step_count?: number;
  llm_calls?: number;
  tool_calls?: number;
  unchecked_calls?: number;
  scores?: Score[];
  error_count?: number;
  permission_checks?: number;
  permission_denials?: number;
  escalations?: number;
  input_tokens?: number;
  output_tokens?: number;
  cache_read_tokens?: number;
  cost_usd?: number | null;
  cost_estimated?: number | boolean;
  error_type?: string;
  error_message?: string;
  memory_bytes?: number | null;
  cpu_utilization?: number | null;
}

export interface Score {
  score_id: string;
  timestamp?: string;
  step_id?: string;
  name?: string;
  value?: number | null;
  label?: string;
  explanation?: string;
  source?: string;
}

export interface Step {
  scores?: Score[];
  step_id: string;
  span_ids?: string[];
  thread_id?: string;
  trace_id?: string;
  parent_step_id?: string | null;
  sequence?: number;
  type?: string;
  name?: string;
  description?: string;
  status?: string;
  service?: string;
  started_at?: string | null;
  ended_at?: string | null;
  duration_ms?: number | null;
  mcp_id?: string;
  agent_name?: string;
  tool_name?: string;
  tool_call_id?: string;
  request_model?: string;
  model?: string;
  provider?: string;
  prompt_name?: string;
  prompt_version?: string;
  ttft_ms?: number | null;
  input?: Json;
  output?: Json;
  input_tokens?: number;
  output_tokens?: number;
  reasoning_tokens?: number;
  cache_read_tokens?: number;
  cache_write_tokens?: number;
  cost_usd?: number | null;
  finish_reason?: string;
  error_type?: string;
  error_message?: string;
  memory_bytes?: number | null;
  cpu_utilization?: number | null;
  permission?: Permission | null;
  attributes?: { [key: string]: Json };
  [key: string]: unknown;
}

export interface Message {
  thread_id?: string;
  step_id?: string;
  sequence?: number;
  role?: string;
  content?: Json;
  parts?: Json;
  content_hash?: string;
  timestamp?: string;
  tool_call_id?: string;
  tool_name?: string;
}

export interface LogRecord {
  log_id?: string;
  project?: string;
  timestamp: string;
  level?: string;
  service?: string;
  thread_id?: string;
  step_id?: string;
  trace_id?: string;
  mcp_id?: string;
  event_name?: string;
  message?: Json;
  exception?: string;
  context?: Json;
}

export interface Permission {
  event_id?: string;
  timestamp?: string;
  thread_id?: string;
  step_id?: string;
  mcp_id?: string;
  user_id?: string;
  subject?: string;
  resource?: string;
  action?: string;
  granted?: boolean | number | null;
  reason?: string;
  reason_code?: string;
  policy?: string;
  rule?: string;
  rules_checked?: Json;
  inheritance_chain?: Json;
  source?: string;
  escalation_detected?: boolean | number;
  escalation_rule?: string;
  escalation_reason?: string;
  escalation_status?: string;
  decided_at?: string | null;
  waited_ms?: number | null;
  severity?: string;
}

export interface Page<Row> {
  items: Row[];
  next: string | null;
}

export interface Frame {
  type: string;
  channel?: string;
  event?: string;
  payload?: unknown;
  cursor?: Json;
  timestamp?: string;
  request_id?: string;
}

export interface Route {
  screen: 'threads' | 'thread' | 'logs' | 'connect';
  id: string;
  query: URLSearchParams;
}

export interface Bar {
  step: Step;
  depth: number;
  children: number;
  start: number;
  end: number | null;
  agent: string;
}

/** One part of a message, whatever shape its sender gave it. */
export interface Part {
  kind: 'text' | 'reasoning' | 'call' | 'result' | 'other';
  text: string;
  name: string;
}

export interface Measure {
  source: 'thread' | 'process';
  name: string;
  unit: string;
  service: string;
  instance: string;
  type: string;
  model: string;
  value: number;
  points: number;
}
