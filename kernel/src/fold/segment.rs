//! What one trace contributes to one thread, as `pipeline/summaries/fold.py` and `roots.py` say; written as `segment.py` reads it.

use std::collections::BTreeSet;

use arrow_array::{Array, StringArray};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::loops::{self, Call, longest_loop};
use super::spans::{Spans, first, maybe};
use super::steps::Step;
use super::tree::Tree;
use crate::unique::unique;

/// Sums stop here: senders may claim anything, and a column holds no more.
const MOST: u64 = i64::MAX as u64;

/// How much of a root's attributes a thread shows; given by Python.
#[derive(Clone, Copy)]
pub struct Limits {
    pub most_attributes: usize,
    pub longest_value: usize,
}

/// Pairs, written as an object in their order.
#[derive(PartialEq)]
pub struct Pairs<K, V>(pub Vec<(K, V)>);

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Pairs(Vec::new())
    }
}

impl<K: Serialize, V: Serialize> Serialize for Pairs<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Written without what is empty, and without what its row has columns for.
#[derive(Default, serde::Serialize)]
pub struct Segment<'a> {
    pub started: i64,
    pub last_seen: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub ended: i64,
    pub status: &'a str,
    pub kind: &'static str,
    pub name: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub parent_thread_id: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub agent_name: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub user_id: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub user_input: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub environment: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub service_version: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub host: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub current_step: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub mcp_ids: BTreeSet<&'a str>,
    #[serde(skip_serializing_if = "is_default")]
    pub services: BTreeSet<&'a str>,
    #[serde(skip_serializing_if = "is_default")]
    pub models: BTreeSet<&'a str>,
    pub steps: usize,
    #[serde(skip_serializing_if = "is_default")]
    pub llm_calls: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub tool_calls: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub errors: u64,
    #[serde(rename = "loop", skip_serializing_if = "is_default")]
    pub looping: usize,
    #[serde(skip_serializing_if = "is_default")]
    pub input_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub output_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub cache_read_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub agent_input_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub agent_output_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub agent_cache_read_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub agent_cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "is_default")]
    pub unpriced: Pairs<String, [u64; 4]>,
    #[serde(skip_serializing_if = "is_default")]
    pub memory_bytes: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_utilization: Option<f64>,
    #[serde(skip_serializing_if = "is_default")]
    pub error_type: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub error_message: &'a str,
    #[serde(skip)]
    pub received: i64,
    #[serde(skip)]
    pub retention_days: u16,
    #[serde(skip_serializing_if = "is_default")]
    pub attributes: Pairs<&'a str, &'a str>,
    #[serde(skip_serializing_if = "is_default")]
    pub waiting_for: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    pub waiting_since: i64,
}

/// A segment as its row has it: thread, text, when its newest record came (ns), days to keep it.
pub type Written = (String, String, i64, u16);

impl Segment<'_> {
    pub fn written(&self, thread: &str) -> Result<Written, serde_json::Error> {
        Ok((thread.to_owned(), serde_json::to_string(self)?, self.received, self.retention_days))
    }
}

/// Of what a segment is made: all its thread's steps by start, and those of them that nothing of the thread is above.
pub struct Part<'a, 'b> {
    pub spans: &'a Spans,
    pub tree: &'b Tree<'a>,
    pub threads: &'b [&'a str],
    pub steps: Vec<&'b Step<'a>>,
    pub roots: Vec<&'b Step<'a>>,
}

impl<'a> Part<'a, '_> {
    pub fn segment(&self, tree: loops::Limits, shown: Limits) -> Segment<'a> {
        let mut result = Segment { status: "running", kind: "trace", ..Segment::default() };
        self.times_and_status(&mut result);
        self.counts(&mut result, tree);
        self.who(&mut result);
        let members = || self.steps.iter().flat_map(|step| step.members.iter().copied());
        result.received = members().map(|row| self.spans.received.value(row)).max().unwrap_or(0);
        result.retention_days = self.steps.iter().map(|step| self.spans.retention_days.value(step.row)).max().unwrap_or(1);
        result.attributes = attributes(self.spans, self.root().row, shown);
        result
    }

    fn root(&self) -> &Step<'a> {
        self.roots.first().unwrap_or(&self.steps[0])
    }

    fn times_and_status(&self, result: &mut Segment<'a>) {
        let spans = self.spans;
        result.started = spans.started.value(self.steps[0].row);
        result.last_seen = self.steps.iter().map(|step| spans.end(step.row)).max().unwrap_or(0);
        let open: Vec<&Step> = self.steps.iter().copied().filter(|step| step.status == "running").collect();
        let is_waiting = |step: &&Step| self.tree.parent[step.top].is_none() && !self.tree.is_root(step.top);
        let newest = if open.is_empty() { &self.steps } else { &open };
        let newest = newest.iter().max_by_key(|step| spans.place(step.row));
        result.current_step = newest.map_or("", |step| spans.name.value(step.row));
        if !open.is_empty() || self.roots.iter().any(is_waiting) {
            return;
        }
        let Some(last) = self.roots.iter().max_by_key(|step| (spans.end(step.row), spans.span_id.value(step.row))) else {
            return;
        };
        let says_how = ["complete", "error", "cancelled", "paused"].contains(&last.status);
        result.status = if says_how { last.status } else { "complete" };
        result.ended = result.last_seen;
        self.pause(result);
        if ["error", "cancelled"].contains(&result.status) {
            let has_failed = |step: &&&Step| !step.error_type.is_empty();
            if let Some(failed) = Some(last).filter(has_failed).or_else(|| self.steps.iter().find(has_failed)) {
                (result.error_type, result.error_message) = (failed.error_type, failed.error_message);
            }
        }
    }

    fn pause(&self, result: &mut Segment<'a>) {
        let spans = self.spans;
        let paused = self.steps.iter().filter(|step| step.status == "paused");
        let Some(paused) = paused.max_by_key(|step| spans.place(step.row)) else { return };
        let end = spans.end(paused.row);
        let is_last = |step: &&Step| spans.started.value(step.row) < end || step.row == paused.row;
        if ["complete", "paused"].contains(&result.status) && self.steps.iter().all(is_last) {
            result.status = "paused";
            result.waiting_since = end;
            result.waiting_for = if paused.tool_name.is_empty() { spans.name.value(paused.row) } else { paused.tool_name };
        }
    }

    fn counts(&self, result: &mut Segment<'a>, limits: loops::Limits) {
        let spans = self.spans;
        result.steps = self.steps.len();
        for step in &self.steps {
            let row = step.row;
            result.errors += u64::from(step.status == "error");
            match spans.types.value(row) {
                "tool_call" => result.tool_calls += 1,
                "llm_call" => self.model_call(result, row),
                "directive" => {
                    result.agent_input_tokens = result.agent_input_tokens.max(spans.input_tokens.value(row));
                    result.agent_output_tokens = result.agent_output_tokens.max(spans.output_tokens.value(row));
                    result.agent_cache_read_tokens = result.agent_cache_read_tokens.max(spans.cache_read_tokens.value(row));
                    result.agent_cache_write_tokens = result.agent_cache_write_tokens.max(spans.cache_write_tokens.value(row));
                }
                _ => {}
            }
        }
        if result.tool_calls >= limits.times as u64 {
            result.looping = longest_loop(&self.tool_calls(), limits);
        }
    }

    fn tool_calls(&self) -> Vec<Call<'a>> {
        let calls = self.steps.iter().filter(|step| self.spans.is(step.row, "tool_call"));
        let call = |step: &&Step<'a>| Call { tool: step.tool_name, arguments: self.spans.input.value(step.row), error: step.error_type };
        calls.map(call).collect()
    }

    fn model_call(&self, result: &mut Segment<'a>, row: usize) {
        let spans = self.spans;
        result.llm_calls += 1;
        result.input_tokens = sum(result.input_tokens, spans.input_tokens.value(row));
        result.output_tokens = sum(result.output_tokens, spans.output_tokens.value(row));
        result.cache_read_tokens = sum(result.cache_read_tokens, spans.cache_read_tokens.value(row));
        result.cache_write_tokens = sum(result.cache_write_tokens, spans.cache_write_tokens.value(row));
        match maybe(&spans.cost_usd, row) {
            Some(cost) => result.cost_usd = Some((result.cost_usd.unwrap_or(0.0) + cost).clamp(f64::MIN, f64::MAX)),
            None => self.unpriced(result, row),
        }
    }

    /// The tokens of a call without a cost, so that a price list can say what it came to.
    fn unpriced(&self, result: &mut Segment<'a>, row: usize) {
        let spans = self.spans;
        let (read, wrote) = (spans.cache_read_tokens.value(row), spans.cache_write_tokens.value(row));
        let plain = spans.input_tokens.value(row).saturating_sub(read).saturating_sub(wrote);
        let tokens = [plain, spans.output_tokens.value(row), read, wrote];
        let model = spans.model.value(row);
        if model.is_empty() || tokens == [0; 4] {
            return;
        }
        let key = format!("{}\n{model}", spans.provider.value(row));
        match result.unpriced.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = std::array::from_fn(|place| sum(known[place], tokens[place])),
            None => result.unpriced.0.push((key, tokens.map(|count| count.min(MOST)))),
        }
    }

    fn who(&self, result: &mut Segment<'a>) {
        let (spans, root) = (self.spans, self.root().row);
        let rows = || self.steps.iter().map(|step| step.row);
        let of_root = |column: &'a StringArray| first(column, std::iter::once(root).chain(rows()));
        result.environment = of_root(&spans.environment);
        result.service_version = of_root(&spans.service_version);
        result.host = of_root(&spans.host);
        result.agent_name = first(&spans.agent_name, rows());
        result.user_id = first(&spans.user_id, rows());
        result.user_input = first(&spans.user_input, rows());
        result.mcp_ids = names(self.steps.iter().map(|step| step.mcp_id));
        result.services = names(rows().map(|row| spans.service.value(row)));
        result.models = names(rows().map(|row| spans.model.value(row)));
        result.kind = kind(rows().map(|row| spans.types.value(row)));
        result.name = if result.agent_name.is_empty() { spans.name.value(root) } else { result.agent_name };
        result.memory_bytes = rows().map(|row| spans.memory_bytes.value(row)).max().unwrap_or(0);
        result.cpu_utilization = rows().rev().find_map(|row| maybe(&spans.cpu_utilization, row));
        let said = first(&spans.parent_thread_key, rows());
        let above = || self.roots.iter().find_map(|step| self.tree.parent[step.top]);
        result.parent_thread_id = if said.is_empty() { above().map_or("", |above| self.threads[self.tree.call[above]]) } else { said };
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn sum(one: u64, other: u64) -> u64 {
    one.saturating_add(other).min(MOST)
}

fn names<'a>(said: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    said.filter(|name| !name.is_empty()).collect()
}

fn kind<'a>(types: impl Iterator<Item = &'a str>) -> &'static str {
    let mut result = "trace";
    for one in types {
        match one {
            "directive" | "llm_call" | "script" => return "agent",
            "tool_call" => result = "mcp",
            _ => {}
        }
    }
    result
}

/// What the root of a trace said of itself, in part.
fn attributes(spans: &Spans, row: usize, limits: Limits) -> Pairs<&str, &str> {
    let ends = spans.attributes.value_offsets();
    let said = ends[row] as usize..ends[row + 1] as usize;
    let (keys, values) = (spans.attributes.keys(), spans.attributes.values());
    let (Some(keys), Some(values)) = (keys.as_any().downcast_ref::<StringArray>(), values.as_any().downcast_ref::<StringArray>()) else {
        return Pairs::default();
    };
    let some = said.take(limits.most_attributes).map(|place| (keys.value(place), begin(values.value(place), limits.longest_value)));
    Pairs(unique(some.collect(), |(key, _)| key))
}

/// At most so many characters.
fn begin(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}
