//! The library preloaded into a stand-in of the daemon: published answers, and that nothing was called of the host's.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use naslane::algorithm::{CipherLane, Input, Key, MacLane, Nea, Nia, cipher, mac};
use naslane::base::Direction;
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");

/// Directory of the stand-in, and the library to preload.
fn built() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let cc = |args: &[&str]| {
            let status = Command::new("cc").current_dir(&here).args(args).status();
            assert!(status.unwrap().success(), "cc {args:?}");
        };
        let (library, daemon) = (tmp.join("libhost.so"), tmp.join("daemon"));
        let (library, daemon) = (library.to_str().unwrap(), daemon.to_str().unwrap());
        let strict = [
            "-std=c11",
            "-D_POSIX_C_SOURCE=200809L",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-O1",
        ];
        cc(&[
            &strict[..],
            &["-shared", "-fPIC", "library.c", "-o", library],
        ]
        .concat());
        let link = format!("-Wl,-rpath,{}", tmp.display());
        let out = [&["daemon.c", "-o", daemon, library], &[link.as_str()][..]].concat();
        cc(&[&strict[..], &out].concat());
        // Cargo builds no shared library for a test by itself.
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "-p", "naslane-open5gs"])
            .current_dir(ROOT);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
        let program = std::env::current_exe().unwrap();
        let profile = program.parent().and_then(Path::parent).unwrap();
        let preload = profile.join("libnaslane_open5gs.so");
        assert!(preload.exists(), "{}", preload.display());
        (tmp.to_owned(), preload)
    })
}

fn daemon(lines: &str, preload: bool) -> Output {
    let (directory, library) = built();
    let mut command = Command::new(directory.join("daemon"));
    if preload {
        command.env("LD_PRELOAD", library);
    }
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || {
        // A child that has ended reads no more.
        let _ = stdin.write_all(lines.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn answers(lines: &str) -> Vec<String> {
    let output = daemon(lines, true);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn vectors(name: &str) -> Value {
    let path = format!("{ROOT}/tests/vectors/{name}.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[test]
fn published_answers_of_the_algorithms() {
    let (mut lines, mut wanted) = (String::new(), Vec::new());
    for id in 1..=3 {
        for (verb, result) in [("nea", "ciphertext"), ("nia", "mac")] {
            let file = vectors(&format!("128-{verb}{id}"));
            for test in file["tests"].as_array().unwrap() {
                // Of ciphering whole octets are taken: the key stream is the same for fewer.
                let bits = test["length_bits"].as_u64().unwrap() as usize;
                let ciphers = verb == "nea";
                if !ciphers && !bits.is_multiple_of(8) {
                    continue;
                }
                let digits = bits / 8 * 2;
                let message = text(test, "message");
                let message = if ciphers { &message[..digits] } else { message };
                let number = |key: &str| test[key].as_u64().unwrap();
                lines += &format!(
                    "{verb} {id} {} {} {} {} {}\n",
                    text(test, "key"),
                    number("count"),
                    number("bearer"),
                    number("direction"),
                    message
                );
                let result = text(test, result);
                let result = if ciphers { &result[..digits] } else { result };
                wanted.push(result.to_owned());
            }
        }
    }
    assert!(wanted.len() >= 40, "{}", wanted.len());
    // Twice: the second time the keys come from the cache.
    assert_eq!(
        answers(&(lines.clone() + &lines)),
        [wanted.clone(), wanted].concat()
    );
}

#[test]
fn null_algorithms() {
    let key = "00".repeat(16);
    let lines = format!("nea 0 {key} 1 1 0 7e0043\nnia 0 {key} 1 1 0 7e0043\n");
    assert_eq!(answers(&lines), ["7e0043", "00000000"]);
}

#[test]
fn worked_examples_of_the_derivations() {
    let (mut lines, mut wanted) = (String::new(), Vec::new());
    let file = vectors("kdf_chain");
    for vector in file["vectors"].as_array().unwrap() {
        let none = Vec::new();
        let params = vector["params"].as_array().unwrap_or(&none);
        let param = |at: usize| text(&params[at], "value");
        let number = |at: usize| u32::from_str_radix(param(at), 16).unwrap();
        let key = vector["key"].as_str().unwrap_or_default();
        let line = match vector["fc"].as_str() {
            Some("69") if number(0) <= 2 => format!("nas {} {} {key}\n", number(0), number(1)),
            Some("6e") => format!("kgnb {key} {} {}\n", number(0), number(1)),
            Some("6f") => format!("nh {key} {}\n", param(0)),
            Some("6d") => {
                let digits = param(0).as_bytes().chunks(2);
                let digits: String = digits
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                    .map(char::from)
                    .collect();
                if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                    continue;
                }
                format!("kamf imsi-{digits} {} {key}\n", param(1))
            }
            None if text(vector, "clause").ends_with("A.5") => {
                let (rand, xres) = text(vector, "input").split_at(32);
                format!("hxres {rand} {xres}\n")
            }
            _ => continue,
        };
        lines += &line;
        wanted.push(text(vector, "result").to_owned());
    }
    assert!(lines.contains("hxres") && lines.contains("kamf"));
    assert!(wanted.len() >= 40, "{}", wanted.len());
    assert_eq!(answers(&lines), wanted);
}

#[test]
fn without_the_library_the_host_answers() {
    let key = "00".repeat(16);
    let output = daemon(&format!("nea 2 {key} 1 1 0 7e0043\n"), false);
    assert_eq!(output.stdout, b"host\n");
}

#[test]
fn what_must_not_be_sent_is_not_sent() {
    let key = "00".repeat(16);
    for (line, why) in [
        (
            format!("nea 4 {key} 1 1 0 7e0043\n"),
            "unknown ciphering algorithm",
        ),
        (
            format!("nia 9 {key} 1 1 0 7e0043\n"),
            "unknown integrity algorithm",
        ),
        (format!("nea 2 {key} 1 1 2 7e0043\n"), "direction"),
        (format!("nea 2 {key} 1 32 0 7e0043\n"), "bearer"),
        ("shape\n".to_owned(), "another packet buffer"),
    ] {
        let output = daemon(&line, true);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(why),
            "{line}{said}"
        );
        assert!(output.stdout.is_empty() && !said.contains(&key));
    }
}

/// Nanoseconds of a direct call with a prepared key, the least of ten rounds: ciphering, MAC.
fn direct(id: u8) -> [u128; 2] {
    let (nea, nia) = (Nea::from_id(id).unwrap(), Nia::from_id(id).unwrap());
    let (enc, int) = (Key::for_nea(nea, &[1; 16]), Key::for_nia(nia, &[1; 16]));
    let mut text = [0; 64];
    let input = |count| Input {
        count,
        bearer: 1,
        direction: Direction::Uplink,
    };
    let least = |work: &mut dyn FnMut(u32)| {
        let rounds = (0..10).map(|_| {
            let start = Instant::now();
            (0..2000).for_each(&mut *work);
            start.elapsed().as_nanos() / 2000
        });
        rounds.min().unwrap()
    };
    let ciphering = least(&mut |count| {
        let (key, input, data) = (&enc, input(count), &mut text[..]);
        cipher(
            nea,
            &mut [CipherLane {
                key: key.cipher(),
                input,
                data,
            }],
        );
    });
    let code = least(&mut |count| mac(nia, &mut [MacLane::new(&int, input(count), &text)]));
    [ciphering, code]
}

#[test]
fn the_cost_of_a_message() {
    // Printed, not judged: through the adapter, from C, keys in the cache.
    for (id, figures) in (1..).zip(answers("time 1 64\ntime 2 64\ntime 3 64\n")) {
        let [ciphering, code] = direct(id);
        println!(
            "128-NEA{id} and 128-NIA{id}, 64 octets, nanoseconds: {figures} through the adapter, {ciphering} {code} direct"
        );
    }
}
