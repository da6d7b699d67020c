//! The header: sections in the order of [`SECTIONS`], each one source file through cbindgen with the file's own
//! introduction above it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Braces, Builder, Config, DocumentationStyle, Language, Style};
use engine::base::error::ALL;
use engine::security::Diagnosis;

/// Source files, in the order of the header.
const SECTIONS: &[&str] = &[
    "status",
    "algorithm",
    "derivation",
    "mobility",
    "engine",
    "session",
    "message",
    "smc",
    "keys",
    "handover",
    "record",
    "ue",
    "nssaa",
    "nssaa_run",
    "nssaa_host",
    "nssaa_ue",
    "batch",
    "door",
    "queue",
    "survive",
    "set",
];

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
        if *section == "message" {
            header.push_str(&diagnoses());
        }
        header.push_str(&declarations(section));
        if *section == "batch" {
            header.push_str(LAYOUT);
        }
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

/// What the library assumes of the two structures that travel as octets.
const LAYOUT: &str = "
#if defined(__cplusplus)
static_assert(sizeof(naslane_job) == 64, \"naslane_job has 64 octets\");
static_assert(sizeof(naslane_smc_job) == 128, \"naslane_smc_job has 128 octets\");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(naslane_job) == 64, \"naslane_job has 64 octets\");
_Static_assert(sizeof(naslane_smc_job) == 128, \"naslane_smc_job has 128 octets\");
#endif
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
    let text = plain(&String::from_utf8(text).expect("cbindgen writes UTF-8"));
    one_line_comments(
        &text
            .replace("typedef struct ", "typedef\0")
            .replace("struct ", "")
            .replace('\0', " struct "),
    )
}

/// Comments of one line on one line.
fn one_line_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let words = lines
            .get(at + 1)
            .and_then(|next| next.trim_start().strip_prefix("* "));
        let closes = lines.get(at + 2).is_some_and(|last| last.trim() == "*/");
        match words {
            Some(words) if line.trim() == "/**" && closes && line.len() + words.len() < 117 => {
                let _ = writeln!(out, "{line} {words} */");
                at += 3;
            }
            _ => {
                let _ = writeln!(out, "{line}");
                at += 1;
            }
        }
    }
    out
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

/// The enum of diagnoses, with the words that stand beside them in the engine.
fn diagnoses() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/security/diagnosis.rs");
    let source = fs::read_to_string(path).expect("the engine's diagnoses are a file");
    let mut out = String::from("/** Why something failed. */\ntypedef enum naslane_diagnosis {\n");
    for diagnosis in Diagnosis::ALL {
        let row = format!("    {diagnosis:?} = {},", diagnosis as u8);
        let before = source.split(&row).next().unwrap_or_default();
        let words = before
            .lines()
            .rev()
            .find_map(|line| line.trim().strip_prefix("/// "));
        let words = words.expect("every diagnosis has its words");
        let _ = writeln!(out, "    /** {words} */");
        let _ = writeln!(
            out,
            "    NASLANE_DIAGNOSIS_{} = {},",
            diagnosis.name(),
            diagnosis as u8
        );
    }
    out.push_str("} naslane_diagnosis;\n\n");
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
