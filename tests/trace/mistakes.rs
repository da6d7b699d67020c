//! Keys derived as engineers often derive them by mistake, and keys files with faults.

use naslane::base::Direction;
use naslane::kdf::{KAmf, derive};

use super::run::{findings, naslane, scratch, told};
use super::world::{Context, SUPI, World, hex, k_seaf, key, keys};

const DIGITS: &str = "999700123456789";

fn rejected(world: &mut World) {
    world.begin();
    world.command();
    world.uplink(&[0x7E, 0, 0x5F, 24]);
}

fn first_text(name: &str, world: &World, keys: &str) -> String {
    let told = told(name, world, keys);
    let found = findings(&told);
    let right = |(_, code, _): &&(u64, String, String)| code == "KEY_OR_COUNT";
    let finding = found.iter().find(right);
    finding.unwrap_or_else(|| panic!("{found:#?}")).2.clone()
}

fn seaf_keys() -> String {
    let digits = hex(k_seaf(1).expose());
    format!("[[ue]]\nsupi = \"{SUPI}\"\nk_seaf = \"{digits}\"\n")
}

#[test]
fn a_supi_with_its_prefix() {
    let mut world = World::new();
    let wrong = derive(k_seaf(1).expose(), 0x6D, &[SUPI.as_bytes(), &[0, 0]]).unwrap();
    world.context = Context::of(KAmf::new(*wrong.expose()));
    rejected(&mut world);
    assert!(first_text("prefix", &world, &seaf_keys()).contains("`imsi-`"));
    // Where both sides make the mistake, the rest is followed all the same.
    let mut world = World::new();
    world.context = Context::of(KAmf::new(*wrong.expose()));
    world.register();
    let told = told("prefix_both", &world, &seaf_keys());
    assert_eq!(told["ues"][0]["rows"][5]["message"], "REGISTRATION ACCEPT");
}

#[test]
fn a_network_code_of_two_digits() {
    let k_ausf = [9; 32];
    let amf = |name: &[u8]| {
        let seaf = derive(&k_ausf, 0x6C, &[name]).unwrap();
        KAmf::new(
            *derive(seaf.expose(), 0x6D, &[DIGITS.as_bytes(), &[0, 0]])
                .unwrap()
                .expose(),
        )
    };
    let file = format!("[[ue]]\nsupi = \"{SUPI}\"\nk_ausf = \"{}\"\n", hex(&k_ausf));
    let mut world = World::new();
    world.context = Context::of(amf(b"5G:mnc70.mcc999.3gppnetwork.org"));
    rejected(&mut world);
    assert!(first_text("two_digits", &world, &file).contains("two-digit MNC"));
    let mut world = World::new();
    world.context = Context::of(amf(b"5G:mnc070.mcc999.3gppnetwork.org"));
    world.register();
    assert_eq!(findings(&told("three_digits", &world, &file)), []);
}

#[test]
fn a_command_with_other_inputs() {
    for (name, bearer, words) in [("eps", 0, "BEARER 0"), ("other", 2, "other access")] {
        let mut world = World::new();
        world.context.bearer = bearer;
        rejected(&mut world);
        assert!(first_text(name, &world, &keys(&[1])).contains(words));
    }
    let mut world = World::new();
    world.register();
    world.release();
    world.context = Context {
        dl: 2 + 256,
        ksi: 2,
        ..Context::of(key(2))
    };
    rejected(&mut world);
    assert!(first_text("not_reset", &world, &keys(&[1, 2])).contains("DL COUNT 258 where"));
    let mut world = World::new();
    world.begin();
    let message = world.command_message();
    let pdu = world.context.protect(Direction::Downlink, 0, 4, &message);
    world.downlink(&[&[0x7E, 3], &pdu[2..]].concat());
    assert!(first_text("ciphered", &world, &keys(&[1])).contains("must not be ciphered"));
}

#[test]
fn a_wrong_keys_file_is_refused_and_never_quoted() {
    let directory = scratch("keys_files");
    let capture = directory.join("made.pcap");
    World::new().wire.save(&capture);
    let secret = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee0";
    for (place, text) in [
        format!("[[ue]]\nk_amf = \"{secret}\"\n"),
        format!("[[ue]]\nk_amf = \"{secret}zz\"\n"),
        format!("k_amf = {secret}"),
        format!("[[ue]]\nsupi = \"{SUPI}\"\n"),
    ]
    .iter()
    .enumerate()
    {
        let file = directory.join(format!("{place}.toml"));
        std::fs::write(&file, text).unwrap();
        let run = naslane(&[capture.to_str().unwrap(), "--keys", file.to_str().unwrap()]);
        assert_eq!(run.code, 2);
        assert!(
            !run.err.contains("c0ffee") && !run.err.contains(DIGITS),
            "{}",
            run.err
        );
    }
    let missing = naslane(&["/nowhere.pcap"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("tshark"), "{}", missing.err);
    let none = naslane(&[capture.to_str().unwrap(), "--tshark", "/nowhere/tshark"]);
    assert!(
        none.code == 2 && none.err.contains("install"),
        "{}",
        none.err
    );
}
