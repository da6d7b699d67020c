//! What each row asks of the processor, by its name: for `naslane cpu`, which says why a row is not in use, and for
//! the tests on emulated processors. Choosing a row goes by [`Backend::available`](super::Backend), not by this.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::base::cpu;

/// A row's name and its features. A first word that is a room's name makes the line count for that room alone.
type Line = (&'static str, &'static [&'static str]);

#[cfg(target_arch = "x86_64")]
const NEEDS: &[Line] = &[
    ("x86_aesni", cpu::HaveAesNi::NEEDS),
    ("x86_pclmulqdq", cpu::HavePclmul::NEEDS),
    ("x86_avx2", cpu::HaveAvx2::NEEDS),
    ("x86_vaes256", cpu::HaveVaes256::NEEDS),
    ("x86_avx512", cpu::HaveAvx512::NEEDS),
    ("x86_gfni512", cpu::HaveGfni512::NEEDS),
    ("x86_vaes512", cpu::HaveVaes512::NEEDS),
    ("x86_vpclmul512", cpu::HaveVpclmul512::NEEDS),
    ("x86_shani", cpu::HaveShaNi::NEEDS),
];

#[cfg(target_arch = "aarch64")]
const NEEDS: &[Line] = &[
    ("aarch64_neon", cpu::HaveAes::NEEDS), // AES is their S-box; NEON itself is always there
    ("aarch64_aes", cpu::HaveAes::NEEDS),
    ("aarch64_pmull", cpu::HaveAes::NEEDS),
    ("aarch64_sha2", cpu::HaveSha2::NEEDS),
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NEEDS: &[Line] = &[];

/// The features that the row `name` of `room` asks for; `None` when this file does not know.
pub(super) fn of(room: &str, name: &str) -> Option<&'static [&'static str]> {
    let own = NEEDS
        .iter()
        .find(|(line, _)| line.split_once(' ') == Some((room, name)));
    let needs = own.or_else(|| NEEDS.iter().find(|(line, _)| *line == name));
    match needs {
        Some((_, needs)) => Some(needs),
        None if name == "portable" || name.ends_with("_crate") => Some(&[]),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cpu::FEATURES;
    use crate::kernel::rooms;

    #[test]
    fn every_row_is_known_and_available_exactly_with_its_features() {
        for room in rooms() {
            for row in room.rows() {
                let needs = of(room.name, row.name).unwrap_or_else(|| {
                    panic!("{} {}: no line in kernel/needs.rs", room.name, row.name)
                });
                let usable = needs.iter().all(|need| {
                    let mut found = FEATURES.iter().filter(|feature| feature.name == *need);
                    found.next().expect("a feature of cpu.rs").usable()
                });
                let name = row.name;
                assert_eq!(
                    row.available, usable,
                    "{} {name}: wrong line in kernel/needs.rs; \"{} {name}\" is one for this room alone",
                    room.name, room.name
                );
            }
        }
    }
}
