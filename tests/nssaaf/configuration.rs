//! Settings of the NSSAAF: what is taken, and what is said about the rest.

use naslane::nas::nssaa::SNssai;
use naslane::nssaaf::producer::config::{Config, s_nssai};

const LEAST: &str = "listen = \"127.0.0.1:0\"\n[[aaa]]\nname = \"a\"\nslices = [\"1\"]\n\
    servers = [{ address = \"127.0.0.1:1812\", secret = \"long enough\" }]\n";

#[test]
fn the_example_is_read() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nssaaf.toml"))
        .unwrap();
    // Its secrets lie in files that only the operator has.
    let text = text.replace("secret_file = \"/etc/naslane/", "secret = \"");
    Config::parse(&text).unwrap();
}

#[test]
fn the_least_is_enough_and_secrets_do_not_show() {
    let config = Config::parse(LEAST).unwrap();
    assert!(!format!("{config:?}").contains("long enough"));
}

#[test]
fn faults_are_named() {
    for (from, to, word) in [
        (
            "secret = \"long enough\"",
            "secret = \"short\"",
            "at least 8",
        ),
        (
            "secret = \"long enough\"",
            "secret_file = \"/nowhere/at/all\"",
            "/nowhere/at/all",
        ),
        (", secret = \"long enough\"", "", "secret"),
        ("slices = [\"1\"]", "slices = [\"1-12\"]", "no S-NSSAI"),
        ("slices = [\"1\"]", "slices = [\"1\", \"1\"]", "two [[aaa]]"),
        (
            "servers = [{ address = \"127.0.0.1:1812\", secret = \"long enough\" }]",
            "servers = []",
            "no servers",
        ),
        ("[[aaa]]", "admin = \"192.0.2.1:80\"\n[[aaa]]", "loopback"),
        (
            "[[aaa]]",
            "nas_identifier = \"\"\n[[aaa]]",
            "nas_identifier",
        ),
        ("name = \"a\"", "nam = \"a\"", "nam"),
    ] {
        let text = LEAST.replace(from, to);
        assert_ne!(text, LEAST);
        let why = Config::parse(&text).unwrap_err();
        assert!(why.contains(word), "{word}: {why}");
        assert!(!why.contains("long enough"), "{why}");
    }
}

#[test]
fn slices() {
    for (text, expected) in [
        ("1", Some(SNssai::sst(1))),
        ("255-00A0ff", Some(SNssai::new(255, 0xA0FF))),
        ("256", None),
        ("1-", None),
        ("1-00000", None),
        ("1-+00001", None),
        ("", None),
    ] {
        assert_eq!(s_nssai(text), expected, "{text}");
    }
}
