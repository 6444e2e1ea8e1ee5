//! Whether tool calls go round in circles, as `pipeline/summaries/loops.py` says.

use hashbrown::HashSet;

pub struct Call<'a> {
    pub tool: &'a str,
    pub arguments: &'a str,
    pub error: &'a str,
}

/// How many is a loop; given by Python, where they are explained.
#[derive(Clone, Copy)]
pub struct Limits {
    pub times: usize,
    pub longest_period: usize,
    pub spiral_from: usize,
}

/// How many calls the longest loop has; 0 without one.
pub fn longest_loop(calls: &[Call], limits: Limits) -> usize {
    let repeated = (1..=limits.longest_period).map(|period| repeats(calls, period, limits.times)).max();
    repeated.unwrap_or(0).max(spiral(calls, limits.spiral_from))
}

fn repeats(calls: &[Call], period: usize, times: usize) -> usize {
    let (mut longest, mut run) = (0, 0);
    for (now, before) in calls.iter().skip(period).zip(calls) {
        run = if (now.tool, now.arguments) == (before.tool, before.arguments) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    if longest + period >= times * period { longest + period } else { 0 }
}

fn spiral(calls: &[Call], from: usize) -> usize {
    let (mut longest, mut run) = (1, 1);
    for pair in calls.windows(2) {
        run = if pair[0].tool == pair[1].tool && leads_nowhere(&pair[0], &pair[1]) { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    if longest >= from { longest } else { 0 }
}

fn leads_nowhere(before: &Call, now: &Call) -> bool {
    if now.arguments == before.arguments {
        return false;
    }
    if !now.error.is_empty() || !before.error.is_empty() {
        return now.error == before.error;
    }
    !before.arguments.is_empty() && has_more_words(now.arguments, before.arguments)
}

/// Whether all words of `fewer` are in `more`, and others beside.
fn has_more_words(more: &str, fewer: &str) -> bool {
    let (more, fewer): (HashSet<&str>, HashSet<&str>) = (words(more).collect(), words(fewer).collect());
    more.len() > fewer.len() && fewer.is_subset(&more)
}

/// Split where Python splits: it takes four separators for space that Unicode does not.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)).filter(|word| !word.is_empty())
}
