//! The program `naslane` as an operator sees it: exit codes, key lines, remedies.
#![cfg(feature = "cli")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn naslane(args: &[&str]) -> Run {
    with(args, &[])
}

fn with(args: &[&str], variables: &[(&str, &str)]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_naslane"))
        .args(args)
        .env_remove("NASLANE_BACKEND")
        .env_remove("NASLANE_CPU_DENY")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    Run {
        code: status.code().unwrap(),
        out: text(stdout),
        err: text(stderr),
    }
}

fn data(name: &str) -> String {
    format!("{ROOT}/tests/{name}")
}

/// An empty directory of this test.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli_{name}"));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn read(name: &str) -> String {
    std::fs::read_to_string(data(name)).unwrap()
}

/// The self-test over a directory with one vector file of this content.
fn one_file(name: &str, content: &str) -> Run {
    let directory = scratch(name);
    std::fs::write(directory.join("file.json"), content).unwrap();
    naslane(&["selftest", "--vectors", directory.to_str().unwrap()])
}

/// The vector files of `tests/vectors`, which other tests share with files of their own.
fn vectors(name: &str) -> PathBuf {
    let directory = scratch(name);
    for file in std::fs::read_dir(data("vectors")).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            std::fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
        }
    }
    directory
}

fn lines_with<'a>(run: &'a Run, word: &str) -> Vec<&'a str> {
    run.out.lines().filter(|line| line.contains(word)).collect()
}

#[test]
fn every_vector_file_passes_on_every_backend() {
    let directory = vectors("all");
    let run = naslane(&["selftest", "--vectors", directory.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("selftest passed"));
    assert!(!run.out.contains('\x1b'), "colour on a pipe");
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().collect();
    assert_eq!(files.len(), 25);
    let understood = format!("vectors: {0} of {0} files understood", files.len());
    assert!(run.out.contains(&understood), "{}", run.out);
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        let lines = lines_with(&run, &name);
        assert!(!lines.is_empty(), "{name}");
        for line in lines {
            let mut words = line.split_whitespace().rev();
            assert_eq!(words.next(), Some("0"), "{line}");
            assert!(words.next().unwrap().parse::<u32>().unwrap() > 0, "{line}");
        }
    }
    // Every row of every room: a new one is taken up by itself.
    for room in naslane::kernel::rooms() {
        for row in room.rows().filter(|row| row.available) {
            let both = format!("{} {}", room.name, row.name);
            let (file, label) = match room.name {
                "sha256_hmac" | "sha256_short" => ("kdf_chain.json", &both[..]),
                "sha256_pair" => ("k_nas_kdf.json", &both[..]),
                "aes128_expand" => ("aes_primitives.json", &both[..]),
                _ => ("random_128.json", row.name),
            };
            let lines = lines_with(&run, file).join("\n");
            assert!(lines.contains(label), "{file} not run on {both}\n{lines}");
        }
    }
    assert!(
        lines_with(&run, "random_128.json")
            .join("\n")
            .contains("in use")
    );
    assert_eq!(lines_with(&run, "through sessions").len(), 2);
}

#[test]
fn the_reference_rows_alone_pass_too() {
    let directory = vectors("reference");
    let args = ["selftest", "--vectors", directory.to_str().unwrap()];
    let run = with(&args, &[("NASLANE_BACKEND", "portable")]);
    assert_eq!(run.code, 0, "{}", run.out);
    let features: Vec<_> = naslane::base::cpu::FEATURES
        .iter()
        .map(|feature| feature.name)
        .collect();
    let run = with(&args, &[("NASLANE_CPU_DENY", &features.join(","))]);
    assert_eq!(run.code, 0, "{}", run.out);
    let hidden = lines_with(&run, "x86_");
    assert!(
        hidden
            .iter()
            .all(|line| line.contains("not on this processor")),
        "{}",
        run.out
    );
}

#[test]
fn a_wrong_digit_is_found_in_every_schema() {
    for (file, right, wrong) in [
        ("128-nea1.json", "ba0f31300334", "ba0f31300335"),
        ("128-nia3.json", "c8a9595e", "c8a9595f"),
        ("256-nca6.json", "e0a47185", "e0a47184"),
        ("aes_primitives.json", "bb1d6929", "bb1d6928"),
        (
            "k_nas_kdf.json",
            "b62e848a1cb008213774d710caf66554\"",
            "b62e848a1cb008213774d710caf66555\"",
        ),
        ("kc.json", "9020401123d6acc8", "9020401123d6acc9"),
        ("kdf_chain.json", "20de4eb2", "20de4eb3"),
        ("keystream_generators.json", "9c0db3aa", "9c0db3ab"),
        ("nas_messages.json", "7e0266d37bce", "7e0266d37bcf"),
        ("nas_pdus.json", "099e6548", "099e6549"),
        ("random_128.json", "ff6957ec", "ff6957ed"),
        ("random_256.json", "eca232335b4f8978", "eca232335b4f8979"),
        ("uia2_raw.json", "2bce1820", "2bce1821"),
    ] {
        let content = read(&format!("vectors/{file}"));
        assert!(content.contains(right), "{file}");
        let run = one_file(&format!("digit_{file}"), &content.replace(right, wrong));
        assert_eq!(run.code, 1, "{file}: {}", run.out);
        assert!(
            run.out.contains("selftest FAILED") && !run.out.contains("not understood"),
            "{file}"
        );
    }
}

#[test]
fn a_negative_test_that_verifies_is_a_failure() {
    let mut file: Value = serde_json::from_str(&read("vectors/nas_messages.json")).unwrap();
    let tests = file["tests"].as_array().unwrap();
    let good = tests
        .iter()
        .find(|test| test["nia"] == 2 && test["count"] == 257)
        .unwrap()
        .clone();
    let bad = &mut file["negative_tests"][0];
    for member in [
        "bearer",
        "direction",
        "nea",
        "nia",
        "k_nas_enc",
        "k_nas_int",
        "count",
        "protected",
    ] {
        bad[member] = good[member].clone();
    }
    bad["base_id"] = good["id"].clone();
    let run = one_file("verifies", &file.to_string());
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("the MAC verifies"), "{}", run.out);
}

#[test]
fn what_is_not_understood_is_a_failure() {
    let nia = read("vectors/128-nia2.json");
    for (name, content, reason) in [
        ("json", "not JSON at all".to_owned(), "not JSON"),
        ("schema", r#"{"new": []}"#.to_owned(), "no schema"),
        (
            "member",
            nia.replace("\"custom\"", "\"unknown_member\""),
            "unknown field",
        ),
        (
            "algorithm",
            nia.replace("128-NIA2", "128-NIA9"),
            "unknown algorithm",
        ),
        (
            "digits",
            nia.replace("118c6eb8", "118c6ex8"),
            "not hexadecimal",
        ),
        (
            "nothing",
            r#"{"algorithm": "256-NEA4", "source": "", "tests": []}"#.to_owned(),
            "no test",
        ),
        (
            "columns",
            read("vectors/random_128.json").replace("\"length_bits\"", "\"length\""),
            "unknown columns",
        ),
    ] {
        let run = one_file(&format!("strange_{name}"), &content);
        assert_eq!(run.code, 1, "{name}: {}", run.out);
        assert!(
            run.out.contains("not understood") && run.out.contains(reason),
            "{name}: {}",
            run.out
        );
    }
}

#[test]
fn errors_say_the_remedy() {
    let run = naslane(&["selftest", "--vectors", "/no/such/directory"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("give an existing directory"),
        "{}",
        run.err
    );
    let empty = scratch("empty");
    for option in ["--vectors", "--captures"] {
        let run = naslane(&["selftest", option, empty.to_str().unwrap()]);
        assert_eq!(run.code, 2);
        assert!(run.err.contains("give the directory"), "{}", run.err);
    }
}

#[test]
fn captures_go_through_sessions() {
    let run = naslane(&["selftest", "--captures", &data("captures")]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for line in [
        "captures: 6 of 6 files understood",
        "captures: 1083 NAS PDUs: 99 plain, 984 protected",
        "plain: 0 refused because secure exchange was established",
        "protected: 982 accepted, 2 with an all-zero MAC refused",
        "200 of them inside a ciphered message",
        "protected anew: 981 byte for byte, 1 not",
        "selftest passed",
    ] {
        assert!(run.out.contains(line), "{line}\n{}", run.out);
    }
    let idle = lines_with(&run, "idle-alg1.pcap").join("\n");
    assert!(
        idle.contains("in use, through sessions") && idle.contains("portable, through sessions"),
        "{idle}"
    );
}

/// A directory with the capture `simple-alg1`, one of its files changed.
fn changed(name: &str, part: &str, change: impl Fn(&mut Vec<u8>)) -> Run {
    let directory = scratch(&format!("capture_{name}"));
    for file in [
        "simple-alg1.pcap",
        "simple-alg1.keys.toml",
        "simple-alg1.expect.csv",
    ] {
        let mut content = std::fs::read(data(&format!("captures/{file}"))).unwrap();
        if file.ends_with(part) {
            change(&mut content);
        }
        std::fs::write(directory.join(file), content).unwrap();
    }
    naslane(&["selftest", "--captures", directory.to_str().unwrap()])
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(&mut Vec<u8>) {
    move |content| {
        let text = String::from_utf8(content.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        *content = text.replace(from, to).into_bytes();
    }
}

#[test]
fn a_changed_capture_is_noticed() {
    assert_eq!(changed("same", "pcap", |_| {}).code, 0);
    let lines = read("captures/simple-alg1.expect.csv");
    let complete = lines
        .lines()
        .find(|line| line.contains(",UL,") && line.contains(",4,0,0,"))
        .unwrap();
    let offset: usize = complete.split(',').nth(1).unwrap().parse().unwrap();
    for place in [offset + 1, offset + 2, offset + 6, offset + 20] {
        let run = changed("octet", "pcap", |content| content[place] ^= 4);
        assert_eq!(run.code, 1, "octet {place}: {}", run.out);
    }
    for (name, part, from, to) in [
        ("verdict", "csv", ",ok,", ",mac-does-not-verify,"),
        ("plain", "csv", "7e0043,", "7e0044,"),
        ("word", "csv", ",ok,", ",fine,"),
        ("column", "csv", "frame,offset", "frame,place"),
        ("key", "toml", "0c19123f", "0c19123e"),
        ("frames", "toml", "frames = 23", "frames = 24"),
        ("name", "toml", "simple-alg1.pcap\"", "other.pcap\""),
    ] {
        let run = changed(name, part, replaced(from, to));
        assert_eq!(run.code, 1, "{name}: {}{}", run.out, run.err);
    }
    let run = changed("pcapng", "pcap", |content| content[0] = 0x0A);
    assert!(
        run.code == 1 && run.out.contains("not a classic pcap file"),
        "{}",
        run.out
    );
    let run = changed("short", "pcap", |content| content.truncate(700));
    assert!(
        run.code == 1 && run.out.contains("cut short"),
        "{}",
        run.out
    );
}

#[test]
fn cpu_names_features_and_choices() {
    let run = naslane(&["cpu"]);
    assert_eq!(run.code, 0);
    for word in [
        "aes128_ctr",
        "snow3g",
        "sha256_hmac",
        "portable",
        "in use: best that passes",
    ] {
        assert!(run.out.contains(word), "{word}\n{}", run.out);
    }
    let run = naslane(&["cpu", "--json"]);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let primitives = json["primitives"].as_array().unwrap();
    assert!(primitives.len() >= 9);
    for primitive in primitives {
        let rows = primitive["backends"].as_array().unwrap();
        assert_eq!(
            rows.iter().filter(|row| row["chosen"] == true).count(),
            1,
            "{primitive}"
        );
    }
}

#[test]
fn hidden_features_and_excluded_backends_are_not_used() {
    let run = with(&["cpu", "--json"], &[("NASLANE_BACKEND", "portable")]);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let snow3g = json["primitives"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["primitive"] == "snow3g")
        .unwrap();
    let chosen = snow3g["backends"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["chosen"] == true)
        .unwrap();
    assert_eq!(chosen["backend"], "portable");

    let features = json["features"].as_array().unwrap();
    let Some(feature) = features.iter().find(|feature| feature["state"] == "found") else {
        return;
    };
    let name = feature["name"].as_str().unwrap();
    let run = with(&["cpu", "--json"], &[("NASLANE_CPU_DENY", name)]);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let state = json["features"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["name"] == name)
        .unwrap();
    assert_eq!(state["state"], "hidden");
    let primitives = json["primitives"].as_array().unwrap();
    let rows = primitives
        .iter()
        .flat_map(|p| p["backends"].as_array().unwrap());
    for row in rows.filter(|row| row["needs"].as_array().unwrap().contains(&name.into())) {
        let why = row["why"].as_str().unwrap();
        assert!(
            row["available"] == false && why.contains("NASLANE_CPU_DENY hides"),
            "{row}"
        );
    }
    let denied = format!("{name},avx-512");
    let run = with(
        &["cpu"],
        &[
            ("NASLANE_CPU_DENY", &denied),
            ("NASLANE_BACKEND", "x86_fast"),
        ],
    );
    for part in [
        "unset it to use them",
        "NASLANE_CPU_DENY names avx-512, which is no feature",
        "NASLANE_BACKEND names x86_fast, which is no backend",
        "in use: last resort",
    ] {
        assert!(run.out.contains(part), "{part}\n{}", run.out);
    }
}

#[test]
fn bench_prints_a_number_for_every_row() {
    let run = naslane(&[
        "bench", "--quick", "--json", "--rounds", "2", "--batch", "1,64",
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let (rows, sessions) = (json["rows"].as_array(), json["sessions"].as_array());
    let (rows, sessions) = (rows.unwrap(), sessions.unwrap());
    // Protect and verify; SNOW 3G, AES with both kinds of keys, ZUC; 16, 64, mix; two batches; and two derivations.
    assert_eq!(rows.len(), 2 * 4 * 3 * 2 + 2);
    assert_eq!(sessions.len(), 2 * 3);
    for row in rows.iter().chain(sessions) {
        let (min, median) = (row["ours_ns"].as_f64(), row["ours_median_ns"].as_f64());
        assert!(min > Some(0.0) && min <= median, "{row}");
    }
    let derive = rows.iter().find(|row| row["work"] == "derive").unwrap();
    assert_eq!(derive["algorithm"], "k-nas-pair");
    assert_eq!(derive["bytes"], 0);
    let mix = rows.iter().find(|row| row["bytes"] == "mix").unwrap();
    assert_eq!(mix["keys"], "cached");
    assert!(json["cpu"].is_string());
}

#[test]
fn bench_takes_only_the_rows_asked_for() {
    let arguments = [
        "bench", "--rounds", "1", "--work", "derive", "--batch", "4,16",
    ];
    let run = naslane(&arguments);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.out.matches("k-nas-pair").count(), 2, "{}", run.out);
    let run = naslane(&["bench", "--work", "derive", "--algorithm", "nea1"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("ask for fewer restrictions"),
        "{}",
        run.err
    );
    let run = naslane(&["bench", "--batch", "3"]);
    assert!(
        run.err.contains("a power of two from 1 to 256"),
        "{}",
        run.err
    );
}

#[cfg(not(feature = "peers"))]
#[test]
fn bench_says_how_the_peers_are_built_in() {
    let run = naslane(&["bench", "--peers"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("cargo build --release --features peers"),
        "{}",
        run.err
    );
}

#[test]
fn the_version_is_that_of_the_library() {
    let run = naslane(&["--version"]);
    assert_eq!(run.out.trim(), format!("naslane {}", naslane::VERSION));
}
