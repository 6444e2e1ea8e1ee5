//! What a span means in the standard vocabulary: `pipeline/vocabulary.py` and the rules of `pipeline/spans.py`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::messages::{Content, Reader};
use crate::number::{integer, measure};
use crate::otlp::{Attributes, Span};
use crate::tables::{Kind, Rule, Tables};
use crate::wire::Read;

/// One value of a column that most rows leave empty.
#[derive(Clone, Copy)]
pub enum Cell<'a> {
    Text(&'a str),
    Count(u64),
    Measure(f64),
}

/// The messages in one of a call's attributes.
pub struct Said {
    /// Place of the attribute among those that hold messages.
    pub source: usize,
    pub contents: Vec<Arc<Content>>,
}

/// What was found out about a span before anything of it is written.
pub struct Facts {
    pub step: Cow<'static, str>,
    pub heavy: bool,
    pub said: Vec<Said>,
    pub numbers: Vec<Number>,
    pub first_chunk: Option<f64>,
}

/// The number in an attribute that fills a column.
pub struct Number {
    pub attribute: usize,
    pub cell: Option<Cell<'static>>,
}

const TOOL_CALL: &str = "tool_call";

pub fn facts(span: &Span, reader: &mut Reader) -> Read<Facts> {
    let tables = reader.tables;
    let step = match span.meaning.step.as_str() {
        "" => Cow::Borrowed(step_type(&span.attributes, tables)),
        said => Cow::Owned(said.to_owned()),
    };
    let heavy = span.attributes.0.iter().any(|attribute| tables.name(attribute.name).heavy);
    let mut said = Vec::new();
    if heavy && step != TOOL_CALL {
        for (source, message) in tables.messages.iter().enumerate() {
            if let Some(value) = span.attributes.by_id(message.name).filter(|value| !value.is_empty()) {
                said.push(Said { source, contents: reader.contents(source, value)? });
            }
        }
    }
    let first_chunk = measure(span.attributes.or_empty(Rule::FirstChunk))?;
    Ok(Facts { step, heavy, said, numbers: numbers(&span.attributes, tables)?, first_chunk })
}

fn numbers(attributes: &Attributes, tables: &Tables) -> Read<Vec<Number>> {
    let mut numbers = Vec::new();
    for (place, attribute) in attributes.0.iter().enumerate() {
        let Some((column, _)) = tables.name(attribute.name).source else {
            continue;
        };
        let cell = match tables.columns[column].kind {
            Kind::Text => continue,
            Kind::Count => Some(integer(&attribute.value)?).filter(|&count| count > 0).map(Cell::Count),
            Kind::Measure => measure(&attribute.value)?.filter(|&number| number != 0.0).map(Cell::Measure),
        };
        numbers.push(Number { attribute: place, cell });
    }
    Ok(numbers)
}

fn step_type(found: &Attributes, tables: &Tables) -> &'static str {
    let said = tables.words.operations.get(found.or_empty(Rule::Operation)).map(|step| known_step(step));
    match said {
        Some("llm_call") => "llm_call",
        _ if said == Some(TOOL_CALL) || found.get(Rule::Method) == Some("tools/call") => TOOL_CALL,
        Some(step) => step,
        None => type_of_the_rest(found, tables),
    }
}

fn type_of_the_rest(found: &Attributes, tables: &Tables) -> &'static str {
    if let Some(step) = found.get(Rule::Entity).and_then(|entity| tables.words.entities.get(entity)) {
        known_step(step)
    } else if found.has(Rule::ToolName) {
        TOOL_CALL
    } else if found.has(Rule::RequestModel) {
        "llm_call"
    } else if found.has(Rule::PromptName) && !found.has(Rule::Method) {
        "directive"
    } else {
        "span"
    }
}

fn known_step(step: &str) -> &'static str {
    ["llm_call", TOOL_CALL, "directive", "script"].into_iter().find(|known| *known == step).unwrap_or("span")
}

/// The thread that attributes name, and how well.
pub fn thread_key<'a>(found: &'a Attributes, tables: &Tables) -> (&'a str, u8) {
    let mut best = ("", tables.limits.no_thread_rank);
    for attribute in &found.0 {
        if let Some(rank) = tables.name(attribute.name).thread_rank
            && rank < best.1
            && !attribute.value.is_empty()
        {
            best = (&attribute.value, rank);
        }
    }
    let session = found.or_empty(Rule::McpSession);
    if best.0.is_empty() && !session.is_empty() && found.or_empty(Rule::McpProtocol) < tables.words.mcp_sessions_end.as_str() {
        return (session, tables.limits.mcp_session_rank);
    }
    best
}

pub fn step_status<'a>(found: &Attributes, failed: bool, is_final: bool, tables: &'a Tables) -> &'a str {
    if !is_final {
        return "running";
    }
    let said = found.get(Rule::StepStatus);
    if let Some(status) = tables.words.step_statuses.iter().find(|status| said == Some(status)) {
        return status;
    }
    let error = found.or_empty(Rule::ErrorType);
    if found.get(Rule::ResponseStatus) == Some("cancelled") || error.ends_with("CancelledError") || error.ends_with("cancelled") {
        return "cancelled";
    }
    if failed || found.has(Rule::ErrorType) { "error" } else { "complete" }
}

/// One row's cells, a scratch that is emptied for every span.
pub struct Cells<'a> {
    pub values: Vec<Option<Cell<'a>>>,
    ranks: Vec<u8>,
}

const NO_RANK: u8 = 99;

impl<'a> Cells<'a> {
    pub fn of(span: &'a Span, facts: &'a Facts, service: &'a str, tables: &'a Tables) -> Self {
        let mut cells = Cells { values: vec![None; tables.columns.len()], ranks: vec![NO_RANK; tables.columns.len()] };
        cells.fill_from_sources(span, facts, tables);
        cells.fill_from_rules(span, facts, service, tables);
        cells
    }

    fn text(&mut self, column: usize, said: &'a str) {
        self.values[column] = Some(Cell::Text(said));
    }

    fn is_set(&self, column: usize) -> bool {
        self.ranks[column] != NO_RANK
    }

    fn fill_from_sources(&mut self, span: &'a Span, facts: &'a Facts, tables: &Tables) {
        let mut numbers = facts.numbers.iter().peekable();
        for (place, attribute) in span.attributes.0.iter().enumerate() {
            let Some((column, rank)) = tables.name(attribute.name).source else {
                continue;
            };
            let cell = match numbers.next_if(|number| number.attribute == place) {
                Some(number) => number.cell,
                None => Some(attribute.value.as_ref()).filter(|said| !said.is_empty()).map(Cell::Text),
            };
            if rank < self.ranks[column] && cell.is_some() {
                self.ranks[column] = rank;
                self.values[column] = cell;
            }
        }
    }

    fn fill_from_rules(&mut self, span: &'a Span, facts: &'a Facts, service: &'a str, tables: &'a Tables) {
        let (found, filled) = (&span.attributes, &tables.filled);
        if let Some(model) = found.get(Rule::RequestModel).filter(|model| !model.is_empty()) {
            self.text(filled.request_model, model);
            if !self.is_set(filled.model) {
                self.text(filled.model, model);
            }
        }
        if !self.is_set(filled.tool_name)
            && found.get(Rule::Method) == Some("tools/call")
            && let Some((_, tool)) = span.name.split_once("tools/call ")
        {
            self.text(filled.tool_name, tool);
        }
        if !self.is_set(filled.mcp_id) && kind_of(span, tables) == tables.words.server && found.has(Rule::Method) {
            self.text(filled.mcp_id, service);
        }
        if let Some(seconds) = facts.first_chunk.filter(|&seconds| seconds != 0.0) {
            self.values[filled.first_chunk] = Some(Cell::Measure(seconds * 1000.0));
        }
        if let Some(reasons) = found.get(Rule::FinishReasons) {
            let bare = reasons.trim_matches(['[', ']', '"']);
            self.text(filled.finish_reason, bare.split('"').next().unwrap_or(bare));
        }
        self.text(filled.trace_state, span.trace_state);
        self.text(filled.status_message, span.message);
        if (span.status == 2 || found.has(Rule::ErrorType)) && found.get(Rule::StepStatus) != Some("paused") {
            self.error(span, tables);
        }
        if let Some(text) = user_text(facts, tables).filter(|_| !found.has(Rule::UserInput)) {
            self.text(filled.user_input, text);
        }
    }

    fn error(&mut self, span: &'a Span, tables: &Tables) {
        let (mut kind, mut message) = ("", span.message);
        for event in span.events.iter().filter(|event| event.name == "exception") {
            kind = event.attributes.get(Rule::ExceptionType).unwrap_or(kind);
            if message.is_empty() {
                message = event.attributes.or_empty(Rule::ExceptionMessage);
            }
        }
        if !self.is_set(tables.filled.error_type) {
            self.text(tables.filled.error_type, if kind.is_empty() { "error" } else { kind });
        }
        if !message.is_empty() {
            self.text(tables.filled.error_message, message);
        }
    }
}

pub fn kind_of<'a>(span: &Span, tables: &'a Tables) -> &'a str {
    word(&tables.words.kinds, span.kind)
}

/// The word for a number of one of protobuf's enumerations; the first one for a number that has none.
pub fn word(words: &[String], number: i32) -> &str {
    let place = usize::try_from(number).ok().filter(|&place| place < words.len()).unwrap_or(0);
    &words[place]
}

/// The text of the last message of the user in the call's input: what the person asked for now.
fn user_text<'a>(facts: &'a Facts, tables: &Tables) -> Option<&'a str> {
    let input = facts.said.iter().find(|said| tables.messages[said.source].role == "user")?;
    let last = input.contents.iter().rev().find(|content| content.role == "user")?;
    Some(last.user_text.as_str()).filter(|text| !text.is_empty())
}
