//! Maps OTLP trace requests to Arrow columns, row for row as `pipeline/spans.py` does; what speaks a dialect it has Python translate. Folds
//! traces into steps, as `pipeline/summaries/folding.py` does.

mod batch;
mod bodies;
mod columns;
mod decide;
mod facts;
mod fold;
mod folder;
mod histories;
mod json;
mod meaning;
mod messages;
mod number;
mod otlp;
mod parts;
mod spans;
mod table;
mod tables;
mod unique;
mod value;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySet};

use crate::batch::{Batch, Given, Parsed, parsed};
use crate::bodies::{Around, Body, Candidate, Envelope, body_table, message_table};
use crate::columns::{Put, TooLarge};
use crate::decide::{Chosen, decide};
use crate::messages::Memory;
use crate::table::Table;
use crate::tables::{Spec, Tables};

create_exception!(mission_control_kernel, KernelError, PyException, "The batch could not be mapped here; the reference has to.");

/// Made once, with the tables of names; remembers messages across batches.
#[pyclass(frozen)]
struct Kernel {
    tables: Tables,
    memory: Mutex<Memory>,
}

/// The rows of those requests of a batch that are ours, and what is to be known about them.
#[pyclass(frozen, get_all)]
struct Rows {
    spans: Option<Py<table::Batch>>,
    message_rows: Option<Py<table::Batch>>,
    message_bodies: Option<Py<table::Batch>>,
    /// Per request taken: its place, its first project if it has any, its spans.
    counts: Vec<(usize, Option<String>, usize)>,
    /// Places of requests that are not ours.
    left: Vec<usize>,
    /// (project, trace) -> oldest time of receipt.
    traces: Py<PyDict>,
    /// (project, hash) of bodies the store did not have.
    bodies: Py<PySet>,
    /// Identity -> time, of messages the store did not have.
    messages: Py<PyDict>,
    /// The JSON of each row of `message_rows`.
    contents: Contents,
}

#[derive(Clone)]
struct Contents(std::sync::Arc<Vec<std::sync::Arc<messages::Content>>>);

impl<'py> IntoPyObject<'py> for Contents {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let bodies: Vec<_> = self.0.iter().map(|content| PyBytes::new(py, &content.body)).collect();
        Ok(bodies.into_pyobject(py)?.into_any())
    }
}

#[pymethods]
impl Kernel {
    #[new]
    fn new(spec: Spec) -> PyResult<Self> {
        Ok(Kernel { tables: Tables::new(spec)?, memory: Mutex::default() })
    }

    /// Maps a batch. `seen` is asked what the store has, `retention` for the days of a project, `read` what a foreign span means.
    fn map(
        &self,
        py: Python<'_>,
        requests: Vec<Given>,
        seen: &Bound<'_, PyAny>,
        retention: &Bound<'_, PyAny>,
        read: &Bound<'_, PyAny>,
    ) -> PyResult<Rows> {
        let envelopes: Vec<Envelope> = requests.iter().map(Given::envelope).collect();
        let mut parsed: Vec<Parsed> = py.detach(|| guarded(|| Ok(requests.iter().map(|given| parsed(given, &self.tables)).collect())))?;
        if parsed.iter().flatten().any(|request| request.has_foreign_spans()) {
            guarded(|| Ok(meaning::ask(&mut parsed, &self.tables, read)))??;
        }
        let batch = py.detach(|| {
            guarded(|| {
                let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
                let received: Vec<i64> = envelopes.iter().map(|envelope| envelope.received).collect();
                Batch::of(parsed, &received, &self.tables, &mut memory)
            })
        })?;
        let days =
            batch.projects.texts.iter().map(|project| retention.call1((project, "spans"))?.extract()).collect::<PyResult<Vec<u16>>>()?;
        let chosen = decide(py, &batch, seen)?;
        let counts =
            batch.taken.iter().map(|taken| (taken.request, taken.project.map(|number| batch.projects.texts[number].clone()), taken.spans));
        let (counts, left, traces) = (counts.collect(), batch.left.clone(), traces(py, &batch)?);
        let (tables, contents) = py.detach(|| guarded(|| tables_of(batch, &chosen, &days, &envelopes, &self.tables)))?;
        let [spans, message_rows, message_bodies] = tables.map(|table| table.map(|table| Py::new(py, table::Batch::of(table))).transpose());
        Ok(Rows {
            spans: spans?,
            message_rows: message_rows?,
            message_bodies: message_bodies?,
            counts,
            left,
            traces,
            bodies: chosen.bodies,
            messages: chosen.messages,
            contents,
        })
    }
}

/// Work that neither panics into Python nor fails with anything but `KernelError`.
fn guarded<T>(work: impl FnOnce() -> Put<T>) -> PyResult<T> {
    caught(work)?.map_err(|TooLarge| KernelError::new_err("too large for one batch"))
}

/// Work that does not panic into Python.
fn caught<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| KernelError::new_err("a defect of the kernel"))
}

fn traces(py: Python<'_>, batch: &Batch) -> PyResult<Py<PyDict>> {
    let traces = PyDict::new(py);
    for &(project, trace, received) in &batch.traces {
        traces.set_item((&batch.projects.texts[project], &batch.spans.candidates.texts.texts[trace]), received)?;
    }
    Ok(traces.unbind())
}

/// Spans, messages, bodies, and the contents of the messages.
fn tables_of(
    mut batch: Batch,
    chosen: &Chosen,
    days: &[u16],
    envelopes: &[Envelope],
    tables: &Tables,
) -> Put<([Option<Table>; 3], Contents)> {
    let candidates = std::mem::take(&mut batch.spans.candidates);
    let around = Around { tables, texts: &candidates.texts.texts, projects: &batch.projects.texts, retention: days, envelopes };
    let at = |place: &usize| &candidates.all[*place];
    let messages: Vec<_> = chosen.message_rows.iter().map(at).filter_map(|one| Some((one, one.message.as_ref()?))).collect();
    let bodies: Vec<&Candidate> = chosen.body_rows.iter().map(at).collect();
    let contents = messages.iter().filter_map(|(one, _)| if let Body::Content(content) = &one.body { Some(content.clone()) } else { None });
    let contents = Contents(std::sync::Arc::new(contents.collect()));
    let message_rows = if messages.is_empty() { None } else { Some(message_table(&messages, &around)?) };
    let message_bodies = if bodies.is_empty() { None } else { Some(body_table(&bodies, &around)?) };
    let spans = if batch.spans.len() == 0 { None } else { Some(batch.spans.finish(&batch.projects.texts, days, envelopes)?) };
    Ok(([spans, message_rows, message_bodies], contents))
}

#[pymodule]
fn mission_control_kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("KernelError", module.py().get_type::<KernelError>())?;
    module.add_class::<folder::Folder>()?;
    module.add_class::<Kernel>()
}
