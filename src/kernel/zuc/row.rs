//! The verbs of the rows in lanes, which differ by token, features and vectors only.

/// Lanes that are computed in lanes of 64 bits (`narrow`). 64 and 76 bytes of keystream of one message take 324 ns with
/// GFNI, 397 with AVX-512 and 565 with AES-NI so, and 456, 546 and 600 in the vectors of four lanes.
pub(super) const FEW: usize = 2;

/// `one`, `many`, `stream_one` and `stream_many` of a row: groups of up to [`FEW`] lanes by `narrow`, larger ones by
/// `generator` over the narrowest vectors that hold them.
macro_rules! row {
    ($proof:ident: $token:ident, $features:literal, $width:literal lanes, narrow $narrow:expr,
     $($name:ident up to $most:literal: $boxes:expr;)+) => {
        const LANES: usize = $width;

        pub(super) fn available() -> bool {
            $token::detect().is_some()
        }

        #[target_feature(enable = $features)]
        fn few($proof: $token, lanes: &mut [Lane<'_, [u8; 16]>]) {
            narrow::lanes($narrow, lanes);
        }

        $(
            #[target_feature(enable = $features)]
            fn $name($proof: $token, lanes: &mut [Lane<'_, [u8; 16]>]) {
                generator::run($boxes, lanes);
            }
        )+

        #[target_feature(enable = $features)]
        fn piece($proof: $token, lane: &mut StreamLane<'_>) {
            narrow::stream($narrow, lane);
        }

        #[target_feature(enable = $features)]
        fn pieces($proof: $token, lanes: &mut [StreamLane<'_>], bytes: usize) {
            generator::stream($proof, lanes, bytes);
        }

        /// A single lane.
        pub(super) fn one(lane: &mut Lane<'_, [u8; 16]>) {
            many(core::slice::from_mut(lane));
        }

        /// Any number of lanes.
        pub(super) fn many(lanes: &mut [Lane<'_, [u8; 16]>]) {
            let Some(proof) = $token::detect() else {
                return portable::many(lanes);
            };
            for group in lanes.chunks_mut(LANES) {
                // SAFETY: the token proves these features.
                unsafe {
                    match group.len() {
                        ..=FEW => few(proof, group),
                        $(..=$most => $name(proof, group),)+
                        _ => {} // no group is larger than LANES
                    }
                }
            }
        }

        /// The next piece of one generator.
        pub(super) fn stream_one(lane: &mut StreamLane<'_>) {
            match $token::detect() {
                // SAFETY: the token proves these features.
                Some(proof) => unsafe { piece(proof, lane) },
                None => portable::stream_one(lane),
            }
        }

        /// The next pieces of any number of generators.
        pub(super) fn stream_many(lanes: &mut [StreamLane<'_>]) {
            let Some(proof) = $token::detect() else {
                return portable::stream_many(lanes);
            };
            // SAFETY: the token proves these features.
            let many = |group: &mut [StreamLane<'_>], bytes| unsafe { pieces(proof, group, bytes) };
            in_groups(lanes, LANES, stream_one, many);
        }
    };
}
pub(super) use row;
