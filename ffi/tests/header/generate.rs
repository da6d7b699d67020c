//! The header: sections in the order of [`SECTIONS`], each one source file through cbindgen with the file's own
//! introduction above it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Braces, Builder, Config, DocumentationStyle, Language, Style};
use engine::base::error::ALL;

/// Source files, in the order of the header.
const SECTIONS: &[&str] = &["status", "algorithm", "derivation", "mobility"];

fn source(section: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(section)
        .with_extension("rs")
}

pub(crate) fn header() -> String {
    let mut header = block(include_str!("intro.txt"), "/*");
    header.push_str(OPENING);
    header.push_str(&version());
    for section in SECTIONS {
        header.push('\n');
        header.push_str(&block(
            &introduction(section),
            &format!("/* {} *", "=".repeat(70)),
        ));
        if *section == "status" {
            header.push_str(&statuses());
        }
        header.push_str(&declarations(section));
    }
    header.push_str(CLOSING);
    header
}

const OPENING: &str = "\
#ifndef NASLANE_H
#define NASLANE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif

";

const CLOSING: &str = "
#ifdef __cplusplus
} /* extern \"C\" */
#endif

#endif /* NASLANE_H */
";

/// A comment of several lines.
fn block(text: &str, opening: &str) -> String {
    let mut out = format!("{opening}\n");
    for line in text.lines() {
        out.push_str(format!(" * {line}").trim_end());
        out.push('\n');
    }
    out.push_str(" */\n\n");
    out
}

/// The `//!` lines of a source file, as plain text.
fn introduction(section: &str) -> String {
    let source = fs::read_to_string(source(section)).expect("every section is a file");
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = lines.map(|line| {
        line.strip_prefix(" ")
            .unwrap_or(line)
            .trim_start_matches("## ")
    });
    plain(&lines.collect::<Vec<_>>().join("\n"))
}

/// What cbindgen makes of one source file.
fn declarations(section: &str) -> String {
    let mut config = Config {
        language: Language::C,
        no_includes: true,
        ..Config::default()
    };
    config.style = Style::Both;
    config.braces = Braces::SameLine;
    config.documentation_style = DocumentationStyle::Doxy;
    config.usize_is_size_t = true;
    config.line_length = 100;
    config.tab_width = 4;
    let bindings = Builder::new()
        .with_config(config)
        .with_src(source(section))
        .generate();
    let mut text = Vec::new();
    bindings
        .expect("cbindgen reads the source")
        .write(&mut text);
    plain(&String::from_utf8(text).expect("cbindgen writes UTF-8"))
}

/// Links and code marks of Rust comments become plain words; names of functions get their parentheses.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, after)) = after.split_once("`]") else {
            break;
        };
        out.push_str(before);
        out.push_str(name);
        if name.starts_with("naslane_") {
            out.push_str("()");
        }
        rest = after;
    }
    out.push_str(rest);
    out.replace('`', "")
}

fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut out =
        format!("/* The version of this header. */\n#define NASLANE_VERSION \"{version}\"\n");
    for (name, number) in ["MAJOR", "MINOR", "PATCH"].iter().zip(version.split('.')) {
        let _ = writeln!(out, "#define NASLANE_VERSION_{name} {number}");
    }
    out
}

/// The enum of the engine's errors: names, numbers and texts have one home.
fn statuses() -> String {
    let mut out = String::from(
        "\n/** Numbers and what to do about them. */\ntypedef enum naslane_status {\n    /** done */\n    NASLANE_OK = 0,\n",
    );
    for error in ALL {
        let name = capitals(&format!("{error:?}"));
        let _ = writeln!(
            out,
            "    /** {} */\n    NASLANE_E_{name} = {},",
            error.text(),
            error.code()
        );
    }
    out.push_str("} naslane_status;\n\n");
    plain(&out)
}

/// `NgKsi` to `NG_KSI`.
fn capitals(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}
