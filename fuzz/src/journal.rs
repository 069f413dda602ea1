//! The journal on a medium that holds anything: what a program wrote that lost its power, what time and radiation made of that, or another program's data.
//!
//! Recovery gives a table that is in order, the same one when it is done twice; and what is appended after it is there the next time, with all
//! that recovery found.

use core::net::Ipv4Addr;

use arbitrary::{Result, Unstructured};
use dhcp_core::id::{ClientKey, HardwareAddr};
use dhcp_core::server::Lsn;
use dhcp_core::server::book::{Change, Grant, Granted, LeaseBook as _, Standing};
use dhcp_core::time::Timestamp;
use lease_store::journal::{Journal, OpenError, Opened};
use lease_store::medium::NorMedium;
use sim::nor::{Leaves, Nor};

use crate::table::{Table, empty};
use crate::world::{World, ip, mac};

/// The smallest sector that a medium can have.
const SECTOR: usize = 512;

/// Enough for the ring to go round soon.
const SECTORS: usize = 4;

/// Changes of one script.
const CHANGES_MAX: usize = 200;

/// Reads what is on the medium from the octets, for one of three sizes of words.
pub fn any_medium(octets: &[u8]) {
    let mut script = Unstructured::new(octets);
    // Where the octets end, so does what is done.
    let _ = match script.arbitrary::<u8>().unwrap_or_default() % 3 {
        0 => recover::<1>(&mut script),
        1 => recover::<4>(&mut script),
        _ => recover::<32>(&mut script),
    };
}

fn recover<const WORD: usize>(script: &mut Unstructured<'_>) -> Result<()> {
    let bits = script.arbitrary::<u8>()?;
    let mut flash = Nor::<WORD, SECTOR>::new(SECTORS, u64::from(bits));
    if bits & 1 == 0 {
        flash = used(flash, script)?;
    } else if bits & 2 == 0 {
        flash.octets_mut().fill(0xff);
    }
    damage(&mut flash, script)?;
    examine(flash);
    Ok(())
}

/// A program wrote its journal here, and perhaps lost its power in the middle of it.
fn used<const WORD: usize>(
    flash: Nor<WORD, SECTOR>,
    script: &mut Unstructured<'_>,
) -> Result<Nor<WORD, SECTOR>> {
    let mut flash = flash;
    let fuel = script.arbitrary::<u16>()?;
    if fuel < 4_096 {
        let leaves = match fuel % 3 {
            0 => Leaves::Nothing,
            1 => Leaves::Everything,
            _ => Leaves::Some,
        };
        flash.cut_after(u64::from(fuel), leaves);
    }
    let mut table = empty(World::plain().config);
    let (mut journal, _) = open(flash, &mut table).expect("nothing on a new medium is a journal");
    let mut writer = Writer { lsn: Lsn::ZERO, now: Timestamp::from_secs(1_000) };
    for _ in 0..CHANGES_MAX {
        let [kind, address, client] = script.arbitrary::<[u8; 3]>()?;
        match kind % 8 {
            7 if kind > 200 => break,
            6 => {
                let _ = journal.tidy(&mut table);
            }
            7 => {
                let _ = journal.sync();
            }
            _ => {
                let address = World::plain().address(address);
                writer.change(kind % 8, address, client % 5, &mut table, &mut journal);
            }
        }
    }
    let mut flash = journal.into_medium().into_flash();
    flash.power_on();
    Ok(flash)
}

/// Octets become others, or a run of them is erased.
fn damage<const WORD: usize>(
    flash: &mut Nor<WORD, SECTOR>,
    script: &mut Unstructured<'_>,
) -> Result<()> {
    let all = SECTORS * SECTOR;
    while !script.is_empty() {
        let at = usize::from(script.arbitrary::<u16>()?);
        let octet = script.arbitrary::<u8>()?;
        // The upper bits of the place say how many octets are meant.
        let len = if at / all == 31 { usize::from(octet) } else { 1 };
        for place in flash.octets_mut().iter_mut().skip(at % all).take(len) {
            *place = if len == 1 { octet } else { 0xff };
        }
    }
    Ok(())
}

type Open<const WORD: usize> = Journal<NorMedium<Nor<WORD, SECTOR>>>;

fn open<const WORD: usize>(
    flash: Nor<WORD, SECTOR>,
    table: &mut Table,
) -> core::result::Result<
    (Open<WORD>, Opened),
    OpenError<lease_store::medium::NorError<sim::nor::PowerLost>>,
> {
    Journal::open(NorMedium::new(flash), table)
}

/// Who has what, as far as it is recorded.
fn known(table: &Table) -> Vec<(Ipv4Addr, Standing, Option<ClientKey>, Timestamp)> {
    let entries = table.entries(Timestamp::default());
    let kept = entries.filter(|entry| match entry.standing {
        Standing::Bound | Standing::Idle => entry.key.is_some(),
        Standing::Quarantined => true,
        Standing::Fresh | Standing::Offered => false,
    });
    kept.map(|entry| (entry.address, entry.standing, entry.key, entry.until)).collect()
}

fn examine<const WORD: usize>(flash: Nor<WORD, SECTOR>) {
    let config = World::plain().config;
    let mut table = empty(config);
    // What another version wrote, or for a medium of other sizes, is left as it is.
    let Ok((journal, opened)) = open(flash.clone(), &mut table) else { return };
    table.check();
    let flash_after = journal.into_medium().into_flash();
    assert!(flash_after.octets() == flash.octets(), "nothing is written while a journal is opened");
    let mut again = empty(config);
    let reopened = open(flash_after, &mut again);
    let (mut journal, opened_again) = reopened.expect("what was read once is read again");
    assert_eq!(opened, opened_again);
    assert_eq!(known(&table), known(&again));
    // The next changes: one address is forgotten, and leased to somebody new.
    let now = opened.time.unwrap_or_default().max(Timestamp::from_secs(1_000));
    let mut writer = Writer { lsn: Lsn::ZERO, now };
    let address = ip(2, 12);
    let appended = writer.change(4, address, 9, &mut again, &mut journal)
        && writer.change(0, address, 9, &mut again, &mut journal);
    if !appended || journal.sync().is_err() {
        return;
    }
    again.check();
    let flash = journal.into_medium().into_flash();
    let mut third = empty(config);
    let (_, _) = open(flash, &mut third).expect("what was just written is read");
    third.check();
    assert_eq!(known(&again), known(&third), "nothing is lost and nothing is invented");
}

/// Makes changes in the table and appends them.
struct Writer {
    lsn: Lsn,
    now: Timestamp,
}

impl Writer {
    /// `true` when the change was made and appended, or when there was nothing to be appended.
    fn change<const WORD: usize>(
        &mut self,
        kind: u8,
        address: Ipv4Addr,
        client: u8,
        table: &mut Table,
        journal: &mut Open<WORD>,
    ) -> bool {
        self.now = self.now.plus_secs(7);
        let now = self.now;
        let hardware = HardwareAddr::ethernet(mac(client));
        let key = ClientKey::from_hardware(&World::plain().config.installation, &hardware);
        let until = now.plus_secs(u32::from(client) * 3_000 + 60);
        let change = match kind {
            0..=2 => {
                let pinned = kind == 2;
                let grant = Grant {
                    address,
                    key: &key,
                    hardware: &hardware,
                    until,
                    promise: until,
                    pinned,
                    now,
                };
                match table.grant(&grant) {
                    Ok(Granted::Bind) => Change::Bind {
                        address,
                        key,
                        hardware,
                        client_id: None,
                        name: b"camera",
                        until,
                        pinned,
                    },
                    Ok(Granted::Extend) => Change::Extend { address, until },
                    Ok(Granted::Covered) => return true,
                    Err(_) => return false,
                }
            }
            3 => {
                let bound = table.entry_at(address, now);
                let bound = bound.filter(|entry| entry.standing == Standing::Bound);
                let Some(key) = bound.and_then(|entry| entry.key) else { return false };
                table.release(address, &key, now);
                Change::Release { address }
            }
            4 => {
                if !table.forget(address, now) {
                    return false;
                }
                Change::Forget { address }
            }
            _ => {
                if !table.quarantine(address, until, now) {
                    return false;
                }
                Change::Quarantine { address, until }
            }
        };
        self.lsn = self.lsn.next();
        let appended = journal.append(self.lsn, &change, table).is_ok();
        if !appended {
            table.forget_promise(address);
        }
        appended
    }
}
