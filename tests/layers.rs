//! The house rules that a compiler does not know: arrows between the floors only point down, `unsafe` stays in
//! its rooms, no file is orphaned or too long, and the quiet rooms have no clock, socket or log.
//!
//! A new room is one row of [`FLOORS`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Rooms by floor. Rooms of one floor stand side by side and have no doors between them.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["kernel"],
    &["algorithm", "kdf", "nas", "store"],
    &["security"],
    &["procedure"],
    &["session"],
    &["engine"],
    &["trace"],
    &["nssaaf"],
    &["sidecar"],
    &["door"],
];

/// Where `unsafe` may stand: path prefixes.
const UNSAFE: &[&str] = &[
    "src/base/cpu",
    "src/base/secret",
    "src/base/sync",
    "src/kernel/",
    "src/engine/ring",
    "src/session/journal/memory",
    "src/sidecar/region",
    "src/sidecar/events/io_uring",
    "ffi/",
    "peers/",
];

/// Words with `::` or `!` behind them that the named places (path prefixes) may not say, and why.
const FORBIDDEN: &[(&[&str], &[&str], &str)] = &[
    (
        &["src/", "ffi/src/", "peers/src/"],
        &["include"],
        "every file is reached by a plain `mod` line",
    ),
    (
        &[
            "src/base/",
            "src/kernel/",
            "src/algorithm/",
            "src/kdf/",
            "src/nas/",
            "src/security/",
            "src/procedure/",
            "src/trace/",
        ],
        &[
            "time", "net", "thread", "fs", "process", "tracing", "log", "println", "eprintln",
        ],
        "this room has no clock, socket, file, thread or log",
    ),
];

const MOST_LINES: usize = 500;

struct Source {
    path: PathBuf,
    name: String, // path from the top of the repository, with `/`
    lines: usize,
    tokens: Vec<(usize, String)>, // line and token; comments left out, every literal is `0`
}

impl Source {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).expect("a source file is UTF-8");
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let name = path.strip_prefix(top).expect("below the top");
        let name = name.to_string_lossy().replace('\\', "/");
        let stream = TokenStream::from_str(&text).expect("a source file is Rust");
        let (lines, mut tokens) = (text.lines().count(), Vec::new());
        flatten(stream, &mut tokens);
        Self {
            path,
            name,
            lines,
            tokens,
        }
    }

    /// The room of a library file: `kernel` for `src/kernel/aes128/mod.rs`; none for lib.rs, the program and ffi.
    fn room(&self) -> Option<&str> {
        let (room, _) = self.name.strip_prefix("src/")?.split_once('/')?;
        (room != "bin").then_some(room)
    }

    /// Directory in which this file's `mod` lines look for files.
    fn children(&self) -> PathBuf {
        let stem = self
            .path
            .file_stem()
            .expect("a file has a stem")
            .to_string_lossy();
        match stem.as_ref() {
            "mod" | "lib" | "main" => self.path.with_file_name(""),
            _ => self.path.with_extension(""),
        }
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |(_, token)| token.as_str())
    }

    fn fault(&self, at: usize, what: &str) -> String {
        let line = self.tokens.get(at).map_or(self.lines, |(line, _)| *line);
        format!("{}:{line}: {what}", self.name)
    }

    /// Position of every token with the names of the modules around it: the file's own and the inline ones.
    fn modules(&self) -> Vec<Vec<String>> {
        let inside = self.children();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let own = inside.strip_prefix(root).unwrap_or(Path::new(""));
        let mut path: Vec<String> = own
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let (mut depth, mut inline, mut out) = (0, Vec::new(), Vec::new());
        for at in 0..self.tokens.len() {
            match self.token(at) {
                "{" => {
                    depth += 1;
                    if at >= 2 && self.token(at - 2) == "mod" {
                        inline.push(depth);
                        path.push(self.token(at - 1).to_owned());
                    }
                }
                "}" => {
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        path.pop();
                    }
                    depth -= 1;
                }
                _ => {}
            }
            out.push(path.clone());
        }
        out
    }

    /// First names of the path or of the `{..}` group that begins at token `at`.
    fn heads(&self, at: usize) -> Vec<(usize, &str)> {
        if self.token(at) != "{" {
            return vec![(at, self.token(at))];
        }
        let (mut depth, mut heads) = (0, Vec::new());
        for at in at..self.tokens.len() {
            match self.token(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                word if depth == 1 && matches!(self.token(at - 1), "{" | ",") => {
                    heads.push((at, word));
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        heads
    }
}

/// Flat list of the tokens below `stream`: groups with their brackets, `::` as one token.
fn flatten(stream: TokenStream, out: &mut Vec<(usize, String)>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                out.push((line, open.to_owned()));
                flatten(group.stream(), out);
                out.push((group.span_close().start().line, close.to_owned()));
            }
            TokenTree::Literal(_) => out.push((line, "0".to_owned())),
            other => {
                let token = other.to_string();
                match out.last_mut() {
                    Some((_, last)) if last == ":" && token == ":" => last.push(':'),
                    _ => out.push((line, token)),
                }
            }
        }
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(end) if end == "rs" => out.push(Source::read(path)),
                _ => {}
            }
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

fn everything() -> Vec<Source> {
    let mut all = sources("src");
    all.extend(sources("ffi/src"));
    all.extend(sources("peers/src"));
    all
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// What stands wrong with an arrow from `room` to `target`, if anything.
fn arrow(room: &str, target: &str) -> Option<String> {
    let (Some(from), Some(to)) = (floor(room), floor(target)) else {
        let unknown = if floor(room).is_none() { room } else { target };
        return Some(format!(
            "`{unknown}` is no room of FLOORS: rooms name rooms, not what lib.rs re-exports"
        ));
    };
    let way = match to.cmp(&from) {
        std::cmp::Ordering::Less => return None,
        std::cmp::Ordering::Equal if room == target => return None,
        std::cmp::Ordering::Equal => "sideways",
        std::cmp::Ordering::Greater => "upward",
    };
    Some(format!(
        "{way} arrow: {room} (floor {from}) uses {target} (floor {to}); arrows only point down"
    ))
}

#[test]
fn arrows_only_point_down() {
    let mut faults = Vec::new();
    for source in sources("src") {
        let Some(room) = source.room() else { continue };
        let modules = source.modules();
        let mut at = 0;
        while at < source.tokens.len() {
            let mut ups = usize::MAX; // levels that `super::` climbs; `crate::` climbs all
            let mut next = at + 1;
            if source.token(at) == "crate" && source.token(next) == "::" {
                next += 1;
            } else if source.token(at) == "super" && source.token(next) == "::" {
                ups = 0;
                next = at;
                while source.token(next) == "super" && source.token(next + 1) == "::" {
                    (ups, next) = (ups + 1, next + 2);
                }
            } else {
                at = next;
                continue;
            }
            if ups >= modules[at].len() {
                for (at, target) in source.heads(next) {
                    faults.extend(arrow(room, target).map(|what| source.fault(at, &what)));
                }
            }
            at = next;
        }
    }
    none(&faults);
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let mut faults = Vec::new();
    for source in everything() {
        if UNSAFE.iter().any(|place| source.name.starts_with(place)) {
            continue;
        }
        let places = (0..source.tokens.len()).filter(|at| source.token(*at) == "unsafe");
        let rule = format!("`unsafe` may stand only in {}", UNSAFE.join(", "));
        faults.extend(places.map(|at| source.fault(at, &rule)));
    }
    none(&faults);
}

#[test]
fn no_file_is_too_long() {
    let long = |source: &Source| source.lines > MOST_LINES;
    let rule = format!("a source file has at most {MOST_LINES} lines; split it");
    let faults = everything().into_iter().filter(long);
    none(
        &faults
            .map(|s| s.fault(usize::MAX, &rule))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_file_is_reached_by_a_mod_line() {
    let all = everything();
    let mut reached = BTreeSet::new();
    let is_root = |source: &&Source| {
        let folders = source.name.matches('/').count();
        source.name.ends_with("src/lib.rs")
            || (source.name.starts_with("src/bin/")
                && (folders == 2 || source.name.ends_with("/main.rs") && folders == 3))
    };
    let mut next: Vec<&Source> = all.iter().filter(is_root).collect();
    while let Some(source) = next.pop() {
        if !reached.insert(source.name.as_str()) {
            continue;
        }
        for at in 0..source.tokens.len() {
            if source.token(at) == "mod" && source.token(at + 2) == ";" {
                let child = source.children().join(source.token(at + 1));
                let (file, folder) = (child.with_extension("rs"), child.join("mod.rs"));
                next.extend(all.iter().filter(|s| s.path == file || s.path == folder));
            }
        }
    }
    let orphan = |s: &&Source| !reached.contains(s.name.as_str());
    let rule = "no `mod` line reaches this file";
    let faults = all.iter().filter(orphan).map(|s| s.fault(0, rule));
    none(&faults.collect::<Vec<_>>());
}

#[test]
fn quiet_rooms_are_quiet() {
    let mut faults = Vec::new();
    for source in everything() {
        for (places, words, why) in FORBIDDEN {
            if !places.iter().any(|place| source.name.starts_with(place)) {
                continue;
            }
            for at in 0..source.tokens.len() {
                let (word, next) = (source.token(at), source.token(at + 1));
                let path = next == "::"
                    || (at > 1 && source.token(at - 2) == "std" && source.token(at - 1) == "::");
                if words.contains(&word) && (path || next == "!") {
                    faults.push(source.fault(at, &format!("`{word}` is forbidden here: {why}")));
                }
            }
        }
        for at in 0..source.tokens.len() {
            if (0..3).all(|n| source.token(at + n) == ["#", "[", "path"][n]) {
                faults.push(source.fault(
                    at,
                    "`#[path]` is forbidden: a module lies where its name says",
                ));
            }
        }
    }
    none(&faults);
}
