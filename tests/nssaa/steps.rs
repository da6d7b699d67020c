//! `STEPS.md` and the tests agree: every step has a row, every row names tests that exist in the files that it names,
//! every test of a step is in the table.

use std::collections::{BTreeMap, BTreeSet};

const FILES: &[(&str, &str)] = &[
    ("authentication", include_str!("authentication.rs")),
    ("notifications", include_str!("notifications.rs")),
    ("states", include_str!("states.rs")),
    ("refusals", include_str!("refusals.rs")),
    ("records", include_str!("records.rs")),
    ("protected", include_str!("protected.rs")),
    ("random", include_str!("random.rs")),
    ("nssaaf/consumer", include_str!("../nssaaf/consumer.rs")),
    ("nssaaf/dynamic", include_str!("../nssaaf/dynamic.rs")),
    ("nssaaf/packets", include_str!("../nssaaf/packets.rs")),
    ("nssaaf/producer", include_str!("../nssaaf/producer.rs")),
    ("nssaaf/questions", include_str!("../nssaaf/questions.rs")),
    ("nssaa_e2e/flows", include_str!("../nssaa_e2e/flows.rs")),
    (
        "nssaa_e2e/procedure",
        include_str!("../nssaa_e2e/procedure.rs"),
    ),
    ("nssaa_e2e/storm", include_str!("../nssaa_e2e/storm.rs")),
];

/// Clauses and their last steps.
const CLAUSES: [(&str, u32); 4] = [
    ("4.2.9.1", 0),
    ("4.2.9.2", 19),
    ("4.2.9.3", 5),
    ("4.2.9.4", 5),
];

/// Names of functions that are marked as tests.
fn tests(source: &str) -> BTreeSet<&str> {
    let mut marked = false;
    let mut found = BTreeSet::new();
    for line in source.lines().map(str::trim) {
        match line
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_suffix("() {"))
        {
            Some(name) if marked => _ = found.insert(name),
            _ => {}
        }
        marked = line == "#[test]" || marked && (line.starts_with("#[") || line.starts_with("//"));
    }
    found
}

struct Row<'a> {
    clause: &'a str,
    steps: &'a str,
    named: Vec<&'a str>,
    files: Vec<&'a str>,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let mut clause = "";
    let mut rows = Vec::new();
    for line in table.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            clause = title.split(' ').next().unwrap_or_default();
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [.., named, files] = cells[..] else {
            continue;
        };
        if matches!(cells[0], "step" | "statement") || cells[0].starts_with("--") {
            continue;
        }
        rows.push(Row {
            clause,
            steps: if cells.len() == 4 { cells[0] } else { "" },
            named: named.split('`').skip(1).step_by(2).collect(),
            files: files.split(", ").collect(),
        });
    }
    rows
}

/// `1`, `3a, 3b`, `7 to 14`.
fn numbers(steps: &str) -> BTreeSet<u32> {
    let number = |text: &str| {
        let digits = text
            .trim()
            .trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        digits
            .parse::<u32>()
            .unwrap_or_else(|_| panic!("{text:?} is no step"))
    };
    let parts = steps.split(',').filter(|part| !part.is_empty());
    parts
        .flat_map(|part| match part.split_once(" to ") {
            Some((first, last)) => number(first)..=number(last),
            None => number(part)..=number(part),
        })
        .collect()
}

#[test]
fn the_table_names_the_tests_there_are() {
    let rows = rows(include_str!("STEPS.md"));
    let written: BTreeMap<&str, BTreeSet<&str>> = FILES
        .iter()
        .map(|(name, source)| (*name, tests(source)))
        .collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let Row { clause, steps, .. } = row;
        if row.named.is_empty() {
            wrong.push(format!("{clause} {steps}: a row without a test"));
        }
        for test in &row.named {
            let there = |file: &&str| written.get(*file).is_some_and(|tests| tests.contains(test));
            if !row.files.iter().any(there) {
                wrong.push(format!(
                    "{clause} {steps}: no test {test} in {:?}",
                    row.files
                ));
            }
        }
    }
    for (clause, last) in CLAUSES {
        let of_clause = || rows.iter().filter(|row| row.clause == clause);
        assert!(of_clause().count() > 2, "{clause} has no table");
        let shown: BTreeSet<u32> = of_clause().flat_map(|row| numbers(row.steps)).collect();
        let missing: Vec<u32> = (1..=last).filter(|step| !shown.contains(step)).collect();
        if !missing.is_empty() {
            wrong.push(format!("{clause} has no row for {missing:?}"));
        }
    }
    let named: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.named.iter().copied())
        .collect();
    let all = written.values().flatten();
    let unlisted = all.filter(|test| test.starts_with("s429") && !named.contains(**test));
    wrong.extend(unlisted.map(|test| format!("{test} is not in the table")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The book's table names tests that exist too.
#[test]
fn the_book_names_the_tests_there_are() {
    let book = include_str!("../../docs/src/nssaa.md");
    let steps = book.split("## Steps that").nth(1).unwrap();
    let steps = steps.split("\n## ").next().unwrap();
    let written: BTreeSet<&str> = FILES.iter().flat_map(|(_, source)| tests(source)).collect();
    let rows = steps.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = rows
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 20);
    let missing: Vec<_> = named.difference(&written).collect();
    assert!(missing.is_empty(), "in the book, but no test: {missing:?}");
}
