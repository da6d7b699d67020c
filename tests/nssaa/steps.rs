//! `STEPS.md` and the tests agree: every test that the table names exists, every test of a step is in the table.

use std::collections::BTreeSet;

#[test]
fn the_table_names_the_tests_there_are() {
    let table = include_str!("STEPS.md");
    let sources = [
        include_str!("authentication.rs"),
        include_str!("notifications.rs"),
        include_str!("states.rs"),
        include_str!("refusals.rs"),
        include_str!("records.rs"),
        include_str!("protected.rs"),
        include_str!("random.rs"),
    ];
    let written: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.trim().strip_prefix("fn ")?.strip_suffix("() {"))
        .collect();
    let named: BTreeSet<&str> = table
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains('_') && !word.contains(['/', '.', ':']))
        .collect();
    let missing: Vec<_> = named.difference(&written).collect();
    assert!(missing.is_empty(), "in the table, but no test: {missing:?}");
    let step = |test: &&&str| test.starts_with("s429");
    let unlisted: Vec<_> = written
        .iter()
        .filter(step)
        .filter(|t| !named.contains(**t))
        .collect();
    assert!(
        unlisted.is_empty(),
        "a test, but not in the table: {unlisted:?}"
    );
}
