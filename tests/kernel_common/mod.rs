//! What the kernel's integration tests share.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

pub mod driven;
pub mod guard;
pub mod subject;
pub mod valgrind;

use naslane::kernel::rooms;
use serde_json::Value;

/// A file of `tests/vectors`.
pub fn load(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Bytes of a string of hexadecimal digits.
pub fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// The generator of the random sets, also used for distinct keys and messages.
pub struct SplitMix(pub u64);

impl SplitMix {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8))
            .flat_map(|_| self.next().to_le_bytes())
            .collect();
        bytes.truncate(len);
        bytes
    }

    pub fn block(&mut self) -> [u8; 16] {
        self.bytes(16).try_into().unwrap()
    }
}

/// The message of a random set.
pub fn splitmix(seed: &Value, len: usize) -> Vec<u8> {
    let seed = u64::from_str_radix(seed.as_str().unwrap(), 16).unwrap();
    SplitMix(seed).bytes(len)
}

fn names(of: &[&str]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for room in rooms().iter().filter(|room| of.contains(&room.name)) {
        for row in room.rows().filter(|row| row.available) {
            if !names.contains(&row.name) {
                names.push(row.name);
            }
        }
    }
    names
}

/// Names of the available rows of the AES rooms.
pub fn aes_rows() -> Vec<&'static str> {
    names(&["aes128_ctr", "aes128_cmac"])
}

/// Names of the available rows of the keystream rooms.
pub fn stream_rows() -> Vec<&'static str> {
    names(&["snow3g", "zuc"])
}

/// Names of the available rows of the product rooms.
pub fn product_rows() -> Vec<&'static str> {
    names(&["clmul_uia2", "clmul_window"])
}
