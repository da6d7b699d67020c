//! What is written: page, pcapng, and what must not stand in any of it.

use std::path::Path;
use std::process::Command;

use super::captures::captures;
use super::run::{naslane, scratch};
use super::world::{Context, REGISTRATION_COMPLETE, SUPI, World, key, keys};

/// Files of a story that has something of everything.
fn written(show: &str) -> [String; 4] {
    let directory = scratch(&format!("pages_{}", show.replace(',', "_")));
    let capture = directory.join("a<b>&.pcap");
    let (toml, page, pcapng) = (
        directory.join("keys.toml"),
        directory.join("page.html"),
        directory.join("out.pcapng"),
    );
    let mut world = World::new();
    world.register();
    let pdu = Context::of(key(9)).up(REGISTRATION_COMPLETE);
    world.uplink(&pdu);
    world.wire.save(&capture);
    std::fs::write(&toml, keys(&[1])).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let files = [path(&capture), path(&toml), path(&page), path(&pcapng)];
    let mut args = vec![files[0].as_str(), "--keys", &files[1], "--html", &files[2]];
    args.extend(["--decrypted", &files[3], "--show", show]);
    let run = naslane(&args);
    assert_eq!(run.code, 1, "{}", run.err);
    [
        run.out,
        files[2].clone(),
        files[3].clone(),
        files[0].clone(),
    ]
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program}: {error}; see tests/packages.txt"));
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_in_a_browser() {
    let [_, page, _, _] = written("wire");
    let text = std::fs::read_to_string(&page).unwrap();
    // No resource from anywhere, no script, nothing unescaped.
    for word in [
        "http:", "https:", "<script", "src=", "url(", "@import", "<link", "a<b>",
    ] {
        assert!(!text.contains(word), "{word}");
    }
    let profile = format!("--user-data-dir={}", scratch("profile").display());
    let browse = |url: &str| {
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            &profile,
            "--dump-dom",
            url,
        ];
        output("chromium", &args)
    };
    let still = browse(&format!("file://{page}"));
    assert_eq!(still.matches("<details").count(), 8);
    assert_eq!(still.matches("<details class=\"ok\"").count(), 4);
    assert_eq!(still.matches("<details class=\"bad\"").count(), 1);
    assert!(still.contains("a&lt;b&gt;&amp;.pcap") && still.contains("SECURITY MODE COMMAND"));
    assert!(!still.contains("open=\"\""));
    // A link to a frame opens it, as a click does.
    let opened = browse(&format!("file://{page}#frame-4"));
    assert_eq!(opened.matches("open=\"\"").count(), 1);
}

#[test]
fn wireshark_opens_the_deciphered_messages() {
    let [_, _, pcapng, _] = written("plain");
    let fields = ["-e", "nas_5gs.mm.message_type", "-e", "frame.comment"];
    let args = [&["-r", &pcapng, "-T", "fields"], &fields[..]].concat();
    let out = output("tshark", &args);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 8);
    for (line, wanted) in lines
        .iter()
        .zip(["0x41", "0x56", "0x57", "0x5d", "0x5e", "0x42", "0x43"])
    {
        assert!(line.starts_with(wanted), "{line}");
    }
    assert!(lines[6].contains("frame 7, ok"), "{}", lines[6]);
    assert!(lines[7].contains("CONTEXT_SKEW"), "{}", lines[7]);
    let bad = output("tshark", &["-r", &pcapng, "-Y", "_ws.malformed"]);
    assert_eq!(bad, "");
}

#[test]
fn no_key_anywhere_and_names_only_when_asked_for() {
    for path in captures() {
        let file = path.with_extension("keys.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let value = |name: &str| {
            let lines = text
                .lines()
                .filter(|line| line.starts_with(name))
                .collect::<Vec<_>>();
            let value = |line: &&str| line.split('"').nth(1).unwrap_or_default().to_owned();
            lines.iter().map(value).collect::<Vec<_>>()
        };
        let keys: Vec<String> = ["k_seaf", "k_amf ", "k_nas_int", "k_nas_enc"]
            .into_iter()
            .flat_map(value)
            .collect();
        assert!(!keys.is_empty());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let directory = scratch("secrets");
        let page = directory.join(format!("{name}.html"));
        let out = directory.join(format!("{name}.pcapng"));
        let (page, out) = (page.to_str().unwrap(), out.to_str().unwrap());
        for (show, json) in [("", false), ("supi,wire,plain", true)] {
            let mut args = vec![path.to_str().unwrap(), "--keys", file.to_str().unwrap()];
            args.extend(["--html", page, "--decrypted", out]);
            if json {
                args.extend(["--json", "--show", show]);
            }
            let run = naslane(&args);
            let octets = std::fs::read(out).unwrap();
            let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            let page = std::fs::read_to_string(page).unwrap();
            let page = page.replace(' ', "");
            for text in [&run.out, &run.err, &page, &digits] {
                for key in &keys {
                    assert!(!text.contains(key.as_str()), "{name}: a key");
                }
            }
            for supi in value("supi") {
                let digits = supi.strip_prefix("imsi-").unwrap_or(&supi);
                for text in [&run.out, &run.err, &page] {
                    assert!(json || !text.contains(digits), "{name}: a subscriber");
                }
            }
        }
    }
}

#[test]
fn a_subscriber_is_named_on_request() {
    let [out, page, ..] = written("supi");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(out.contains(SUPI) && page.contains(SUPI));
    let [out, page, ..] = written("wire");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(!out.contains(&SUPI[5..]) && !page.contains(&SUPI[5..]));
}
