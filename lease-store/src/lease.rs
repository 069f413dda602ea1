//! What is a lease? All that is remembered of one address: 40 octets with 16-bit links, 44 with 32-bit ones.
//!
//! The octets are packed here and nowhere else. What the states mean for clients is decided in `table/policy.rs`.

use core::fmt;

use dhcp_core::id::{ClientKey, HardwareAddr};
use dhcp_core::time::Timestamp;

use crate::index::Place;
use crate::table::hash::Seed;

/// A number of a slot that is as narrow as the table allows: `u16` on a microcontroller, `u32` on a host.
pub trait Index: Copy + Eq + fmt::Debug + sealed::Sealed {
    /// No slot.
    const NONE: Self;

    /// The first slot.
    const ZERO: Self;

    /// The most slots that a table can have.
    const SLOTS_MAX: usize;

    /// From a slot's number.
    ///
    /// # Panics
    /// When the number is [`Index::SLOTS_MAX`] or more.
    fn new(slot: usize) -> Self;

    /// The slot's number.
    fn get(self) -> usize;
}

mod sealed {
    /// Nobody else counts slots.
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

impl Index for u16 {
    const NONE: Self = Self::MAX;
    const ZERO: Self = 0;
    const SLOTS_MAX: usize = Self::MAX as usize;

    fn new(slot: usize) -> Self {
        Self::try_from(slot).unwrap_or_else(|_| too_many())
    }

    fn get(self) -> usize {
        usize::from(self)
    }
}

impl Index for u32 {
    const NONE: Self = Self::MAX;
    const ZERO: Self = 0;
    const SLOTS_MAX: usize = Self::MAX as usize;

    fn new(slot: usize) -> Self {
        Self::try_from(slot).unwrap_or_else(|_| too_many())
    }

    fn get(self) -> usize {
        self as usize
    }
}

#[cold]
#[inline(never)]
fn too_many() -> ! {
    panic!("a table has no more slots than its index can count")
}

/// What is remembered of one address.
#[derive(Clone, Copy, Debug)]
pub struct Slot<I> {
    /// Zeros unless [`State::has_client`].
    key: ClientKey,
    pub(crate) until: Timestamp,
    /// Zero: nothing is promised, or what was promised is not known.
    promise: Timestamp,
    place: u32,
    /// The slots before and after this one in its list, which is a ring.
    pub(crate) previous: I,
    pub(crate) next: I,
    hardware: [u8; 6],
    flags: u8,
    /// Which list the slot is in; see `table/list.rs`.
    pub(crate) list: u8,
}

const _: () = assert!(size_of::<Slot<u16>>() == 40, "a lease has 40 octets on a microcontroller");
const _: () = assert!(size_of::<Slot<u32>>() == 44, "a lease has 44 octets on a host");

/// Where an address stands, whatever the time is: a lease whose end has passed is `Bound` until it is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody ever had it.
    Fresh,
    /// Held for the client.
    Offered,
    /// The client's lease.
    Bound,
    /// Nobody's now; the client had it last.
    Idle,
    /// Nobody's now, and who had it last has another address, or is not to get it back.
    Nobodys,
    /// Nobody gets it until the time is over.
    Quarantined,
}

impl State {
    /// Whether the slot has a client, who is found by its key.
    pub(crate) const fn has_client(self) -> bool {
        match self {
            Self::Offered | Self::Bound | Self::Idle => true,
            Self::Fresh | Self::Nobodys | Self::Quarantined => false,
        }
    }

    /// Whether the state ends by itself.
    pub(crate) const fn ends(self) -> bool {
        match self {
            Self::Offered | Self::Bound | Self::Quarantined => true,
            Self::Fresh | Self::Idle | Self::Nobodys => false,
        }
    }
}

impl<I: Index> Slot<I> {
    const STATE: u8 = 0b0000_0111;
    const HARDWARE: u8 = 0b0001_1000;
    const NO_HARDWARE: u8 = 0b0000_0000;
    const ETHERNET: u8 = 0b0000_1000;
    const OTHER_HARDWARE: u8 = 0b0001_0000;
    const PINNED: u8 = 0b0010_0000;
    const RESERVED: u8 = 0b0100_0000;
    const TWIN: u8 = 0b1000_0000;

    const NO_PLACE: u32 = u32::MAX;
    const NO_KEY: ClientKey = ClientKey::from_octets([0; ClientKey::LEN]);

    /// The slot of an address that nobody ever had.
    pub const FRESH: Self = Self {
        key: Self::NO_KEY,
        until: Timestamp::from_secs(0),
        promise: Timestamp::from_secs(0),
        place: Self::NO_PLACE,
        previous: I::NONE,
        next: I::NONE,
        hardware: [0; 6],
        flags: 0,
        list: crate::table::list::NO_LIST,
    };

    /// All zeros, for arrays that a table is made of: a program has no octets for them.
    pub(crate) const ZERO: Self =
        Self { place: 0, previous: I::ZERO, next: I::ZERO, list: 0, ..Self::FRESH };

    pub(crate) const fn state(&self) -> State {
        match self.flags & Self::STATE {
            0 => State::Fresh,
            1 => State::Offered,
            2 => State::Bound,
            3 => State::Idle,
            4 => State::Nobodys,
            _ => State::Quarantined,
        }
    }

    pub(crate) const fn set_state(&mut self, state: State) {
        let bits = match state {
            State::Fresh => 0,
            State::Offered => 1,
            State::Bound => 2,
            State::Idle => 3,
            State::Nobodys => 4,
            State::Quarantined => 5,
        };
        self.flags = self.flags & !Self::STATE | bits;
    }

    /// Whether what the slot is in has ended by `now`.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.until <= now && self.until != Timestamp::NEVER && self.state().ends()
    }

    /// Where the address stands at `now`, swept or not.
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        if !self.is_over(now) {
            return self.state();
        }
        match self.state() {
            State::Offered if self.is_twin() => State::Nobodys,
            State::Offered | State::Bound => State::Idle,
            State::Quarantined => State::Nobodys,
            state @ (State::Fresh | State::Idle | State::Nobodys) => state,
        }
    }

    /// Whether the address is the client's by now, or held for it.
    pub(crate) fn is_living(&self, key: &ClientKey, now: Timestamp) -> bool {
        matches!(self.state(), State::Offered | State::Bound)
            && !self.is_over(now)
            && self.key == *key
    }

    pub(crate) const fn key(&self) -> &ClientKey {
        &self.key
    }

    /// The client's Ethernet address; longer and other hardware addresses are in the record only.
    pub(crate) const fn hardware(&self) -> Option<HardwareAddr> {
        if self.flags & Self::HARDWARE == Self::ETHERNET {
            Some(HardwareAddr::ethernet(self.hardware))
        } else {
            None
        }
    }

    pub(crate) fn is_hardware(&self, hardware: &HardwareAddr, seed: &Seed) -> bool {
        let (kind, octets) = Self::packed(hardware, seed);
        self.flags & Self::HARDWARE == kind && self.hardware == octets
    }

    pub(crate) fn set_client(&mut self, key: &ClientKey, hardware: &HardwareAddr, seed: &Seed) {
        self.key = *key;
        let (kind, octets) = Self::packed(hardware, seed);
        self.flags = self.flags & !Self::HARDWARE | kind;
        self.hardware = octets;
    }

    /// As [`Slot::set_client`], with the client of another slot.
    pub(crate) const fn copy_client<J: Index>(&mut self, from: &Slot<J>) {
        self.key = from.key;
        self.hardware = from.hardware;
        self.flags = self.flags & !Self::HARDWARE | from.flags & Self::HARDWARE;
    }

    /// The client has no more to do with the address.
    pub(crate) const fn clear_client(&mut self) {
        self.key = Self::NO_KEY;
        self.hardware = [0; 6];
        self.flags &= !(Self::HARDWARE | Self::PINNED | Self::TWIN);
        self.promise = Timestamp::from_secs(0);
        self.place = Self::NO_PLACE;
    }

    /// An Ethernet address as it is, another one as 32 bits of a hash, its type and its length: enough to see that it changed.
    #[inline]
    fn packed(hardware: &HardwareAddr, seed: &Seed) -> (u8, [u8; 6]) {
        hardware
            .as_ethernet()
            .map_or_else(|| Self::hashed(hardware, seed), |mac| (Self::ETHERNET, mac))
    }

    #[cold]
    #[inline(never)]
    fn hashed(hardware: &HardwareAddr, seed: &Seed) -> (u8, [u8; 6]) {
        let [a, b, c, d] = seed.hash_hardware(hardware).to_be_bytes();
        let hlen = u8::try_from(hardware.octets().len()).expect("at most 16 octets");
        (Self::OTHER_HARDWARE, [a, b, c, d, hardware.htype(), hlen])
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    const fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// Kept for its client although it is idle.
    pub(crate) const fn is_pinned(&self) -> bool {
        self.has(Self::PINNED)
    }

    pub(crate) const fn set_pinned(&mut self, pinned: bool) {
        self.set(Self::PINNED, pinned);
    }

    /// The configuration reserves the address.
    pub(crate) const fn is_reserved(&self) -> bool {
        self.has(Self::RESERVED)
    }

    pub(crate) const fn set_reserved(&mut self, reserved: bool) {
        self.set(Self::RESERVED, reserved);
    }

    /// The client has a second slot in this subnet: one is offered, the other it has or had last.
    pub(crate) const fn is_twin(&self) -> bool {
        self.has(Self::TWIN)
    }

    pub(crate) const fn set_twin(&mut self, twin: bool) {
        self.set(Self::TWIN, twin);
    }

    /// The end that the record promises; `None` when there is no record that is known to be durable.
    pub(crate) fn promise(&self) -> Option<Timestamp> {
        (self.promise != Timestamp::default()).then_some(self.promise)
    }

    pub(crate) const fn set_promise(&mut self, promise: Option<Timestamp>) {
        self.promise = match promise {
            Some(promise) => promise,
            None => Timestamp::from_secs(0),
        };
    }

    pub(crate) const fn place(&self) -> Option<Place> {
        if self.place == Self::NO_PLACE { None } else { Some(Place(self.place)) }
    }

    /// `false` when the place is beyond what a slot can hold.
    pub(crate) fn set_place(&mut self, place: Option<Place>) -> bool {
        let fits = place != Some(Place(Self::NO_PLACE));
        if fits {
            self.place = place.map_or(Self::NO_PLACE, |Place(place)| place);
        }
        fits
    }

    /// Whether strangers may get the address once it is nobody's.
    pub(crate) const fn is_open(&self) -> bool {
        !self.is_reserved() && !self.is_pinned()
    }

    /// Whether the slot has no hardware address at all.
    pub(crate) const fn has_no_hardware(&self) -> bool {
        self.flags & Self::HARDWARE == Self::NO_HARDWARE
    }
}

#[cfg(test)]
mod tests {
    use dhcp_core::id::InstallationKey;

    use super::*;

    const SEED: Seed = Seed::fixed();

    #[test]
    fn states_and_flags_do_not_disturb_each_other() {
        let states = [
            State::Fresh,
            State::Offered,
            State::Bound,
            State::Idle,
            State::Nobodys,
            State::Quarantined,
        ];
        let mac = HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]);
        let key = ClientKey::from_hardware(&InstallationKey([0; 16]), &mac);
        for state in states {
            let mut slot = Slot::<u16>::FRESH;
            slot.set_client(&key, &mac, &SEED);
            slot.set_pinned(true);
            slot.set_state(state);
            slot.set_reserved(true);
            slot.set_twin(true);
            assert_eq!(slot.state(), state);
            assert!(slot.is_pinned() && slot.is_reserved() && slot.is_twin());
            assert_eq!((slot.key(), slot.hardware()), (&key, Some(mac)));
            slot.clear_client();
            assert_eq!((slot.state(), slot.hardware()), (state, None));
            assert!(slot.is_reserved() && !slot.is_pinned() && !slot.is_twin());
            assert!(slot.has_no_hardware());
        }
    }

    #[test]
    fn a_hardware_address_that_is_not_ethernets_is_recognised_but_not_kept() {
        let long = HardwareAddr::new(32, &[7; 16]).unwrap();
        let other = HardwareAddr::new(32, &[8; 16]).unwrap();
        let key = ClientKey::from_octets([1; 16]);
        let mut slot = Slot::<u32>::FRESH;
        slot.set_client(&key, &long, &SEED);
        assert_eq!(slot.hardware(), None);
        assert!(slot.is_hardware(&long, &SEED) && !slot.is_hardware(&other, &SEED));
        let typed = HardwareAddr::new(6, &[2, 0, 0, 0, 0, 1]).unwrap();
        assert!(!slot.is_hardware(&typed, &SEED));
        slot.set_client(&key, &typed, &SEED);
        assert!(!slot.is_hardware(&HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]), &SEED));
    }

    #[test]
    fn a_place_that_does_not_fit_is_refused() {
        let mut slot = Slot::<u16>::FRESH;
        assert_eq!(slot.place(), None);
        assert!(slot.set_place(Some(Place(7))) && slot.place() == Some(Place(7)));
        assert!(!slot.set_place(Some(Place(u32::MAX))) && slot.place() == Some(Place(7)));
        assert!(slot.set_place(None) && slot.place().is_none());
    }

    #[test]
    fn what_has_no_end_is_never_over() {
        let mut slot = Slot::<u16>::FRESH;
        slot.set_state(State::Bound);
        slot.until = Timestamp::NEVER;
        assert!(!slot.is_over(Timestamp::from_secs(u32::MAX - 1)));
        slot.until = Timestamp::from_secs(5);
        assert!(!slot.is_over(Timestamp::from_secs(4)) && slot.is_over(Timestamp::from_secs(5)));
        assert_eq!(slot.state_at(Timestamp::from_secs(5)), State::Idle);
        slot.set_state(State::Idle);
        assert!(!slot.is_over(Timestamp::from_secs(9)), "idle is what comes after the end");
    }
}
