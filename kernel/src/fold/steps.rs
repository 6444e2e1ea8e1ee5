//! The steps of one trace, as `pipeline/summaries/fold.py` says.

use super::spans::{Spans, first};
use super::tree::Tree;

/// A step: the outermost span that shows it, and what only the whole call knows. `members`: rows of the spans that show it, by start.
pub struct Step<'a> {
    pub top: usize,
    pub row: usize,
    pub thread: &'a str,
    pub parent: &'a str,
    pub members: Vec<usize>,
    pub status: &'a str,
    pub mcp_id: &'a str,
    pub tool_name: &'a str,
    pub tool_call_id: &'a str,
    pub error_type: &'a str,
    pub error_message: &'a str,
}

pub fn steps<'a>(spans: &'a Spans, tree: &Tree<'a>, threads: &[&'a str]) -> Vec<Step<'a>> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); tree.rows.len()];
    for (member, &top) in tree.call.iter().enumerate() {
        members[top].push(tree.rows[member]);
    }
    members
        .into_iter()
        .enumerate()
        .filter(|(_, shown)| !shown.is_empty())
        .map(|(top, shown)| step(spans, tree, threads[top], top, shown))
        .collect()
}

fn step<'a>(spans: &'a Spans, tree: &Tree<'a>, thread: &'a str, top: usize, members: Vec<usize>) -> Step<'a> {
    let has_failed = |row: &usize| !spans.error_type.value(*row).is_empty();
    let failed: Vec<usize> = members.iter().copied().filter(has_failed).collect();
    let row = tree.rows[top];
    Step {
        top,
        row,
        thread,
        parent: tree.step_above(top),
        status: status(spans, row, &members),
        mcp_id: first(&spans.mcp_id, members.iter().rev().copied()),
        tool_name: first(&spans.tool_name, members.iter().copied()),
        tool_call_id: first(&spans.tool_call_id, members.iter().copied()),
        error_type: failed.first().map_or("", |&row| spans.error_type.value(row)),
        error_message: first(&spans.error_message, failed),
        members,
    }
}

/// The outermost span speaks, except that an error anywhere inside a finished call is one.
fn status<'a>(spans: &'a Spans, row: usize, members: &[usize]) -> &'a str {
    let said = spans.status.value(row);
    let has_failed = || members.iter().any(|&member| spans.status.value(member) == "error");
    if members.len() > 1 && said == "complete" && has_failed() {
        return "error";
    }
    said
}

/// Whether nothing above the step belongs to its thread.
pub fn is_top(tree: &Tree, threads: &[&str], step: &Step) -> bool {
    tree.parent[step.top].is_none_or(|above| threads[tree.call[above]] != step.thread)
}
