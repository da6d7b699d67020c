//! Repeatable numbers: SplitMix64 (Steele, Lea, Flood 2014). For load and attacks, never for keys of real UEs.

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of numbers that its seed determines.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of these words.
    pub(crate) fn of(words: &[u64]) -> Self {
        let mut stream = Self(0);
        for word in words {
            stream.0 = stream.next() ^ word;
        }
        stream
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.next()) * limit as u128;
        (wide >> 64) as usize
    }

    pub(crate) fn octet(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
