//! Real captures: every line of their expectations.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run::naslane;

fn directories() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = root.join("../shared/captures");
    let mut out = vec![root.join("tests/captures")];
    out.extend(beside.is_dir().then_some(beside));
    // Further captures of the same form.
    out.extend(std::env::var_os("NASLANE_CAPTURES").map(PathBuf::from));
    out
}

/// The captures of a directory.
pub(crate) fn captures() -> Vec<PathBuf> {
    let mut out = Vec::new();
    for directory in directories() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "pcap") {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn agrees_with_every_line() {
    let all = captures();
    assert!(all.len() >= 6);
    let mut lines = 0;
    for path in all {
        let keys = path.with_extension("keys.toml");
        let args = [path.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
        let run = naslane(&[&args[..], &["--json", "--show", "plain"]].concat());
        assert!(run.code <= 1, "{}: {}", path.display(), run.err);
        let told: Value = serde_json::from_str(&run.out).unwrap();
        // A frame of these captures holds one NGAP PDU; its NAS PDUs are of one direction and in order.
        let mut rows: HashMap<u64, Vec<&Value>> = HashMap::new();
        for ue in told["ues"].as_array().unwrap() {
            for row in ue["rows"].as_array().unwrap() {
                rows.entry(row["frame"].as_u64().unwrap())
                    .or_default()
                    .push(row);
            }
        }
        let mut seen = 0;
        let expected = std::fs::read_to_string(path.with_extension("expect.csv")).unwrap();
        for line in expected.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let frame: u64 = cells[0].parse().unwrap();
            let row = rows.get_mut(&frame).unwrap().remove(0);
            let got = [
                "direction",
                "header_type",
                "keys",
                "count",
                "nia",
                "nea",
                "verdict",
            ];
            let got = got.map(|key| field(&row[key]));
            let wanted = [
                cells[3], cells[7], cells[8], cells[9], cells[10], cells[11], cells[12],
            ];
            assert_eq!(got, wanted, "{} frame {frame}", path.display());
            assert_eq!(
                field(&row["plain"]),
                cells[13],
                "{} frame {frame}",
                path.display()
            );
            assert_eq!(
                field(&row["container"]),
                cells[14],
                "{} frame {frame}",
                path.display()
            );
            seen += 1;
        }
        assert_eq!(told["summary"]["messages"], seen);
        lines += seen;
    }
    assert!(lines > 1000, "{lines}");
}

#[test]
fn a_capture_without_keys_or_with_other_keys_says_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let capture = root.join("guti-alg2.pcap");
    let other = root.join("simple-alg3.keys.toml");
    let none = naslane(&[capture.to_str().unwrap()]);
    assert_eq!(none.code, 1, "{}", none.err);
    assert!(
        none.out.contains("63 protected: 0 verified, 63 not"),
        "{}",
        none.out
    );
    let args = [capture.to_str().unwrap(), "--keys", other.to_str().unwrap()];
    let wrong = naslane(&[&args[..], &["--json", "--show", "plain"]].concat());
    assert_eq!(wrong.code, 1);
    let told: Value = serde_json::from_str(&wrong.out).unwrap();
    assert_eq!(told["summary"]["verified"], 0);
    let mut codes = Vec::new();
    for ue in told["ues"].as_array().unwrap() {
        for row in ue["rows"].as_array().unwrap() {
            // Nothing ciphered is shown as if it were a message.
            if matches!(row["header_type"].as_u64(), Some(2 | 4)) {
                assert_eq!(
                    (&row["plain"], &row["message"]),
                    (&Value::Null, &Value::Null),
                    "{row}"
                );
            }
        }
        let first = &ue["first_failure"]["code"];
        codes.extend(first.as_str().map(str::to_owned));
    }
    assert!(
        !codes.is_empty() && codes.iter().all(|code| code == "KEYS_DO_NOT_FIT"),
        "{codes:?}"
    );
}
