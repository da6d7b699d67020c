//! `include/naslane.h` is what the sources say. `NASLANE_BLESS=1 cargo test -p naslane-ffi --test header` writes it.

mod generate;

use std::fs;
use std::path::Path;

#[test]
fn the_committed_header_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/naslane.h");
    let fresh = generate::header();
    if std::env::var_os("NASLANE_BLESS").is_some() {
        fs::write(&path, &fresh).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let difference = fresh
        .lines()
        .zip(committed.lines())
        .find(|(fresh, committed)| fresh != committed);
    assert!(
        fresh == committed,
        "include/naslane.h is stale; write it with NASLANE_BLESS=1 cargo test -p naslane-ffi --test header\n\
         first difference (fresh, committed): {difference:?}"
    );
}

#[test]
fn the_header_has_no_rust_in_it() {
    let header = generate::header();
    for word in [
        "[`", "`]", "# Errors", "# Safety", "cbindgen", "unsafe", "usize", "Option", "crate::",
    ] {
        let line = header.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "{word}");
    }
    let long = header.lines().find(|line| line.len() > 120);
    assert_eq!(long, None);
}
