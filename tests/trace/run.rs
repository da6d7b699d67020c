//! Runs the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::world::World;

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn naslane(args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_naslane"))
        .arg("trace")
        .args(args)
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A directory of this test.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace_{name}"));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// What the trace says of a capture, its stories in JSON.
pub(crate) fn told(name: &str, world: &World, keys: &str) -> Value {
    let directory = scratch(name);
    let (capture, toml) = (directory.join("made.pcap"), directory.join("keys.toml"));
    world.wire.save(&capture);
    std::fs::write(&toml, keys).unwrap();
    let (capture, toml) = (capture.to_str().unwrap(), toml.to_str().unwrap());
    let run = naslane(&[capture, "--keys", toml, "--json", "--show", "plain"]);
    assert!(run.code <= 1, "{name}: {}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// Every finding: frame, code, text.
pub(crate) fn findings(told: &Value) -> Vec<(u64, String, String)> {
    let mut out = Vec::new();
    for ue in told["ues"].as_array().unwrap() {
        for finding in ue["findings"].as_array().unwrap() {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            out.push((
                finding["frame"].as_u64().unwrap(),
                text("code"),
                text("text"),
            ));
        }
    }
    out.sort();
    out
}
