//! What hangs on the rows of `spans`: what their scope shares, their events, their links.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt16Array, UInt64Array};

use crate::bodies::{Envelope, Here};
use crate::columns::{ListColumn, MapColumn, Put, TextColumn, capped, each, times};
use crate::otlp::{Attributes, Event, Link};

/// What all spans of a scope share: a row for each scope, spread over its spans at the end.
pub struct Shared {
    project: Vec<usize>,
    request: Vec<usize>,
    texts: [TextColumn; 6],
    attributes: MapColumn,
    counts: Vec<usize>,
}

/// Names of the shared texts, in the order of `Scope::texts`.
const SHARED: [&str; 6] = ["ServiceName", "ScopeName", "ScopeVersion", "environment", "service_version", "host"];

/// A scope that begins: what follows belongs to it.
pub struct Scope<'a> {
    pub here: Here,
    pub received: i64,
    /// As `SHARED` names them.
    pub texts: [&'a str; 6],
    pub attributes: &'a Attributes<'a>,
}

pub struct Events {
    ends: ListColumn,
    times: Vec<i64>,
    names: TextColumn,
    attributes: MapColumn,
}

pub struct Links {
    ends: ListColumn,
    ids: [TextColumn; 3],
    attributes: MapColumn,
}

impl Shared {
    pub fn new() -> Self {
        Shared {
            project: Vec::new(),
            request: Vec::new(),
            texts: std::array::from_fn(|_| TextColumn::new()),
            attributes: MapColumn::new(),
            counts: Vec::new(),
        }
    }

    pub fn open(&mut self, scope: &Scope) -> Put<()> {
        self.project.push(scope.here.project);
        self.request.push(scope.here.request);
        for (column, said) in self.texts.iter_mut().zip(scope.texts) {
            column.push(said)?;
        }
        put_all(&mut self.attributes, scope.attributes)?;
        self.counts.push(0);
        Ok(())
    }

    /// One more span in the scope that was opened last.
    pub fn count(&mut self) {
        if let Some(count) = self.counts.last_mut() {
            *count += 1;
        }
    }

    pub fn columns(self, projects: &[String], retention: &[u16], envelopes: &[Envelope]) -> Put<Vec<(String, ArrayRef)>> {
        let counts = &self.counts;
        let mut project = TextColumn::new();
        for &number in &self.project {
            project.push(&projects[number])?;
        }
        let days: Vec<u16> = self.project.iter().map(|&number| retention[number]).collect();
        let envelope: Vec<Envelope> = self.request.iter().map(|&number| envelopes[number]).collect();
        let envelope = each(&envelope, counts);
        let mut columns: Vec<(String, ArrayRef)> = vec![("project".into(), Arc::new(project.spread(counts)?.finish()))];
        for (name, column) in SHARED.iter().zip(&self.texts) {
            columns.push(((*name).into(), Arc::new(column.spread(counts)?.finish())));
        }
        columns.push(("received".into(), times(envelope.iter().map(|one| one.received).collect())));
        columns.push(("log_partition".into(), Arc::new(UInt16Array::from_iter_values(envelope.iter().map(|one| one.partition)))));
        columns.push(("log_offset".into(), Arc::new(UInt64Array::from_iter_values(envelope.iter().map(|one| one.offset)))));
        columns.push(("retention_days".into(), Arc::new(UInt16Array::from(each(&days, counts)))));
        columns.push(("ResourceAttributes".into(), Arc::new(self.attributes.spread(counts)?.finish())));
        Ok(columns)
    }
}

impl Events {
    pub fn new() -> Self {
        Events { ends: ListColumn::new(), times: Vec::new(), names: TextColumn::new(), attributes: MapColumn::new() }
    }

    pub fn add(&mut self, events: &[Event]) -> Put<()> {
        for event in events {
            self.times.push(capped(event.time));
            self.names.push(event.name)?;
            put_all(&mut self.attributes, &event.attributes)?;
        }
        self.ends.end(self.times.len())
    }

    pub fn columns(self) -> Vec<(String, ArrayRef)> {
        let list = |items: ArrayRef| self.ends.finish(items);
        vec![
            ("Events.Timestamp".into(), list(times(self.times))),
            ("Events.Name".into(), list(Arc::new(self.names.finish()))),
            ("Events.Attributes".into(), list(Arc::new(self.attributes.finish()))),
        ]
    }
}

impl Links {
    pub fn new() -> Self {
        Links { ends: ListColumn::new(), ids: std::array::from_fn(|_| TextColumn::new()), attributes: MapColumn::new() }
    }

    pub fn add(&mut self, links: &[Link]) -> Put<()> {
        for link in links {
            self.ids[0].push_hex(link.trace_id)?;
            self.ids[1].push_hex(link.span_id)?;
            self.ids[2].push(link.trace_state)?;
            put_all(&mut self.attributes, &link.attributes)?;
        }
        self.ends.end(self.ids[0].len())
    }

    pub fn columns(self) -> Vec<(String, ArrayRef)> {
        let names = ["Links.TraceId", "Links.SpanId", "Links.TraceState"];
        let mut columns: Vec<(String, ArrayRef)> =
            names.into_iter().zip(self.ids).map(|(name, ids)| (name.to_owned(), self.ends.finish(Arc::new(ids.finish())))).collect();
        columns.push(("Links.Attributes".into(), self.ends.finish(Arc::new(self.attributes.finish()))));
        columns
    }
}

fn put_all(column: &mut MapColumn, attributes: &Attributes) -> Put<()> {
    for attribute in &attributes.0 {
        column.entry(&attribute.key, &attribute.value)?;
    }
    column.end()
}
