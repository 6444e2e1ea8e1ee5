//! Which messages and bodies of a batch are stored: those that Python's memory of the store does not know.

use hashbrown::HashSet;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySet, PyString};

use crate::batch::Batch;
use crate::bodies::{Candidate, Message};
use crate::messages::Hash;

/// Places among the candidates, in order, and the same as Python remembers them.
pub struct Chosen {
    pub message_rows: Vec<usize>,
    pub body_rows: Vec<usize>,
    pub messages: Py<PyDict>,
    pub bodies: Py<PySet>,
}

struct Asking<'py> {
    py: Python<'py>,
    has_body: Bound<'py, PyAny>,
    has_message: Bound<'py, PyAny>,
    projects: Vec<Bound<'py, PyString>>,
    fresh: HashSet<(usize, Hash)>,
    messages: Bound<'py, PyDict>,
    bodies: Bound<'py, PySet>,
}

pub fn decide(py: Python<'_>, batch: &Batch, seen: &Bound<'_, PyAny>) -> PyResult<Chosen> {
    let mut asking = Asking {
        py,
        has_body: seen.getattr("has_body")?,
        has_message: seen.getattr("has_message")?,
        projects: batch.projects.texts.iter().map(|project| PyString::new(py, project)).collect(),
        fresh: HashSet::new(),
        messages: PyDict::new(py),
        bodies: PySet::empty(py)?,
    };
    let (mut message_rows, mut body_rows) = (Vec::new(), Vec::new());
    let candidates = &batch.spans.candidates;
    for (place, one) in candidates.all.iter().enumerate() {
        if let Some(message) = &one.message {
            if !asking.takes_message(one, message, &candidates.texts.texts)? {
                continue;
            }
            message_rows.push(place);
        }
        if asking.takes_body(one)? {
            body_rows.push(place);
        }
    }
    Ok(Chosen { message_rows, body_rows, messages: asking.messages.unbind(), bodies: asking.bodies.unbind() })
}

impl Asking<'_> {
    fn takes_message(&self, one: &Candidate, message: &Message, texts: &[String]) -> PyResult<bool> {
        let identity = (
            &self.projects[one.here.project],
            &texts[message.thread],
            &message.content.role,
            PyBytes::new(self.py, &one.key),
            message.occurrence,
        )
            .into_pyobject(self.py)?;
        if self.has_message.call1((&identity, message.at))?.is_truthy()? {
            return Ok(false);
        }
        self.messages.set_item(identity, message.at)?;
        Ok(true)
    }

    fn takes_body(&mut self, one: &Candidate) -> PyResult<bool> {
        let known = (one.here.project, one.key);
        if self.fresh.contains(&known) {
            return Ok(false);
        }
        let (project, key) = (&self.projects[one.here.project], PyBytes::new(self.py, &one.key));
        if self.has_body.call1((project, &key))?.is_truthy()? {
            return Ok(false);
        }
        self.fresh.insert(known);
        self.bodies.add((project, key))?;
        Ok(true)
    }
}
