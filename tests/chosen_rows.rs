//! Which rows this process uses. `NASLANE_EXPECT_ROWS=aarch64` demands of the run that every row of that
//! architecture is there and that each room with such rows uses its best one; `NASLANE_EXPECT_ROWS=portable` that no
//! row of an architecture is there. A run in an emulator, or with features denied, so cannot pass on rows it was not
//! meant for.

use naslane::kernel::rooms;

const ARCHITECTURES: [&str; 2] = ["aarch64_", "x86_"];

#[test]
fn the_rows_that_the_run_expects() {
    let expected = std::env::var("NASLANE_EXPECT_ROWS").unwrap_or_default();
    let mut met = 0;
    for room in rooms() {
        let rows: Vec<_> = room.rows().collect();
        let chosen = rows.iter().find(|row| row.chosen).unwrap();
        println!("{}: {} in {} lanes", room.name, chosen.name, chosen.lanes);
        if expected == "portable" {
            for row in &rows {
                let special = ARCHITECTURES.iter().any(|word| row.name.starts_with(word));
                assert_eq!(row.available, !special, "{} {}", room.name, row.name);
            }
            met += 1;
        } else if !expected.is_empty() {
            let prefix = format!("{expected}_");
            let mut special = rows.iter().filter(|row| row.name.starts_with(&prefix));
            assert!(special.clone().all(|row| row.known_answer == Some(true)));
            if let Some(best) = special.next() {
                assert_eq!(chosen.name, best.name, "{}", room.name);
                met += 1;
            }
        }
    }
    assert!(expected.is_empty() || met > 0, "no room has such rows");
}
