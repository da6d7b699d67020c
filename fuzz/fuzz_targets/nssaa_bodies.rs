//! Bodies of network slice-specific authentication, the lists of slices, and the record of its state: what is read,
//! written and read again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use naslane::nas::nssaa::{
    ALLOWED_MAX, AcceptLists, CONFIGURED_MAX, EapMessage, Extended, NssaaMessage, Nssai,
    RejectedNssai, SNssai, SliceLists,
};
use naslane::procedure::nssaa::{Amf, Kept, Ue};

fuzz_target!(|data: &[u8]| {
    let mut out = vec![0; data.len() + 64];
    if let Ok(message) = NssaaMessage::decode(data) {
        let len = message
            .encode(&mut out)
            .expect("no longer than it was, but for an SD");
        assert_eq!(NssaaMessage::decode(&out[..len]), Ok(message));
    }
    let _ = Ue::default().command(naslane::base::AccessType::ThreeGpp, data, &mut out);
    let _ = SNssai::from_value(data);
    let _ = EapMessage::parse(data);
    if let Ok(lists) = SliceLists::of(data) {
        let read = |list: Option<Nssai<'_>>| list.into_iter().flatten().count();
        assert!(read(lists.allowed) <= ALLOWED_MAX && read(lists.pending) <= CONFIGURED_MAX);
    }
    // Every list as it is, and once more after it was written.
    let allowed: Result<Vec<_>, _> = Nssai::new(data, ALLOWED_MAX).collect();
    let rejected: Result<Vec<_>, _> = RejectedNssai::new(data).collect();
    let extended: Result<Vec<_>, _> = Extended::new(data).collect();
    let mut written = [0; 512];
    for (rejected, extended) in [(rejected.ok(), None), (None, extended.ok())] {
        let lists = AcceptLists {
            allowed: allowed.as_deref().unwrap_or_default(),
            rejected: rejected.as_deref().unwrap_or_default(),
            extended_rejected: extended.as_deref().unwrap_or_default(),
            ..AcceptLists::default()
        };
        let Ok(len) = lists.encode(&mut written) else {
            continue;
        };
        let message = [&[0x7E, 0, 0x42, 1, 1][..], &written[..len]].concat();
        let read = SliceLists::of(&message).expect("it was just written");
        assert!(
            read.allowed
                .into_iter()
                .flatten()
                .eq(lists.allowed.iter().map(|s| Ok(*s)))
        );
        let again = read.extended_rejected.into_iter().flatten();
        assert!(again.eq(lists.extended_rejected.iter().map(|r| Ok(*r))));
        assert_eq!(
            read.rejected.into_iter().flatten().count(),
            lists.rejected.len()
        );
    }
    if let Ok(amf) = Amf::restore(data) {
        let stored = amf.store(Kept::All).expect("it fits");
        let again = Amf::restore(&stored).expect("it was just written");
        assert_eq!(again.store(Kept::All), Ok(stored));
    }
});
