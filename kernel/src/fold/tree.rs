//! The spans of one trace as a tree, as `pipeline/summaries/tree.py` says: which are one call, and which thread each belongs to.
//! Members of a trace are numbered in the order of their start; `rows` has the row of each.

use hashbrown::HashMap;

use super::spans::Spans;

/// Plain spans that may lie between two views of one call; given by Python, as the rank of MCP's sessions is.
#[derive(Clone, Copy)]
pub struct Limits {
    pub most_hops: usize,
    pub mcp_session_rank: u8,
}

pub struct Tree<'a> {
    spans: &'a Spans,
    pub rows: &'a [usize],
    /// The member above; None where it has not arrived, or there is none.
    pub parent: Vec<Option<usize>>,
    /// The outermost member that shows the same call.
    pub call: Vec<usize>,
    limits: Limits,
}

/// What model calls beside each other must agree in.
type Used<'a> = (&'a str, &'a str, [u64; 4]);

impl<'a> Tree<'a> {
    pub fn new(spans: &'a Spans, rows: &'a [usize], limits: Limits) -> Self {
        let ids: HashMap<&str, usize> = rows.iter().enumerate().map(|(member, &row)| (spans.span_id.value(row), member)).collect();
        let parent = rows
            .iter()
            .map(|&row| {
                let above = spans.parent_id.value(row);
                if above == spans.span_id.value(row) { None } else { ids.get(above).copied() }
            })
            .collect();
        let mut tree = Tree { spans, rows, parent, call: (0..rows.len()).collect(), limits };
        if tree.is_in_order() {
            tree.find_calls(0..rows.len());
        } else {
            tree.break_cycles();
            tree.find_calls(tree.outside_in());
        }
        tree
    }

    fn is_in_order(&self) -> bool {
        self.parent.iter().enumerate().all(|(member, parent)| parent.is_none_or(|above| above < member))
    }

    fn break_cycles(&mut self) {
        const NEVER: usize = usize::MAX;
        let mut walked = vec![NEVER; self.rows.len()]; // by which walk each was seen
        for walk in 0..self.rows.len() {
            let mut here = Some(walk);
            while let Some(member) = here.filter(|&member| walked[member] == NEVER) {
                walked[member] = walk;
                if self.parent[member].is_some_and(|above| walked[above] == walk) {
                    self.parent[member] = None;
                }
                here = self.parent[member];
            }
        }
    }

    fn outside_in(&self) -> Vec<usize> {
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); self.rows.len()];
        let mut result = Vec::with_capacity(self.rows.len());
        for (member, parent) in self.parent.iter().enumerate() {
            match parent {
                Some(above) => below[*above].push(member),
                None => result.push(member),
            }
        }
        let mut next = 0;
        while next < result.len() {
            result.append(&mut below[result[next]]);
            next += 1;
        }
        result
    }

    fn find_calls(&mut self, outside_in: impl IntoIterator<Item = usize>) {
        let spans = self.spans;
        let mut said: Vec<(&str, &str)> = vec![("", ""); self.rows.len()];
        let mut beside: HashMap<Used, usize> = HashMap::new();
        for member in outside_in {
            let row = self.rows[member];
            if spans.is(row, "llm_call") {
                self.call[member] = self.model_call(member, &mut beside);
            }
            if !spans.is(row, "tool_call") {
                continue;
            }
            let (tool, id) = (spans.tool_name.value(row), spans.tool_call_id.value(row));
            said[member] = (tool, id);
            let Some(above) = self.call_above(member) else { continue };
            let top = self.call[above];
            let around = said[top];
            if agree(id, around.1) && (agree(tool, around.0) || self.is_handed_on(member)) {
                self.call[member] = top;
                said[top] = (if around.0.is_empty() { tool } else { around.0 }, if around.1.is_empty() { id } else { around.1 });
            }
        }
    }

    fn is_handed_on(&self, member: usize) -> bool {
        let Some(above) = self.parent[member] else { return false };
        let (row, above) = (self.rows[member], self.rows[above]);
        self.spans.kind.value(row) == "Server" && self.spans.kind.value(above) == "Internal" && self.spans.tool_name.value(above).is_empty()
    }

    fn model_call(&self, member: usize, beside: &mut HashMap<Used<'a>, usize>) -> usize {
        let (spans, row) = (self.spans, self.rows[member]);
        if spans.status.value(row) != "complete" {
            return member;
        }
        if let Some(above) = self.call_above(member) {
            let top = self.call[above];
            let shown = self.rows[top];
            let has_tokens = spans.input_tokens.value(shown) != 0 || spans.output_tokens.value(shown) != 0;
            return if has_tokens { top } else { member };
        }
        if spans.input_tokens.value(row) == 0 {
            return member;
        }
        let counts = [&spans.input_tokens, &spans.output_tokens, &spans.cache_read_tokens, &spans.cache_write_tokens];
        let used = (spans.parent_id.value(row), spans.model.value(row), counts.map(|column| column.value(row)));
        let other = *beside.entry(used).or_insert(member);
        if other != member && spans.name.value(self.rows[other]) != spans.name.value(row) && self.is_within(row, self.rows[other]) {
            return self.call[other];
        }
        beside.insert(used, member);
        member
    }

    fn is_within(&self, row: usize, other: usize) -> bool {
        let ends = [row, other].map(|one| i128::from(self.spans.started.value(one)) + i128::from(self.spans.duration.value(one)));
        self.spans.started.value(other) <= self.spans.started.value(row) && ends[0] <= ends[1]
    }

    fn call_above(&self, member: usize) -> Option<usize> {
        let own = self.spans.types.value(self.rows[member]);
        let mut above = self.parent[member]?;
        for _ in 0..=self.limits.most_hops {
            let kind = self.spans.types.value(self.rows[above]);
            if kind == own {
                return Some(above);
            }
            if kind != "span" {
                return None;
            }
            above = self.parent[above]?;
        }
        None
    }

    pub fn step_above(&self, member: usize) -> &'a str {
        let top = self.call[member];
        match self.parent[top] {
            Some(above) => self.spans.span_id.value(self.rows[self.call[above]]),
            None => self.spans.parent_id.value(self.rows[top]),
        }
    }

    pub fn is_root(&self, member: usize) -> bool {
        let row = self.rows[member];
        self.parent[member].is_none()
            && (self.spans.parent_id.value(row).trim_matches('0').is_empty()
                || ["Server", "Consumer"].contains(&self.spans.kind.value(row)))
    }

    /// The thread of each member.
    pub fn threads(&self) -> Vec<&'a str> {
        let own = self.own_threads();
        let main = self.main_thread(&own);
        let mut named = own.iter().flatten();
        let one = named.next();
        if named.all(|other| Some(other) == one) {
            return vec![main; self.rows.len()];
        }
        let mut result: Vec<Option<&str>> = vec![None; self.rows.len()];
        let mut path = Vec::new();
        for member in 0..self.rows.len() {
            let mut here = Some(member);
            while let Some(one) = here.filter(|&one| result[one].is_none() && own[one].is_none()) {
                path.push(one);
                here = self.parent[one];
            }
            let found = here.map_or(main, |one| own[one].or(result[one]).unwrap_or(main));
            for one in path.drain(..) {
                result[one] = Some(found);
            }
            result[member] = Some(own[member].unwrap_or(found));
        }
        result.into_iter().map(|thread| thread.unwrap_or(main)).collect()
    }

    fn own_threads(&self) -> Vec<Option<&'a str>> {
        let spans = self.spans;
        let is_better = |&row: &usize| {
            ["directive", "llm_call", "script"].contains(&spans.types.value(row))
                || spans.thread_rank.value(row) < self.limits.mcp_session_rank
        };
        let worst = u16::from(self.limits.mcp_session_rank) + u16::from(!self.rows.iter().any(is_better));
        let own = |&row: &usize| {
            let key = spans.thread_key.value(row);
            (u16::from(spans.thread_rank.value(row)) < worst && !key.is_empty()).then_some(key)
        };
        self.rows.iter().map(own).collect()
    }

    fn main_thread(&self, own: &[Option<&'a str>]) -> &'a str {
        let best = |&member: &usize| (self.spans.thread_rank.value(self.rows[member]), self.spans.place(self.rows[member]));
        let spoken = (0..self.rows.len()).filter(|&member| own[member].is_some());
        spoken.min_by_key(best).and_then(|member| own[member]).unwrap_or_else(|| self.spans.trace_id.value(self.rows[0]))
    }
}

fn agree(one: &str, other: &str) -> bool {
    one == other || one.is_empty() || other.is_empty()
}
