//! The messages: what is written is read again, what is cut is refused, what is anything at all is survived.

use naslane::base::{AccessType, Error};
use naslane::nas::Cause;
use naslane::nas::compose::RegistrationAccept;
use naslane::nas::nssaa::{
    AcceptLists, ConfigurationUpdateCommand, DeregistrationRequest, EapMessage, Indication, Kind,
    NSSAA_MAX, NssaaMessage, Rejected, RejectionCause, SNssai, Slice, SliceLists,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::world::Told;

fn s_nssai() -> impl Strategy<Value = SNssai> {
    (any::<u8>(), option::of(0..0xFF_FFFF_u32)).prop_map(|(sst, sd)| match sd {
        Some(sd) => SNssai::new(sst, sd),
        None => SNssai::sst(sst),
    })
}

fn slice() -> impl Strategy<Value = Slice> {
    (s_nssai(), option::of(s_nssai())).prop_map(|(s_nssai, mapped)| Slice { s_nssai, mapped })
}

fn rejected() -> impl Strategy<Value = Rejected> {
    (slice(), 0..4_u8, option::of(any::<u8>())).prop_map(|(slice, cause, back_off)| Rejected {
        slice,
        cause: RejectionCause(cause),
        back_off,
    })
}

/// As a Rejected NSSAI can carry it.
fn plain() -> impl Strategy<Value = Rejected> {
    (s_nssai(), 0..3_u8).prop_map(|(s_nssai, cause)| Rejected::new(s_nssai, RejectionCause(cause)))
}

fn eap(kind: Kind) -> impl Strategy<Value = Vec<u8>> {
    let code = match kind {
        Kind::Command => 1..2_u8,
        Kind::Complete => 2..3,
        Kind::Result => 3..5,
    };
    let data = if kind == Kind::Result {
        vec(any::<u8>(), 0..1).boxed()
    } else {
        vec(any::<u8>(), 1..1497).boxed()
    };
    (code, any::<u8>(), data).prop_map(|(code, identifier, data)| {
        let len = (4 + data.len()) as u16;
        [&[code, identifier], &len.to_be_bytes()[..], &data].concat()
    })
}

fn message() -> impl Strategy<Value = (Kind, SNssai, Vec<u8>)> {
    let kinds = prop_oneof![
        Just(Kind::Command),
        Just(Kind::Complete),
        Just(Kind::Result)
    ];
    kinds.prop_flat_map(|kind| (Just(kind), s_nssai(), eap(kind)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_read_back((kind, s_nssai, eap) in message(), cut in any::<prop::sample::Index>()) {
        let eap = EapMessage::parse(&eap).unwrap();
        let message = NssaaMessage { kind, s_nssai, eap };
        let mut out = [0; NSSAA_MAX];
        let len = message.encode(&mut out).unwrap();
        prop_assert_eq!(NssaaMessage::decode(&out[..len]), Ok(message));
        let cut = cut.index(len);
        let refused = NssaaMessage::decode(&out[..cut]);
        prop_assert!(matches!(refused, Err(Error::MalformedIe | Error::Short)), "{:?}", refused);
        let mut small = vec![0xEE; len - 1];
        prop_assert_eq!(message.encode(&mut small), Err(Error::BufferTooSmall));
        prop_assert!(small.iter().all(|octet| *octet == 0xEE));
    }

    #[test]
    fn lists_of_an_accept_are_read_back(
        allowed in vec(slice(), 0..9), configured in vec(slice(), 0..17), pending in vec(slice(), 0..17),
        rejected in vec(plain(), 0..9), extended in vec(rejected(), 0..9), extends in any::<bool>(),
    ) {
        let lists = AcceptLists {
            allowed: &allowed,
            configured: &configured,
            pending: &pending,
            rejected: if extends { &[] } else { &rejected },
            extended_rejected: if extends { &extended } else { &[] },
        };
        let mut ies = [0; 640];
        let len = lists.encode(&mut ies).unwrap();
        let accept = RegistrationAccept { result: lists.registration_result(1), guti: None, ies: &ies[..len] };
        let mut out = [0; 700];
        let len = accept.encode(&mut out).unwrap();
        let read = SliceLists::of(&out[..len]).unwrap();
        prop_assert!(read.allowed.into_iter().flatten().eq(allowed.iter().map(|s| Ok(*s))));
        prop_assert!(read.configured.into_iter().flatten().eq(configured.iter().map(|s| Ok(*s))));
        prop_assert!(read.pending.into_iter().flatten().eq(pending.iter().map(|s| Ok(*s))));
        prop_assert!(read.rejected.into_iter().flatten().eq(lists.rejected.iter().map(|r| Ok(*r))));
        let again = read.extended_rejected.into_iter().flatten();
        prop_assert!(again.eq(lists.extended_rejected.iter().map(|r| Ok(*r))));
        prop_assert_eq!(read.nssaa_to_be_performed, allowed.is_empty() && !pending.is_empty());
    }

    #[test]
    fn updates_and_deregistrations_are_read_back(
        allowed in vec(slice(), 0..9), rejected in vec(plain(), 0..9), extended in vec(rejected(), 0..9),
        extends in any::<bool>(), acknowledge in any::<bool>(), register in any::<bool>(), which in 0..3_u8,
    ) {
        let (rejected, extended): (&[_], &[_]) = if extends { (&[], &extended) } else { (&rejected, &[]) };
        let update = ConfigurationUpdateCommand {
            indication: Indication { acknowledge, register },
            allowed: &allowed,
            rejected,
            extended_rejected: extended,
            ..ConfigurationUpdateCommand::default()
        };
        let mut out = [0; 700];
        let len = update.encode(&mut out).unwrap();
        let told = Told::of(&out[..len]);
        prop_assert_eq!((told.acknowledge, told.register), (acknowledge, register));
        prop_assert_eq!((&told.allowed[..], &told.rejected[..], &told.extended[..]), (&allowed[..], rejected, extended));
        let access = [Some(AccessType::ThreeGpp), Some(AccessType::NonThreeGpp), None][usize::from(which)];
        let request = DeregistrationRequest {
            access,
            register_again: register,
            cause: acknowledge.then_some(Cause::NO_SLICES),
            rejected,
            extended_rejected: extended,
        };
        let len = request.encode(&mut out).unwrap();
        let told = Told::of(&out[..len]);
        prop_assert_eq!(told.cause, request.cause.map(|cause| cause.0));
        prop_assert_eq!((&told.rejected[..], &told.extended[..]), (rejected, extended));
        let accesses = AccessType::ALL.map(|a| access.is_none_or(|access| access == a));
        prop_assert_eq!(SliceLists::of(&out[..len]).unwrap().deregistered, accesses);
    }

    #[test]
    fn anything_is_survived(head in prop::sample::select(&[0x42_u8, 0x44, 0x47, 0x50, 0x51, 0x52, 0x54][..]), tail in vec(any::<u8>(), 0..80)) {
        let message = [&[0x7E, 0, head][..], &tail].concat();
        let _ = NssaaMessage::decode(&message);
        if let Ok(lists) = SliceLists::of(&message) {
            let count = lists.allowed.into_iter().flatten().count()
                + lists.pending.into_iter().flatten().count()
                + lists.rejected.into_iter().flatten().count()
                + lists.extended_rejected.into_iter().flatten().count();
            prop_assert!(count <= 40);
        }
    }
}
