//! KEYS.toml: one `[[ue]]` for each security context; what is not about keys is not read.

use std::path::Path;

use naslane::kdf::{KAmf, KAusf, KNasEnc, KNasInt, KSeaf};
use naslane::trace::Entry;
use serde::Deserialize;

use crate::hex::{Fixed, Octets};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    ue: Vec<Ue>,
}

#[derive(Deserialize)]
struct Ue {
    supi: Option<String>,
    mnc_digits: Option<usize>,
    abba: Option<Octets>,
    k_ausf: Option<Fixed<32>>,
    k_seaf: Option<Fixed<32>>,
    k_amf: Option<Fixed<32>>,
    k_nas_int: Option<Fixed<16>>,
    k_nas_enc: Option<Fixed<16>>,
    nia: Option<u8>,
    nea: Option<u8>,
    ul_nas_count: Option<u32>,
    dl_nas_count: Option<u32>,
}

/// Reads the keys. Says where the file is wrong, and never what stands there.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the keys {}: {error}", path.display()))?;
    let file: File = toml::from_str(&text).map_err(|error: toml::de::Error| {
        // The message of the error quotes the file: only the place of it is told.
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).map_or(0, |before| before.lines().count());
        format!(
            "{}, line {}: not as expected; keys are hexadecimal strings of 32 or 64 digits, see `naslane trace --help`",
            path.display(),
            line.max(1)
        )
    })?;
    let entries: Vec<Entry> = file.ue.into_iter().map(entry).collect();
    match entries.iter().position(Entry::is_empty) {
        Some(place) => Err(format!(
            "{}: [[ue]] number {place} has no key to begin with; give k_amf, k_seaf with supi, k_ausf with supi, or k_nas_int",
            path.display()
        )),
        None => Ok(entries),
    }
}

fn entry(ue: Ue) -> Entry {
    Entry {
        supi: ue.supi,
        mnc_digits: ue.mnc_digits,
        abba: ue.abba.map(|abba| abba.0),
        k_ausf: ue.k_ausf.map(|key| KAusf::new(key.0)),
        k_seaf: ue.k_seaf.map(|key| KSeaf::new(key.0)),
        k_amf: ue.k_amf.map(|key| KAmf::new(key.0)),
        k_nas_int: ue.k_nas_int.map(|key| KNasInt::new(key.0)),
        k_nas_enc: ue.k_nas_enc.map(|key| KNasEnc::new(key.0)),
        nia: ue.nia,
        nea: ue.nea,
        next: [ue.ul_nas_count, ue.dl_nas_count],
    }
}
