//! A trace request, read: everything that it says, borrowed from its bytes. What is unusual is not ours.

use std::borrow::Cow;

use crate::meaning::Meaning;
use crate::tables::{Rule, Tables};
use crate::unique::unique;
use crate::value::{key_value, value_text};
use crate::wire::{Fields, NotMine, Read, Value, text};

pub struct Attribute<'a> {
    pub key: Cow<'a, str>,
    pub value: Cow<'a, str>,
    /// The name's number in the tables; 0 when nothing is known of it.
    pub name: u16,
}

/// Attributes as a Python dictionary would hold them.
#[derive(Default)]
pub struct Attributes<'a>(pub Vec<Attribute<'a>>);

impl<'a> Attributes<'a> {
    pub fn by_id(&self, id: u16) -> Option<&str> {
        self.0.iter().find(|attribute| attribute.name == id).map(|attribute| attribute.value.as_ref())
    }

    pub fn get(&self, rule: Rule) -> Option<&str> {
        self.by_id(rule as u16)
    }

    pub fn or_empty(&self, rule: Rule) -> &str {
        self.get(rule).unwrap_or("")
    }

    pub fn has(&self, rule: Rule) -> bool {
        self.get(rule).is_some()
    }

    fn push(&mut self, bytes: &'a [u8], tables: &Tables) -> Read<()> {
        let (key, value) = key_value(bytes)?;
        let value = value.map_or(Ok(Cow::Borrowed("")), value_text)?;
        self.0.push(Attribute { name: tables.id(key), key: Cow::Borrowed(key), value });
        Ok(())
    }

    fn finished(self) -> Self {
        Attributes(unique(self.0, |attribute| attribute.key.as_ref()))
    }
}

pub struct Resource<'a> {
    pub attributes: Attributes<'a>,
    pub scopes: Vec<Scope<'a>>,
}

#[derive(Default)]
pub struct Scope<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub spans: Vec<Span<'a>>,
}

#[derive(Default)]
pub struct Span<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_id: Cow<'a, [u8]>,
    pub trace_state: &'a str,
    pub name: &'a str,
    pub kind: i32,
    pub start: u64,
    pub end: u64,
    pub attributes: Attributes<'a>,
    pub events: Vec<Event<'a>>,
    pub links: Vec<Link<'a>>,
    pub status: i32,
    pub message: &'a str,
    /// Whether Python has to say what it means, because it speaks a dialect or tells of a permission check.
    pub is_foreign: bool,
    /// What Python said.
    pub meaning: Meaning,
}

#[derive(Default)]
pub struct Event<'a> {
    pub time: u64,
    pub name: &'a str,
    pub attributes: Attributes<'a>,
}

#[derive(Default)]
pub struct Link<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub trace_state: &'a str,
    pub attributes: Attributes<'a>,
}

/// Protobuf's enumerations and flags are 32 bits of a longer number.
fn truncated(number: u64) -> i32 {
    number as i32
}

pub fn request<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Vec<Resource<'a>>> {
    let (mut fields, mut resources) = (Fields::of(bytes), Vec::new());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) => resources.push(resource_spans(said, tables)?),
            _ => return Err(NotMine),
        }
    }
    Ok(resources)
}

fn resource_spans<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Resource<'a>> {
    let (mut fields, mut attributes, mut scopes) = (Fields::of(bytes), None, Vec::new());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) if attributes.is_none() => attributes = Some(resource(said, tables)?),
            (2, Value::Bytes(said)) => scopes.push(scope_spans(said, tables)?),
            (3, Value::Bytes(url)) => drop(text(url)?),
            _ => return Err(NotMine),
        }
    }
    Ok(Resource { attributes: attributes.unwrap_or_default(), scopes })
}

fn resource<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Attributes<'a>> {
    let (mut fields, mut attributes) = (Fields::of(bytes), Attributes::default());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) => attributes.push(said, tables)?,
            (2, Value::Varint(_)) => {}
            _ => return Err(NotMine),
        }
    }
    Ok(attributes.finished())
}

fn scope_spans<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Scope<'a>> {
    let (mut fields, mut named, mut scope) = (Fields::of(bytes), false, Scope::default());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) if !named => {
                named = true;
                (scope.name, scope.version) = instrumentation(said, tables)?;
            }
            (2, Value::Bytes(said)) => scope.spans.push(span(said, tables)?),
            (3, Value::Bytes(url)) => drop(text(url)?),
            _ => return Err(NotMine),
        }
    }
    if tables.words.scopes.iter().any(|begin| scope.name.starts_with(begin.as_str())) {
        scope.spans.iter_mut().for_each(|span| span.is_foreign = true);
    }
    Ok(scope)
}

/// Name and version. Its attributes are read only to see that they are sound.
fn instrumentation<'a>(bytes: &'a [u8], tables: &Tables) -> Read<(&'a str, &'a str)> {
    let (mut fields, mut name, mut version, mut attributes) = (Fields::of(bytes), "", "", Attributes::default());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) => name = text(said)?,
            (2, Value::Bytes(said)) => version = text(said)?,
            (3, Value::Bytes(said)) => attributes.push(said, tables)?,
            (4, Value::Varint(_)) => {}
            _ => return Err(NotMine),
        }
    }
    Ok((name, version))
}

fn span<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Span<'a>> {
    let (mut fields, mut judged, mut span) = (Fields::of(bytes), false, Span::default());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) => span.trace_id = said,
            (2, Value::Bytes(said)) => span.span_id = said,
            (3, Value::Bytes(said)) => span.trace_state = text(said)?,
            (4, Value::Bytes(said)) => span.parent_id = Cow::Borrowed(said),
            (5, Value::Bytes(said)) => span.name = text(said)?,
            (6, Value::Varint(said)) => span.kind = truncated(said),
            (7, Value::Fixed64(said)) => span.start = said,
            (8, Value::Fixed64(said)) => span.end = said,
            (9, Value::Bytes(said)) => span.attributes.push(said, tables)?,
            (11, Value::Bytes(said)) => span.events.push(event(said, tables)?),
            (13, Value::Bytes(said)) => span.links.push(link(said, tables)?),
            (15, Value::Bytes(said)) if !judged => {
                judged = true;
                (span.status, span.message) = status(said)?;
            }
            (10 | 12 | 14, Value::Varint(_)) | (16, Value::Fixed32) => {}
            _ => return Err(NotMine),
        }
    }
    span.attributes = span.attributes.finished();
    span.is_foreign = is_foreign(&span, tables);
    Ok(span)
}

/// Whether its name, an attribute or an event gives a dialect or a check away, or it is a stand-in for one that has begun.
fn is_foreign(span: &Span, tables: &Tables) -> bool {
    let words = &tables.words;
    words.spans.iter().any(|name| name == span.name)
        || span.events.iter().any(|event| words.events.iter().any(|name| name == event.name))
        || span.attributes.0.iter().any(|attribute| {
            tables.name(attribute.name).marker
                || (attribute.name == Rule::SpanType as u16
                    && attribute.value == tables.words.pending.as_str()
                    && !span.parent_id.is_empty())
        })
}

fn event<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Event<'a>> {
    let (mut fields, mut event) = (Fields::of(bytes), Event::default());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Fixed64(said)) => event.time = said,
            (2, Value::Bytes(said)) => event.name = text(said)?,
            (3, Value::Bytes(said)) => event.attributes.push(said, tables)?,
            (4, Value::Varint(_)) => {}
            _ => return Err(NotMine),
        }
    }
    event.attributes = event.attributes.finished();
    Ok(event)
}

fn link<'a>(bytes: &'a [u8], tables: &Tables) -> Read<Link<'a>> {
    let (mut fields, mut link) = (Fields::of(bytes), Link::default());
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(said)) => link.trace_id = said,
            (2, Value::Bytes(said)) => link.span_id = said,
            (3, Value::Bytes(said)) => link.trace_state = text(said)?,
            (4, Value::Bytes(said)) => link.attributes.push(said, tables)?,
            (5, Value::Varint(_)) | (6, Value::Fixed32) => {}
            _ => return Err(NotMine),
        }
    }
    link.attributes = link.attributes.finished();
    Ok(link)
}

/// Code and message.
fn status(bytes: &[u8]) -> Read<(i32, &str)> {
    let (mut fields, mut code, mut message) = (Fields::of(bytes), 0, "");
    while let Some(field) = fields.next()? {
        match field {
            (2, Value::Bytes(said)) => message = text(said)?,
            (3, Value::Varint(said)) => code = truncated(said),
            _ => return Err(NotMine),
        }
    }
    Ok((code, message))
}
