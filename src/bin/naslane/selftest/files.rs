//! The files of a vector directory: each is recognised by what is in it, not by its name.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::tally::{Report, Tally};
use super::{constants, derivation, family256, messages, pdus, primitives, random, sets};

type Reader = fn(Value) -> Result<Vec<Tally>, String>;

/// Members that only files of one schema have, and who reads them.
const SCHEMAS: [(&[&str], Reader); 9] = [
    (&["algorithm", "tests"], by_algorithm),
    (&["algorithms", "columns"], random::read),
    (&["aes_cmac_128", "aes_ctr_128"], primitives::aes),
    (&["keystreams"], primitives::generators),
    (&["columns", "tests"], derivation::k_nas),
    (&["kdf", "vectors"], derivation::chain),
    (&["tests", "negative_tests"], messages::read),
    (&["kamf", "vectors"], pdus::read),
    (&["ZUC_S0_fused"], constants::read),
];

fn by_algorithm(json: Value) -> Result<Vec<Tally>, String> {
    let name = json["algorithm"].as_str().unwrap_or_default().to_owned();
    if name == "UIA2-f9-raw" {
        primitives::uia2(json)
    } else if name.starts_with("256-") {
        family256::published(json)
    } else {
        sets::published(json)
    }
}

/// The file as `T`. Every reader denies members that it does not know.
pub(super) fn typed<T: DeserializeOwned>(json: Value) -> Result<T, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

/// Every file of a directory, in order of name; hidden files and directories are passed over.
pub(super) fn list(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let explain = |error| {
        format!(
            "cannot read {}: {error}; give an existing directory",
            directory.display()
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Runs one file.
pub(super) fn run(path: &Path) -> Report {
    Report {
        file: name(path),
        result: read(path),
    }
}

pub(super) fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn read(path: &Path) -> Result<Vec<Tally>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let json: Value = serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))?;
    let reader = SCHEMAS
        .iter()
        .find(|(members, _)| members.iter().all(|member| json.get(member).is_some()))
        .map(|(_, reader)| reader)
        .ok_or("no schema of this program; move the file away or update naslane")?;
    let tallies = reader(json)?;
    if tallies.iter().any(|tally| tally.passed + tally.failed > 0) {
        Ok(tallies)
    } else {
        Err("no test in the file".to_owned())
    }
}
