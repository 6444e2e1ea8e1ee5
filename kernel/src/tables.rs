//! The tables of names that the reference keeps, given to the kernel when it is made: no name is written a second time here.

use std::collections;

use hashbrown::HashMap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What a rule, not a table, asks for by name. The names come from Python under these words, in this order.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Rule {
    Operation = 1,
    Method,
    Entity,
    ToolName,
    RequestModel,
    PromptName,
    ErrorType,
    StepStatus,
    ResponseStatus,
    FirstChunk,
    FinishReasons,
    UserInput,
    McpSession,
    McpProtocol,
    SpanType,
    ExceptionType,
    ExceptionMessage,
    Project,
    Service,
    Environment,
    OldEnvironment,
    ServiceVersion,
    Host,
    InputMessages,
    OutputMessages,
}

pub const RULES: [&str; 25] = [
    "operation",
    "method",
    "entity",
    "tool_name",
    "request_model",
    "prompt_name",
    "error_type",
    "step_status",
    "response_status",
    "first_chunk",
    "finish_reasons",
    "user_input",
    "mcp_session",
    "mcp_protocol",
    "span_type",
    "exception_type",
    "exception_message",
    "project",
    "service",
    "environment",
    "old_environment",
    "service_version",
    "host",
    "input_messages",
    "output_messages",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Count,
    Measure,
}

/// A column that most rows leave empty.
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What is known of one attribute's name.
#[derive(Clone, Copy, Default)]
pub struct Name {
    /// Column and rank among the column's sources.
    pub source: Option<(usize, u8)>,
    pub thread_rank: Option<u8>,
    pub heavy: bool,
    /// Place among the attributes that hold messages.
    pub message: Option<usize>,
    /// A dialect's or a check's, so Python has to say what the span means.
    pub marker: bool,
}

pub struct MessageSource {
    pub name: u16,
    pub attribute: String,
    pub direction: String,
    pub role: String,
}

/// The columns that rules fill by name.
pub struct Filled {
    pub request_model: usize,
    pub model: usize,
    pub tool_name: usize,
    pub mcp_id: usize,
    pub first_chunk: usize,
    pub finish_reason: usize,
    pub trace_state: usize,
    pub status_message: usize,
    pub error_type: usize,
    pub error_message: usize,
    pub user_input: usize,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Limits {
    pub heavy_length: usize,
    pub preview_length: usize,
    pub project_length: usize,
    pub history_length: usize,
    pub piece: usize,
    pub block: usize,
    pub user_text_length: usize,
    pub remembered: usize,
    pub remembered_length: usize,
    pub most_equal: u16,
    pub earliest_wins: u64,
    pub final_bit: u64,
    pub mcp_session_rank: u8,
    pub no_thread_rank: u8,
}

/// A dialect's name, and its attributes that repeat what was said before: names, and beginnings of names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Dialect {
    pub name: String,
    pub histories: Vec<String>,
    pub beginnings: Vec<String>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Words {
    pub kinds: Vec<String>,
    pub statuses: Vec<String>,
    pub server: String,
    pub mcp_sessions_end: String,
    pub default_project: String,
    pub standard: String,
    pub origin: String,
    pub pending: String,
    /// Type and origin of a row that covers another.
    pub cover: String,
    pub cover_origin: String,
    pub dialects: Vec<Dialect>,
    /// Beginnings of scopes, names of spans and of events that Python has to say the meaning of.
    pub scopes: Vec<String>,
    pub spans: Vec<String>,
    pub events: Vec<String>,
    pub step_statuses: Vec<String>,
    pub operations: collections::HashMap<String, String>,
    pub entities: collections::HashMap<String, String>,
    pub roles: collections::HashMap<String, String>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Spec {
    rules: collections::HashMap<String, String>,
    columns: Vec<(String, String)>,
    sources: Vec<(String, String, u8)>,
    threads: Vec<(String, u8)>,
    heavy: Vec<String>,
    messages: Vec<(String, String, String)>,
    markers: Vec<String>,
    words: Words,
    limits: Limits,
}

pub struct Tables {
    ids: HashMap<String, u16>,
    names: Vec<Name>,
    pub columns: Vec<Column>,
    pub filled: Filled,
    pub messages: Vec<MessageSource>,
    pub words: Words,
    pub limits: Limits,
}

impl Tables {
    pub fn new(spec: Spec) -> PyResult<Self> {
        let columns =
            spec.columns.into_iter().map(|(name, kind)| Ok(Column { kind: kind_of(&kind)?, name })).collect::<PyResult<Vec<_>>>()?;
        let mut registry = Registry::with_rules(&spec.rules)?;
        for (attribute, column, rank) in spec.sources {
            registry.name(attribute).source = Some((place_of(&columns, &column)?, rank));
        }
        for (attribute, rank) in spec.threads {
            registry.name(attribute).thread_rank = Some(rank);
        }
        for attribute in spec.heavy {
            registry.name(attribute).heavy = true;
        }
        for attribute in spec.markers {
            registry.name(attribute).marker = true;
        }
        let mut messages = Vec::new();
        for (attribute, direction, role) in spec.messages {
            registry.name(attribute.clone()).message = Some(messages.len());
            messages.push(MessageSource { name: registry.ids[&attribute], attribute, direction, role });
        }
        let filled = Filled::among(&columns)?;
        Ok(Tables { ids: registry.ids, names: registry.names, columns, filled, messages, words: spec.words, limits: spec.limits })
    }

    /// What rows say of their dialect.
    pub fn dialect(&self, place: Option<usize>) -> &str {
        place.map_or(&self.words.standard, |place| &self.words.dialects[place].name)
    }

    /// The number of a name; 0 when nothing is known of it.
    #[inline]
    pub fn id(&self, attribute: &str) -> u16 {
        self.ids.get(attribute).copied().unwrap_or(0)
    }

    #[inline]
    pub fn name(&self, id: u16) -> &Name {
        &self.names[usize::from(id)]
    }
}

struct Registry {
    ids: HashMap<String, u16>,
    names: Vec<Name>,
}

impl Registry {
    fn with_rules(rules: &collections::HashMap<String, String>) -> PyResult<Self> {
        let mut registry = Registry { ids: HashMap::new(), names: vec![Name::default()] };
        for rule in RULES {
            let name = rules.get(rule).ok_or_else(|| PyValueError::new_err(format!("no name for the rule {rule}")))?;
            registry.name(name.clone());
        }
        if registry.names.len() != RULES.len() + 1 {
            return Err(PyValueError::new_err("two rules have one name"));
        }
        Ok(registry)
    }

    fn name(&mut self, attribute: String) -> &mut Name {
        let next = self.names.len();
        let id = usize::from(*self.ids.entry(attribute).or_insert(next as u16));
        if id == next {
            self.names.push(Name::default());
        }
        &mut self.names[id]
    }
}

impl Filled {
    fn among(columns: &[Column]) -> PyResult<Self> {
        let place = |name: &str| place_of(columns, name);
        Ok(Filled {
            request_model: place("request_model")?,
            model: place("model")?,
            tool_name: place("tool_name")?,
            mcp_id: place("mcp_id")?,
            first_chunk: place("ttft_ms")?,
            finish_reason: place("finish_reason")?,
            trace_state: place("TraceState")?,
            status_message: place("StatusMessage")?,
            error_type: place("error_type")?,
            error_message: place("error_message")?,
            user_input: place("user_input")?,
        })
    }
}

fn place_of(columns: &[Column], name: &str) -> PyResult<usize> {
    columns.iter().position(|column| column.name == name).ok_or_else(|| PyValueError::new_err(format!("no column {name}")))
}

fn kind_of(kind: &str) -> PyResult<Kind> {
    match kind {
        "text" => Ok(Kind::Text),
        "count" => Ok(Kind::Count),
        "measure" => Ok(Kind::Measure),
        _ => Err(PyValueError::new_err(format!("no kind of column: {kind}"))),
    }
}
