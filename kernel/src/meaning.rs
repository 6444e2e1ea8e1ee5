//! What Python says of spans that speak a dialect or tell of a permission check: `pipeline/meaning.py`, a call for each of them.

use std::borrow::Cow;

use hashbrown::HashMap;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::batch::Parsed;
use crate::facts::word;
use crate::otlp::{Attribute, Attributes, Event, Span};
use crate::tables::Tables;
use crate::value::hex;

/// What a span says beside its attributes.
#[derive(Default)]
pub struct Meaning {
    /// Place of its dialect among the tables' ones; None for the standard vocabulary.
    pub dialect: Option<usize>,
    /// Type of step; empty for what the attributes say.
    pub step: String,
    /// It has begun and not ended, whatever its times are.
    pub is_running: bool,
    /// Names of the attributes that were added, comma between.
    pub added: String,
    /// Ids of the row that hides the same call where a log event tells it.
    pub cover: Option<Cover>,
}

/// Trace and span; the latter is empty when the call has no name of its own.
pub type Cover = (Vec<u8>, Vec<u8>);

/// Dialect, type, whether it has ended, names added, the parent of the span that it stands in for, its cover.
type Said = (Option<String>, String, bool, String, Option<Vec<u8>>, Option<Cover>);

/// Asks Python about all foreign spans, in their order. What it raises is raised.
pub fn ask(parsed: &mut [Parsed], tables: &Tables, read: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut asking = Asking { py: read.py(), read, tables, names: HashMap::new() };
    for (request, parsed) in parsed.iter_mut().enumerate() {
        let Ok(parsed) = parsed else { continue };
        for (resource, project) in parsed.resources.iter_mut().zip(&parsed.projects) {
            for scope in &mut resource.scopes {
                for span in scope.spans.iter_mut().filter(|span| span.is_foreign) {
                    asking.about(span, (request, project, scope.name))?;
                }
            }
        }
    }
    Ok(())
}

/// Name and value of an attribute as Python was given them.
type Given<'py> = (Bound<'py, PyString>, Bound<'py, PyString>);

struct Asking<'a, 'py> {
    py: Python<'py>,
    read: &'a Bound<'py, PyAny>,
    tables: &'a Tables,
    /// Names come again with every span, and so do their hashes.
    names: HashMap<String, Bound<'py, PyString>>,
}

impl<'py> Asking<'_, 'py> {
    fn about(&mut self, span: &mut Span, (request, project, scope): (usize, &String, &str)) -> PyResult<()> {
        let (found, given) = self.dictionary(&span.attributes)?;
        let facts = (
            self.name(scope),
            span.name,
            self.name(word(&self.tables.words.kinds, span.kind)),
            &found,
            span.parent_id.is_empty(),
            hex(span.trace_id),
            span.start,
            span.end,
            self.events(&span.events)?,
            hex(span.span_id),
            hex(&span.parent_id),
        );
        let project = self.name(project);
        let said: Said = self.read.call1((request, project, facts))?.extract()?;
        span.attributes = self.changed(std::mem::take(&mut span.attributes), &given, &found)?;
        self.put(span, said);
        Ok(())
    }

    fn put(&self, span: &mut Span, (dialect, step, has_ended, added, begun, cover): Said) {
        if let (Some(parent), Cow::Borrowed(id)) = (begun, &span.parent_id) {
            span.span_id = id;
            span.parent_id = Cow::Owned(parent);
        }
        span.meaning = Meaning {
            dialect: dialect.and_then(|name| self.tables.words.dialects.iter().position(|dialect| dialect.name == name)),
            step,
            is_running: !has_ended,
            added,
            cover,
        };
    }

    fn name(&mut self, name: &str) -> Bound<'py, PyString> {
        let py = self.py;
        self.names.entry_ref(name).or_insert_with(|| PyString::new(py, name)).clone()
    }

    fn dictionary(&mut self, attributes: &Attributes) -> PyResult<(Bound<'py, PyDict>, Vec<Given<'py>>)> {
        let found = PyDict::new(self.py);
        let mut given = Vec::with_capacity(attributes.0.len());
        for attribute in &attributes.0 {
            let (name, value) = (self.name(&attribute.key), PyString::new(self.py, &attribute.value));
            found.set_item(&name, &value)?;
            given.push((name, value));
        }
        Ok((found, given))
    }

    fn events(&mut self, events: &[Event]) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(self.py);
        for event in events {
            let found = self.dictionary(&event.attributes)?.0;
            list.append(PyTuple::new(
                self.py,
                [self.name(event.name).into_any(), event.time.into_pyobject(self.py)?.into_any(), found.into_any()],
            )?)?;
        }
        Ok(list)
    }

    /// The attributes as the dictionary has them now. What was added stands behind what was given, which may lack some and have new values.
    fn changed<'a>(&self, attributes: Attributes<'a>, given: &[Given<'py>], found: &Bound<'py, PyDict>) -> PyResult<Attributes<'a>> {
        let mut changed = Vec::with_capacity(found.len());
        let (mut own, mut rest) = (attributes.0.into_iter(), given);
        for (name, value) in found {
            let Some(skipped) = rest.iter().position(|(given, _)| given.is(&name)) else {
                rest = &[];
                changed.push(self.added(&name, &value)?);
                continue;
            };
            let is_same = rest[skipped].1.is(&value);
            rest = &rest[skipped + 1..];
            if let Some(mut attribute) = own.nth(skipped) {
                if !is_same {
                    attribute.value = Cow::Owned(value.extract()?);
                }
                changed.push(attribute);
            }
        }
        Ok(Attributes(changed))
    }

    fn added(&self, name: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<Attribute<'static>> {
        let key: String = name.extract()?;
        Ok(Attribute { name: self.tables.id(&key), key: Cow::Owned(key), value: Cow::Owned(value.extract()?) })
    }
}
