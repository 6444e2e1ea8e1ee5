//! Rows of `spans`, under construction.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt8Array, UInt64Array};

use crate::bodies::{Call, Candidates, Counted, Envelope};
use crate::columns::{MapColumn, Put, TextColumn, capped, times};
use crate::facts::{Cell, Cells, Facts, kind_of, step_status, thread_key, word};
use crate::otlp::Span;
use crate::parts::{Events, Links, Scope, Shared};
use crate::table::Table;
use crate::tables::{Kind, Tables};
use crate::value::hex;

/// What differs from span to span.
struct Dense {
    trace: TextColumn,
    span: TextColumn,
    parent: TextColumn,
    duration: Vec<u64>,
    name: TextColumn,
    kind: TextColumn,
    code: TextColumn,
    thread: TextColumn,
    thread_rank: Vec<u8>,
    step: TextColumn,
    status: TextColumn,
    is_final: Vec<u8>,
    version: Vec<u64>,
    start: Vec<i64>,
}

enum Sparse {
    Text(TextColumn),
    Count(Vec<u64>),
    Measure(Vec<Option<f64>>),
}

impl Sparse {
    fn put(&mut self, row: usize, cell: Cell) -> Put<()> {
        match (self, cell) {
            (Sparse::Text(column), Cell::Text(said)) => column.put(row, said)?,
            (Sparse::Count(column), Cell::Count(count)) => {
                column.resize(row, 0);
                column.push(count);
            }
            (Sparse::Measure(column), Cell::Measure(number)) => {
                column.resize(row, None);
                column.push(Some(number));
            }
            _ => unreachable!("a cell is of its column's kind"),
        }
        Ok(())
    }

    fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Sparse::Text(mut column) => {
                column.pad(rows);
                Arc::new(column.finish())
            }
            Sparse::Count(mut column) => {
                column.resize(rows, 0);
                Arc::new(UInt64Array::from(column))
            }
            Sparse::Measure(mut column) => {
                column.resize(rows, None);
                Arc::new(Float64Array::from(column))
            }
        }
    }
}

pub struct Spans<'t> {
    tables: &'t Tables,
    dense: Dense,
    sparse: Vec<Sparse>,
    shared: Shared,
    attributes: MapColumn,
    references: MapColumn,
    events: Events,
    links: Links,
    pub candidates: Candidates,
}

impl<'t> Spans<'t> {
    pub fn new(tables: &'t Tables) -> Self {
        let sparse = |kind| match kind {
            Kind::Text => Sparse::Text(TextColumn::new()),
            Kind::Count => Sparse::Count(Vec::new()),
            Kind::Measure => Sparse::Measure(Vec::new()),
        };
        Spans {
            tables,
            dense: Dense::new(),
            sparse: tables.columns.iter().map(|column| sparse(column.kind)).collect(),
            shared: Shared::new(),
            attributes: MapColumn::new(),
            references: MapColumn::new(),
            events: Events::new(),
            links: Links::new(),
            candidates: Candidates::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.dense.start.len()
    }

    pub fn open(&mut self, scope: &Scope) -> Put<()> {
        self.shared.open(scope)
    }

    /// Appends one span of the scope that is open; `trace` is its trace's number among the texts.
    pub fn add(&mut self, span: &Span, facts: &Facts, scope: &Scope, trace: usize) -> Put<()> {
        let (row, tables) = (self.len(), self.tables);
        let (named, rank) = thread_key(&span.attributes, tables);
        let thread = if named.is_empty() {
            trace
        } else {
            self.candidates.texts.number(named)
        };
        let is_final = !(span.end == 0 && span.start > 0);
        self.dense.ids(span)?;
        self.dense.kinds(span, facts, is_final, tables)?;
        self.dense.thread.push(&self.candidates.texts.texts[thread])?;
        self.dense.thread_rank.push(rank);
        self.dense
            .version
            .push(if is_final { tables.limits.final_bit } else { 0 } | scope.received.cast_unsigned());
        for (column, cell) in self.sparse.iter_mut().zip(Cells::of(span, facts, scope.texts[0], tables).values) {
            if let Some(cell) = cell {
                column.put(row, cell)?;
            }
        }
        self.shared.count();
        let step = if facts.said.is_empty() {
            trace
        } else {
            self.candidates.texts.number(&hex(span.span_id))
        };
        self.bodies(
            span,
            facts,
            &Call {
                here: scope.here,
                thread,
                trace,
                step,
                start: span.start,
                end: span.end,
            },
        )?;
        self.events.add(&span.events)?;
        self.links.add(&span.links)
    }

    /// Takes what is heavy out of the attributes: all of it becomes bodies, references stay.
    fn bodies(&mut self, span: &Span, facts: &Facts, call: &Call) -> Put<()> {
        let (tables, mut counted) = (self.tables, Counted::default());
        for said in &facts.said {
            let reference = self.candidates.messages(call, said.source, &said.contents, &mut counted, tables);
            self.references.entry(&tables.messages[said.source].attribute, &reference)?;
        }
        if facts.heavy {
            for attribute in span.attributes.0.iter().filter(|attribute| tables.name(attribute.name).heavy) {
                let source = tables.name(attribute.name).message;
                if !facts.said.iter().any(|said| Some(said.source) == source) {
                    let reference = self.candidates.text(call.here, &attribute.value);
                    self.references.entry(attribute.key, &reference)?;
                }
            }
        }
        for attribute in span.attributes.0.iter().filter(|attribute| !tables.name(attribute.name).heavy) {
            if is_longer(&attribute.value, tables.limits.heavy_length) {
                let reference = self.candidates.text(call.here, &attribute.value);
                self.references.entry(attribute.key, &reference)?;
                self.attributes
                    .entry(attribute.key, beginning(&attribute.value, tables.limits.preview_length))?;
            } else {
                self.attributes.entry(attribute.key, &attribute.value)?;
            }
        }
        self.references.end()?;
        self.attributes.end()
    }

    pub fn finish(self, projects: &[String], retention: &[u16], envelopes: &[Envelope]) -> Put<Table> {
        let rows = self.len();
        let mut columns = self.dense.columns(self.tables, rows);
        let starts = columns.pop();
        columns.extend(
            self.tables
                .columns
                .iter()
                .zip(self.sparse)
                .map(|(column, cells)| (column.name.clone(), cells.finish(rows))),
        );
        columns.extend(self.shared.columns(projects, retention, envelopes)?);
        columns.extend(starts);
        columns.push(("SpanAttributes".into(), Arc::new(self.attributes.finish())));
        columns.push(("bodies".into(), Arc::new(self.references.finish())));
        columns.extend(self.events.columns());
        columns.extend(self.links.columns());
        Ok(Table(columns))
    }
}

fn is_longer(said: &str, characters: usize) -> bool {
    said.len() > characters && said.chars().count() > characters
}

fn beginning(said: &str, characters: usize) -> &str {
    said.char_indices().nth(characters).map_or(said, |(end, _)| &said[..end])
}

impl Dense {
    fn new() -> Self {
        let text = TextColumn::new;
        Dense {
            trace: text(),
            span: text(),
            parent: text(),
            duration: Vec::new(),
            name: text(),
            kind: text(),
            code: text(),
            thread: text(),
            thread_rank: Vec::new(),
            step: text(),
            status: text(),
            is_final: Vec::new(),
            version: Vec::new(),
            start: Vec::new(),
        }
    }

    fn ids(&mut self, span: &Span) -> Put<()> {
        self.trace.push_hex(span.trace_id)?;
        self.span.push_hex(span.span_id)?;
        self.parent.push_hex(span.parent_id)?;
        self.start.push(capped(span.start));
        self.name.push(span.name)
    }

    fn kinds(&mut self, span: &Span, facts: &Facts, is_final: bool, tables: &Tables) -> Put<()> {
        self.duration.push(if is_final { span.end.saturating_sub(span.start) } else { 0 });
        self.kind.push(kind_of(span, tables))?;
        self.code.push(word(&tables.words.statuses, span.status))?;
        self.step.push(facts.step)?;
        self.status
            .push(step_status(&span.attributes, span.status == 2, is_final, tables))?;
        self.is_final.push(u8::from(is_final));
        Ok(())
    }

    /// The last one is `Timestamp`, which stands elsewhere.
    fn columns(self, tables: &Tables, rows: usize) -> Vec<(String, ArrayRef)> {
        let same = |word: &str| -> ArrayRef { Arc::new(StringArray::from(vec![word; rows])) };
        vec![
            ("TraceId".into(), Arc::new(self.trace.finish())),
            ("SpanId".into(), Arc::new(self.span.finish())),
            ("ParentSpanId".into(), Arc::new(self.parent.finish())),
            ("Duration".into(), Arc::new(UInt64Array::from(self.duration))),
            ("SpanName".into(), Arc::new(self.name.finish())),
            ("SpanKind".into(), Arc::new(self.kind.finish())),
            ("StatusCode".into(), Arc::new(self.code.finish())),
            ("thread_key".into(), Arc::new(self.thread.finish())),
            ("thread_rank".into(), Arc::new(UInt8Array::from(self.thread_rank))),
            ("type".into(), Arc::new(self.step.finish())),
            ("status".into(), Arc::new(self.status.finish())),
            ("final".into(), Arc::new(UInt8Array::from(self.is_final))),
            ("version".into(), Arc::new(UInt64Array::from(self.version))),
            ("origin".into(), same(&tables.words.origin)),
            ("dialect".into(), same(&tables.words.standard)),
            ("Timestamp".into(), times(self.start)),
        ]
    }
}
