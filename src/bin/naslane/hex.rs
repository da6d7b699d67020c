//! Octets written as hexadecimal digits.

use serde::Deserialize;

/// Any number of octets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Octets(pub(crate) Vec<u8>);

/// Exactly `N` octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Fixed<const N: usize>(pub(crate) [u8; N]);

impl TryFrom<String> for Octets {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        decode(&text).map(Self)
    }
}

impl<const N: usize> TryFrom<String> for Fixed<N> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        decode(&text)?
            .try_into()
            .map(Self)
            .map_err(|octets: Vec<u8>| format!("{N} octets expected, {} found", octets.len()))
    }
}

/// The octets of `text`: an even number of digits, nothing else.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
    if !text.len().is_multiple_of(2) {
        return Err(format!("odd number of hexadecimal digits in {text:?}"));
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            digit(pair[0])
                .zip(digit(pair[1]))
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(|| format!("not hexadecimal: {text:?}"))
        })
        .collect()
}

/// `octets` as lower-case digits.
pub(crate) fn encode(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
