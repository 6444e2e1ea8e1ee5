//! Folds the spans of touched traces into steps and segments, as `pipeline/summaries/folding.py` does.

mod loops;
mod segment;
mod spans;
mod steps;
mod tree;

use std::hash::{BuildHasher, Hash, Hasher};

use arrow_array::StructArray;
use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use pyo3::prelude::*;
use serde_json::Error;

pub use self::spans::{Spans, Unfit};

use self::segment::{Part, Segment, Written};
use self::steps::{Step, is_top, steps};
use self::tree::Tree;
use crate::columns::{ListColumn, Put, TextColumn, TooLarge};
use crate::table::Table;

/// What the tables of the reference say.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Spec {
    cover: String,
    times: usize,
    longest_period: usize,
    spiral_from: usize,
    most_hops: usize,
    mcp_session_rank: u8,
    most_attributes: usize,
    longest_value: usize,
}

/// What one trace comes to, in the order of `TraceFold`.
pub struct TraceFold {
    pub project: String,
    pub trace_id: String,
    pub main_thread: String,
    pub first: usize,
    pub steps: usize,
    pub spans: usize,
    pub segments: Vec<Written>,
    pub moved: Vec<(String, String, String)>,
    pub marks: Vec<u8>,
}

/// All traces, and a row for each step.
pub struct Folds {
    pub traces: Vec<TraceFold>,
    pub steps: Table,
}

pub struct Folder {
    spec: Spec,
    hasher: DefaultHashBuilder,
}

impl Folder {
    pub fn new(spec: Spec) -> Self {
        Folder { spec, hasher: DefaultHashBuilder::default() }
    }

    pub fn fold(&self, rows: &StructArray, touched: &[(String, String)]) -> Result<Folds, Failed> {
        let spans = Spans::of(rows)?;
        let mut own = Own::new();
        let groups = groups(&spans, touched);
        let traces = groups.into_iter().map(|group| self.trace(&spans, group, &mut own)).collect::<Result<_, Failed>>()?;
        Ok(Folds { traces, steps: own.finish() })
    }

    /// `group`: all spans of one trace, each once.
    fn trace(&self, spans: &Spans, mut group: Vec<usize>, own: &mut Own) -> Result<TraceFold, Failed> {
        group.sort_unstable_by(|&one, &other| spans.place(one).cmp(&spans.place(other)));
        let rows = self.uncovered(spans, &group);
        if rows.is_empty() {
            return nothing(spans, &group, own.len());
        }
        let limits = tree::Limits { most_hops: self.spec.most_hops, mcp_session_rank: self.spec.mcp_session_rank };
        let tree = Tree::new(spans, &rows, limits);
        let threads = tree.threads();
        let steps = steps(spans, &tree, &threads);
        let first = own.len();
        let mut marks = Vec::with_capacity(steps.len() * 16);
        for step in &steps {
            own.push(spans, step)?;
            marks.extend(self.mark(spans, step));
        }
        let moves =
            |&(member, &row): &(usize, &usize)| spans.has_messages.value(row) != 0 && spans.thread_key.value(row) != threads[member];
        let named = |(member, &row): (usize, &usize)| {
            [spans.span_id.value(row), spans.thread_key.value(row), threads[member]].map(str::to_owned).into()
        };
        let trace_id = spans.trace_id.value(rows[0]);
        Ok(TraceFold {
            project: spans.project.value(rows[0]).to_owned(),
            trace_id: trace_id.to_owned(),
            main_thread: threads[0].to_owned(),
            first,
            steps: steps.len(),
            spans: steps.iter().map(|step| step.members.len()).sum(),
            segments: self.segments(spans, &tree, &threads, &steps)?,
            moved: rows.iter().enumerate().filter(moves).map(named).collect(),
            marks,
        })
    }

    /// Rows of a trace, by start, without covers and without as many of the told calls, the earliest first.
    fn uncovered(&self, spans: &Spans, rows: &[usize]) -> Vec<usize> {
        let is_cover = |row: &&usize| spans.is(**row, &self.spec.cover);
        let covers = rows.iter().filter(is_cover).count();
        rows.iter().filter(|row| !is_cover(row)).skip(covers).copied().collect()
    }

    fn segments(&self, spans: &Spans, tree: &Tree, threads: &[&str], steps: &[Step]) -> Result<Vec<Written>, Failed> {
        let by_thread = grouped(steps.iter().map(|step| (step.thread, step)));
        let loops = loops::Limits { times: self.spec.times, longest_period: self.spec.longest_period, spiral_from: self.spec.spiral_from };
        let shown = segment::Limits { most_attributes: self.spec.most_attributes, longest_value: self.spec.longest_value };
        by_thread
            .into_iter()
            .map(|(thread, steps)| {
                let roots = steps.iter().copied().filter(|step| is_top(tree, threads, step)).collect();
                let part = Part { spans, tree, threads, steps, roots };
                Ok(part.segment(loops, shown).written(thread)?)
            })
            .collect()
    }

    /// Which step it is, and all that is written of it.
    fn mark(&self, spans: &Spans, step: &Step) -> impl Iterator<Item = u8> {
        let which = self.hasher.hash_one((step.thread, spans.span_id.value(step.row)));
        let mut written = self.hasher.build_hasher();
        (step.thread, step.parent, step.status, step.mcp_id, step.tool_name, step.tool_call_id).hash(&mut written);
        (step.error_type, step.error_message, spans.received.value(step.row)).hash(&mut written);
        (spans.duration.value(step.row), spans.is_final.value(step.row)).hash(&mut written);
        for &member in &step.members {
            spans.span_id.value(member).hash(&mut written);
        }
        which.to_ne_bytes().into_iter().chain(written.finish().to_ne_bytes())
    }
}

/// Why the reference has to fold instead.
#[derive(Debug)]
pub struct Failed(pub String);

impl From<Unfit> for Failed {
    fn from(unfit: Unfit) -> Self {
        Failed(format!("the column {} is not what the fold expects", unfit.0))
    }
}

impl From<TooLarge> for Failed {
    fn from(_: TooLarge) -> Self {
        Failed("too large for one round".to_owned())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed(error.to_string())
    }
}

/// Rows by touched trace, in the order of their first; of a span that came twice the newest form.
fn groups(spans: &Spans, touched: &[(String, String)]) -> Vec<Vec<usize>> {
    let touched: HashSet<(&str, &str)> = touched.iter().map(|(project, trace)| (project.as_str(), trace.as_str())).collect();
    let key = |row| (spans.project.value(row), spans.trace_id.value(row));
    let rows = (0..spans.form.len()).map(|row| (key(row), row)).filter(|(key, _)| touched.contains(key));
    grouped(rows).into_iter().map(|(_, group)| newest(spans, group)).collect()
}

/// Items by key, in the order of each key's first.
fn grouped<K: Copy + Eq + Hash, T>(items: impl IntoIterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for (key, item) in items {
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[place].1.push(item);
    }
    groups
}

fn newest(spans: &Spans, group: Vec<usize>) -> Vec<usize> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(group.len());
    let mut result: Vec<usize> = Vec::with_capacity(group.len());
    for row in group {
        let place = *places.entry(spans.span_id.value(row)).or_insert(result.len());
        match result.get_mut(place) {
            None => result.push(row),
            Some(other) if spans.form.value(row) >= spans.form.value(*other) => *other = row,
            Some(_) => {}
        }
    }
    result
}

/// A trace of covered calls: it was there, and shows no step.
fn nothing(spans: &Spans, rows: &[usize], first: usize) -> Result<TraceFold, Failed> {
    let row = rows[0];
    let (trace_id, thread, started) = (spans.trace_id.value(row), spans.thread_key.value(row), spans.started.value(row));
    let segment = Segment {
        started,
        last_seen: started,
        status: "complete",
        kind: "trace",
        received: rows.iter().map(|&one| spans.received.value(one)).max().unwrap_or(0),
        retention_days: rows.iter().map(|&one| spans.retention_days.value(one)).max().unwrap_or(1),
        ..Segment::default()
    };
    Ok(TraceFold {
        project: spans.project.value(row).to_owned(),
        trace_id: trace_id.to_owned(),
        main_thread: thread.to_owned(),
        first,
        steps: 0,
        spans: 0,
        segments: vec![segment.written(thread)?],
        moved: Vec::new(),
        marks: Vec::new(),
    })
}

/// Columns of the steps that only the whole trace knows, after the row that has the others.
struct Own {
    rows: Vec<i64>,
    texts: [TextColumn; 8],
    span_ids: TextColumn,
    ends: ListColumn,
}

const TEXTS: [&str; 8] = ["thread_id", "parent_step_id", "status", "mcp_id", "tool_name", "tool_call_id", "error_type", "error_message"];

impl Own {
    fn new() -> Self {
        Own { rows: Vec::new(), texts: std::array::from_fn(|_| TextColumn::new()), span_ids: TextColumn::new(), ends: ListColumn::new() }
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn push(&mut self, spans: &Spans, step: &Step) -> Put<()> {
        self.rows.push(i64::try_from(step.row).map_err(|_| TooLarge)?);
        let values =
            [step.thread, step.parent, step.status, step.mcp_id, step.tool_name, step.tool_call_id, step.error_type, step.error_message];
        for (column, value) in self.texts.iter_mut().zip(values) {
            column.push(value)?;
        }
        for &member in &step.members {
            self.span_ids.push(spans.span_id.value(member))?;
        }
        self.ends.end(self.span_ids.len())
    }

    fn finish(self) -> Table {
        let mut columns: Vec<(String, arrow_array::ArrayRef)> =
            vec![("row".to_owned(), std::sync::Arc::new(arrow_array::Int64Array::from(self.rows)))];
        for (name, column) in TEXTS.into_iter().zip(self.texts) {
            columns.push((name.to_owned(), std::sync::Arc::new(column.finish())));
        }
        columns.push(("span_ids".to_owned(), self.ends.finish(std::sync::Arc::new(self.span_ids.finish()))));
        Table(columns)
    }
}
