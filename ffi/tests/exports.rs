//! Every exported function stands behind the wall of `guard`, in the header and in the tests of bad input.

use std::fs;
use std::path::Path;

/// Name and body of every exported function.
fn exports() -> Vec<(String, String)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for entry in fs::read_dir(sources).expect("the sources are there") {
        let source = fs::read_to_string(entry.expect("a file").path()).expect("a source is UTF-8");
        for item in source.split("#[unsafe(no_mangle)]").skip(1) {
            let (_, rest) = item.split_once(" fn ").expect("a function follows");
            let (name, _) = rest.split_once('(').expect("its arguments follow");
            let (_, body) = rest.split_once("{\n").expect("its body follows");
            let (body, _) = body.split_once("\n}\n").expect("its end follows");
            found.push((name.to_owned(), body.to_owned()));
        }
        let other = source.matches("extern \"C\" fn").count();
        assert_eq!(
            other,
            source.matches("#[unsafe(no_mangle)]").count(),
            "an extern function that is not exported"
        );
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

#[test]
fn r52_every_export_stands_behind_the_wall() {
    for (name, body) in exports() {
        // Statics may stand before it, nothing else: the wall is the last expression.
        let statements = body
            .lines()
            .filter(|line| line.starts_with("    ") && !line.starts_with("     "));
        let outside: Vec<_> = statements
            .filter(|line| {
                !line.starts_with("    static ")
                    && !line.starts_with("    guard::")
                    && *line != "    })"
            })
            .filter(|line| !line.starts_with("    })"))
            .collect();
        assert!(outside.is_empty(), "{name}: {outside:?}");
        assert!(
            body.contains("    guard::call(|| {") || body.contains("    guard::text(||"),
            "{name} has no guard"
        );
    }
}

#[test]
fn every_export_is_in_the_header_and_gets_bad_input() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = fs::read_to_string(top.join("../include/naslane.h")).expect("the header");
    let bad_input: String = [
        "tests/c/bad_level0.c",
        "tests/c/bad_input.c",
        "tests/c/bad_jobs.c",
        "tests/c/bad_queue.c",
        "tests/c/bad_nssaa.c",
        "tests/c/bad_survive.c",
    ]
    .map(|path| fs::read_to_string(top.join(path)).expect("the tests of bad input"))
    .concat();
    for (name, _) in exports() {
        let call = format!("{name}(");
        assert!(
            header.contains(&format!(" {call}")) || header.contains(&format!("*{call}")),
            "{name}"
        );
        assert!(bad_input.contains(&call), "{name} gets no bad input");
    }
}
