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

/// The functions of the ABI, one a line. To add one is a compatible change; one that is gone or renamed needs a new ABI:
/// a new minor version before 1.0, a new major version from then on. The first line says whose record it is.
#[test]
fn the_abi_is_the_recorded_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("symbols.txt");
    let mut version = env!("CARGO_PKG_VERSION").split('.');
    let abi = match (version.next(), version.next()) {
        (Some("0"), Some(minor)) => format!("0.{minor}"),
        (Some(major), _) => major.to_owned(),
        _ => panic!("a version"),
    };
    let mut names: Vec<String> = exports().into_iter().map(|(name, _)| name).collect();
    names.sort();
    let head = format!("# ABI {abi}");
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let mut lines = recorded.lines();
    let same_abi = lines.next() == Some(head.as_str());
    let gone: Vec<&str> = lines
        .filter(|line| !line.starts_with('#') && !names.iter().any(|name| name == line))
        .collect();
    assert!(
        !same_abi || gone.is_empty(),
        "{gone:?} left ABI {abi}: callers that were linked against it would not start. Keep them, or raise the version"
    );
    let fresh = format!("{head}\n{}\n", names.join("\n"));
    if std::env::var_os("NASLANE_BLESS").is_some() {
        fs::write(&path, &fresh).expect("the record can be written");
    } else {
        assert!(
            fresh == recorded,
            "ffi/symbols.txt is stale; write it with NASLANE_BLESS=1 cargo test -p naslane-ffi --test exports"
        );
    }
}
