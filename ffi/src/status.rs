//! ## Statuses
//!
//! Every function that can fail returns one of these as `int32_t`. A number is never used again for another
//! meaning; new ones may come. 1 to 31 say what a message turned out to be, 32 to 63 concern procedures and
//! contexts, 64 to 95 the arguments of a call, 96 to 127 limits and the engine itself.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use engine::base::error::ALL;
use engine::security::Diagnosis;

use crate::guard;

/// What happened and what to do about it, in one sentence. Never NULL; any number may be asked.
#[unsafe(no_mangle)]
pub extern "C" fn naslane_status_text(status: i32) -> *const c_char {
    static TEXTS: OnceLock<Vec<(i32, CString)>> = OnceLock::new();
    guard::text(|| {
        let texts = TEXTS.get_or_init(|| {
            let row = |code, text: &str| (code, CString::new(text).unwrap_or_default());
            let errors = ALL.iter().map(|error| row(error.code(), error.text()));
            std::iter::once(row(guard::OK, "OK"))
                .chain(errors)
                .collect()
        });
        let found = texts.iter().find(|(code, _)| *code == status);
        found.map_or(c"not a status of this version".as_ptr(), |(_, text)| {
            text.as_ptr()
        })
    })
}

/// Name of a naslane_diagnosis in capitals, for logs and counters: `"KEY_OR_COUNT"`. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn naslane_diagnosis_name(diagnosis: u8) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    guard::text(|| {
        let names = NAMES.get_or_init(|| {
            let name = |diagnosis: &Diagnosis| CString::new(diagnosis.name()).unwrap_or_default();
            Diagnosis::ALL.iter().map(name).collect()
        });
        let found = names.get(usize::from(diagnosis));
        found.map_or(c"not a diagnosis of this version".as_ptr(), |name| {
            name.as_ptr()
        })
    })
}

/// The version of the library that is running, as `"MAJOR.MINOR.PATCH"`; compare with [`NASLANE_VERSION`].
#[unsafe(no_mangle)]
pub extern "C" fn naslane_version() -> *const c_char {
    guard::text(|| concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn text(status: i32) -> &'static str {
        // SAFETY: the function returns NUL-terminated static texts.
        unsafe { CStr::from_ptr(naslane_status_text(status)) }
            .to_str()
            .unwrap()
    }

    #[test]
    fn every_status_has_its_text() {
        for error in ALL {
            assert_eq!(text(error.code()), error.text());
        }
        assert_eq!(text(0), "OK");
        for other in [-1, 21, i32::MIN, i32::MAX] {
            assert_eq!(text(other), "not a status of this version");
        }
    }

    #[test]
    fn every_diagnosis_has_its_name() {
        for number in 0..=255 {
            // SAFETY: as above.
            let name = unsafe { CStr::from_ptr(naslane_diagnosis_name(number)) }
                .to_str()
                .unwrap();
            let known = Diagnosis::ALL
                .get(usize::from(number))
                .map(|diagnosis| diagnosis.name());
            assert_eq!(name, known.unwrap_or("not a diagnosis of this version"));
        }
    }

    #[test]
    fn the_version_comes_from_one_place() {
        // SAFETY: as above.
        let version = unsafe { CStr::from_ptr(naslane_version()) };
        assert_eq!(version.to_str(), Ok(engine::VERSION));
    }
}
