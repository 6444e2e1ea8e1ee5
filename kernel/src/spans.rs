//! Rows of `spans`, under construction.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt8Array, UInt64Array};

use crate::bodies::{Call, Candidates, Counted, Envelope};
use crate::columns::{MapColumn, Put, TextColumn, capped, times};
use crate::facts::{Cell, Cells, Facts, kind_of, step_status, thread_key, word};
use crate::histories::{Kept, end_of};
use crate::meaning::Cover;
use crate::otlp::{Attributes, Span};
use crate::parts::{Events, Links, Scope, Shared};
use crate::table::Table;
use crate::tables::{Kind, Tables};
use crate::value::hex;

/// What differs from span to span, of one row.
struct Row<'a> {
    trace: &'a [u8],
    span: &'a [u8],
    parent: &'a [u8],
    name: &'a str,
    kind: &'a str,
    code: &'a str,
    thread: &'a str,
    thread_rank: u8,
    step: &'a str,
    status: &'a str,
    is_final: bool,
    start: u64,
    end: u64,
    received: i64,
    origin: &'a str,
    dialect: &'a str,
    added: &'a str,
}

/// The same of all rows.
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
    origin: TextColumn,
    dialect: TextColumn,
    added: TextColumn,
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
    pub fn add(&mut self, span: &Span, facts: &Facts, kept: &[Kept], scope: &Scope, trace: usize) -> Put<()> {
        let (row, tables) = (self.len(), self.tables);
        let (named, rank) = thread_key(&span.attributes, tables);
        let thread = if named.is_empty() { trace } else { self.candidates.texts.number(named) };
        let is_final = !(span.meaning.is_running || span.end == 0 && span.start > 0);
        self.dense.push(
            &Row {
                trace: span.trace_id,
                span: span.span_id,
                parent: &span.parent_id,
                name: span.name,
                kind: kind_of(span, tables),
                code: word(&tables.words.statuses, span.status),
                thread: &self.candidates.texts.texts[thread],
                thread_rank: rank,
                step: &facts.step,
                status: step_status(&span.attributes, span.status == 2, is_final, tables),
                is_final,
                start: span.start,
                end: span.end,
                received: scope.received,
                origin: &tables.words.origin,
                dialect: tables.dialect(span.meaning.dialect),
                added: &span.meaning.added,
            },
            tables,
        )?;
        for (column, cell) in self.sparse.iter_mut().zip(Cells::of(span, facts, scope.texts[0], tables).values) {
            if let Some(cell) = cell {
                column.put(row, cell)?;
            }
        }
        self.shared.count();
        let step = if facts.said.is_empty() { trace } else { self.candidates.texts.number(&hex(span.span_id)) };
        self.bodies(span, facts, kept, &Call { here: scope.here, thread, trace, step, start: span.start, end: span.end })?;
        self.events.add(&span.events)?;
        self.links.add(&span.links)
    }

    /// Appends what hides the same call where a log event tells it; returns its trace's number among the texts.
    pub fn cover(&mut self, span: &Span, (trace_id, span_id): &Cover, scope: &Scope) -> Put<usize> {
        let tables = self.tables;
        let trace = self.candidates.texts.number(&hex(trace_id));
        let (named, rank) = thread_key(&span.attributes, tables);
        self.dense.push(
            &Row {
                trace: trace_id,
                span: if span_id.is_empty() { span.span_id } else { span_id },
                parent: span.span_id,
                name: span.name,
                kind: kind_of(span, tables),
                code: word(&tables.words.statuses, span.status),
                thread: if named.is_empty() { &self.candidates.texts.texts[trace] } else { named },
                thread_rank: rank,
                step: &tables.words.cover,
                status: step_status(&Attributes::default(), span.status == 2, true, tables),
                is_final: true,
                start: span.start,
                end: span.end,
                received: scope.received,
                origin: &tables.words.cover_origin,
                dialect: tables.dialect(span.meaning.dialect),
                added: "",
            },
            tables,
        )?;
        self.shared.count();
        self.references.end()?;
        self.attributes.end()?;
        self.events.add(&[])?;
        self.links.add(&[])?;
        Ok(trace)
    }

    /// Takes what is heavy out of the attributes: all of it becomes bodies, references stay.
    fn bodies(&mut self, span: &Span, facts: &Facts, kept: &[Kept], call: &Call) -> Put<()> {
        let (tables, mut counted) = (self.tables, Counted::default());
        for (name, text) in kept {
            let reference = self.candidates.pieces(call.here, text, &tables.limits);
            self.references.entry(name, &reference)?;
        }
        for said in &facts.said {
            let reference = self.candidates.messages(call, said.source, &said.contents, &mut counted, tables);
            self.references.entry(&tables.messages[said.source].attribute, &reference)?;
        }
        if facts.heavy {
            for attribute in span.attributes.0.iter().filter(|attribute| tables.name(attribute.name).heavy) {
                let source = tables.name(attribute.name).message;
                if !facts.said.iter().any(|said| Some(said.source) == source) {
                    let reference = self.candidates.text(call.here, &attribute.value);
                    self.references.entry(&attribute.key, &reference)?;
                }
            }
        }
        for attribute in span.attributes.0.iter().filter(|attribute| !tables.name(attribute.name).heavy) {
            if is_longer(&attribute.value, tables.limits.heavy_length) {
                let reference = self.candidates.text(call.here, &attribute.value);
                self.references.entry(&attribute.key, &reference)?;
                self.attributes.entry(&attribute.key, beginning(&attribute.value, tables.limits.preview_length))?;
            } else {
                self.attributes.entry(&attribute.key, &attribute.value)?;
            }
        }
        self.references.end()?;
        self.attributes.end()
    }

    pub fn finish(self, projects: &[String], retention: &[u16], envelopes: &[Envelope]) -> Put<Table> {
        let rows = self.len();
        let mut columns = self.dense.columns();
        let starts = columns.pop();
        columns.extend(self.tables.columns.iter().zip(self.sparse).map(|(column, cells)| (column.name.clone(), cells.finish(rows))));
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
    end_of(said, characters).is_some()
}

fn beginning(said: &str, characters: usize) -> &str {
    end_of(said, characters).map_or(said, |end| &said[..end])
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
            origin: text(),
            dialect: text(),
            added: text(),
            start: Vec::new(),
        }
    }

    fn push(&mut self, row: &Row, tables: &Tables) -> Put<()> {
        self.trace.push_hex(row.trace)?;
        self.span.push_hex(row.span)?;
        self.parent.push_hex(row.parent)?;
        self.duration.push(if row.is_final { row.end.saturating_sub(row.start) } else { 0 });
        self.name.push(row.name)?;
        self.kind.push(row.kind)?;
        self.code.push(row.code)?;
        self.thread.push(row.thread)?;
        self.thread_rank.push(row.thread_rank);
        self.step.push(row.step)?;
        self.status.push(row.status)?;
        self.is_final.push(u8::from(row.is_final));
        let strength = if row.is_final { tables.limits.final_bit } else { 0 };
        self.version.push(strength | row.received.cast_unsigned());
        self.origin.push(row.origin)?;
        self.dialect.push(row.dialect)?;
        self.added.push(row.added)?;
        self.start.push(capped(row.start));
        Ok(())
    }

    /// The last one is `Timestamp`, which stands elsewhere.
    fn columns(self) -> Vec<(String, ArrayRef)> {
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
            ("origin".into(), Arc::new(self.origin.finish())),
            ("dialect".into(), Arc::new(self.dialect.finish())),
            ("added".into(), Arc::new(self.added.finish())),
            ("Timestamp".into(), times(self.start)),
        ]
    }
}
