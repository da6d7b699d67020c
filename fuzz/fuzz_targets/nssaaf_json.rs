//! Bodies of Nnssaaf_NSSAA: read or refused, and what is read is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::nssaaf::service::{
    ProblemDetails, SliceAuthConfirmationData, SliceAuthConfirmationResponse, SliceAuthContext,
    SliceAuthInfo, SliceAuthNotification, read, write,
};

fn both<T>(octets: &[u8])
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    if let Ok(body) = read::<T>(octets) {
        assert_eq!(read::<T>(&write(&body)).as_ref(), Ok(&body));
    }
}

fuzz_target!(|octets: &[u8]| {
    both::<SliceAuthInfo>(octets);
    both::<SliceAuthContext>(octets);
    both::<SliceAuthConfirmationData>(octets);
    both::<SliceAuthConfirmationResponse>(octets);
    both::<SliceAuthNotification>(octets);
    both::<ProblemDetails>(octets);
});
