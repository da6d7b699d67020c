//! The MD5 challenge (RFC 3748 5.4, RFC 1994 4.1): for tests and load; it authenticates no server and gives no keys.

use md5::{Digest, Md5};

/// The response to a challenge, both as the method's data: size, value, name.
/// `None`: the challenge is malformed.
pub(super) fn answer(identifier: u8, password: &[u8], challenge: &[u8]) -> Option<Vec<u8>> {
    let (&size, rest) = challenge.split_first()?;
    let value = rest.get(..usize::from(size)).filter(|v| !v.is_empty())?;
    let digest = Md5::new()
        .chain_update([identifier])
        .chain_update(password)
        .chain_update(value)
        .finalize();
    let mut out = vec![16];
    out.extend(digest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        // MD5("\x01" "secret" "\x00\x01"), as md5sum says.
        let response = answer(1, b"secret", &[2, 0, 1, b'n']).unwrap();
        assert_eq!(response.len(), 17);
        assert_eq!(response[..5], [16, 0x4a, 0xa3, 0xa7, 0x9e]);
        for bad in [&[][..], &[0], &[2, 1]] {
            assert_eq!(answer(1, b"secret", bad), None);
        }
    }
}
